package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/flight"
)

// WithInFlight keeps the running executions of every node. [Node.InFlight] and
// Snapshot.InFlight return them. They show a node that hangs, which no record
// shows. A node knows the executions that [Node.Start], [Node.Do] and
// [Node.DoIgnoring] begin. Package wrap and most adapters call these. An
// execution runs until the first call of Stop or Discard on its Timer.
//
// Records cost the same with it. Start and Stop together take four more atomic
// instructions. A node takes about 100 bytes more, and about 10 to 40 for each
// execution that ran at the same time.
func WithInFlight() Option { return func(c *config) { c.inFlight = true } }

// InFlight has the running executions of a node, with [WithInFlight]. It is a
// plain value.
type InFlight struct {
	Running int // executions that have begun and not ended
	Highest int // the most that ever ran at once since the last reset, at least Running
	// How long the oldest has been running, to the microsecond; 0 if none is
	// running.
	Oldest time.Duration
}

// InFlight returns the executions of the node that are running, and the zero
// InFlight without [WithInFlight]. Running and Highest are of one moment of the
// call, and Oldest is of another moment. If more than 500,000 executions of a
// node run at once, some may be counted and not timed. Then Oldest is a lower
// bound, and ending such an execution twice ends another one too. InFlight
// waits for no other goroutine.
func (n *Node) InFlight() InFlight {
	var d details
	n.metrics(&d)
	return d.inFlight
}

// begin starts a timer whose execution is in flight. Reads must see the execution
// under the node's name. So if the node is forgotten, its successor has the
// execution, and takes the name's place. If the node is forgotten after begin,
// it keeps its place while it is busy.
func (n *Node) begin(start int64) Timer {
	for {
		if e, begun := n.life.Begin(start); begun {
			return Timer{n, start, e}
		}
		n = n.successor()
	}
}

// end ends an execution of begin. If the node was forgotten meanwhile and is not
// busy any more, the name may lose its place now.
func (n *Node) end(e flight.Execution) {
	if n.life.End(e) {
		n.collector.names.Remove(n.name)
	}
}
