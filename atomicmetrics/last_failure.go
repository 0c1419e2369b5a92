package atomicmetrics

import "time"

// LastFailure is a node's newest failure since its last reset, of a collector
// made [WithLastFailure]. It is a plain value. The zero value stands for no
// failure. The text is the one that the method Error of the error returned, made
// valid UTF-8, at most its first 256 bytes. Without an error it is empty.
type LastFailure struct {
	At       time.Time // when it was recorded, in UTC, without a monotonic reading
	Category Category
	Text     string
}

// LastFailure returns the node's newest failure since its last reset. Of
// failures that overlap it is the one whose record began last. If there is none,
// or without [WithLastFailure], it is the zero LastFailure. It waits for nobody.
// A Snapshot has it together with the counts that it belongs to.
func (n *Node) LastFailure() LastFailure {
	var d details
	n.metrics(&d)
	return d.lastFailure
}
