package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// Timer measures one execution by the monotonic clock. It is a value: starting and stopping one allocates nothing. The
// zero Timer records nothing. Any number of goroutines may stop copies of it.
type Timer struct {
	node  *Node
	start int64 // nanoseconds of the monotonic clock
}

// Start starts a timer for an execution of the node. The timer of a nil Node measures and records nothing.
func (n *Node) Start() Timer { return Timer{node: n, start: clock.Now()} }

// Stop records an execution that ends now, a success if err is nil, else a failure as by RecordFailure, and returns the
// time since Start. Each call records: stop a timer once. The zero Timer returns 0. In a defer, err is nil after a panic,
// which then counts as a success: package wrap counts it as a failure.
func (t Timer) Stop(err error) time.Duration {
	if t == (Timer{}) {
		return 0
	}
	d := time.Duration(clock.Now() - t.start)
	if err == nil {
		t.node.RecordSuccess(d)
	} else {
		t.node.RecordFailure(d, err)
	}
	return d
}
