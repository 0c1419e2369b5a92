package atomicmetrics

import "time"

// LastFailure is a node's newest failure since its last reset, with
// [WithLastFailure]. It is a plain value. The zero value stands for no failure.
// The text is from the error's method Error, made valid UTF-8, at most its
// first 256 bytes. Without an error the text is empty.
type LastFailure struct {
	At       time.Time // when it was recorded, in UTC, without a monotonic reading
	Category Category
	Text     string
}

// LastFailure returns the node's newest failure since its last reset. If
// failures overlap, the failure whose record began last is the newest. If there
// is none, or without [WithLastFailure], LastFailure returns the zero
// LastFailure. It waits for nobody. A Snapshot has the failure together with
// its counts.
func (n *Node) LastFailure() LastFailure {
	var d details
	n.metrics(&d)
	return d.lastFailure
}
