package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/flight"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// Timer measures an execution by the monotonic clock. A Timer is a value, so it
// costs no allocation. The zero Timer records nothing. Any number of goroutines
// may stop copies of it.
type Timer struct {
	node      *Node
	start     int64            // nanoseconds of the monotonic clock
	execution flight.Execution // of a collector made WithInFlight
}

// Start starts a timer for an execution of the node. The timer of a nil Node
// measures and records nothing.
func (n *Node) Start() Timer {
	start := clock.Now()
	if n != nil && n.life.InFlight() != nil {
		return n.begin(start)
	}
	return Timer{node: n, start: start}
}

// Stop records an execution that ends now, a success if err is nil, else a
// failure as by RecordFailure. Stop returns the time since Start. Each call
// records, so the caller stops a timer once. The zero Timer returns 0.
//
// A deferred Stop counts a panic as a success, because err is nil then.
// [Node.Do] counts a panic as a failure.
//
// With [WithInFlight], the first call of Stop or Discard on a Timer or a copy
// ends the execution. Further calls end none, up to 500,000 executions at once;
// see [Node.InFlight].
func (t Timer) Stop(err error) time.Duration {
	n := t.node
	if n == nil {
		return t.Elapsed()
	}
	end := clock.Now()
	t.Discard() // before the user's classifier, which may end the goroutine
	d := time.Duration(end - t.start)
	if err != nil {
		n.recordError(d, err, end)
	} else if !n.life.Try(ring.Success, uint64(d), end) {
		n.recordAnyhow(ring.Success, d, end)
	}
	return d
}

// Discard ends the execution without a record, because it is no verdict on its
// node. Without [WithInFlight] Discard does nothing. Stop says what further
// calls do.
func (t Timer) Discard() {
	if t.execution.Begun() {
		t.node.end(t.execution)
	}
}

// Elapsed returns the time since Start. The zero Timer returns 0.
func (t Timer) Elapsed() time.Duration {
	if t == (Timer{}) {
		return 0
	}
	return time.Duration(clock.Now() - t.start)
}
