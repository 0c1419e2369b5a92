package atomicmetrics

import "time"

// WithInFlight keeps, for every node, the executions that are running: Node.InFlight, Snapshot.InFlight. It is for
// finding the node that hangs, which no record ever shows. Only executions that Start began are known, so those of
// timers and of package wrap; each runs until the first call of Stop or Discard on its Timer.
//
// Records cost the same with it. Start and Stop together take four more atomic instructions. A node takes some 100 bytes
// more, and 8 for each execution that ever ran at once with others.
func WithInFlight() Option { return func(c *config) { c.inFlight = true } }

// InFlight is what runs of a node, of a collector made WithInFlight. It is a plain value.
type InFlight struct {
	Running int           // executions that have begun and not ended
	Highest int           // the most that ever ran at once since the last reset, at least Running
	Oldest  time.Duration // how long the one that began first has been running, to the microsecond; 0 when none is
}

// InFlight returns the executions of the node that are running, and the zero
// InFlight without [WithInFlight]. Beside executions that begin and end, Running
// and Highest are of one moment of the call, and Oldest is of another. Some
// executions may be counted and not timed if more than 10,000 of one node run at
// once. Then Oldest is a lower bound. InFlight waits for no other goroutine.
func (n *Node) InFlight() InFlight {
	var d details
	n.metrics(&d)
	return d.inFlight
}

// overdue reports whether the node is in breach of Thresholds.Running.
func (n *Node) overdue() bool { return n.optional != nil && n.optional.inFlight.Overdue() }

// begin adds the execution that the timer measures to those of its node. They
// must be seen under the node's name. So if the node is forgotten, its successor
// has the execution, and the successor takes the name's place. If the node is
// forgotten after begin, it keeps its place while it is busy: see package
// registry.
func (t *Timer) begin() {
	for {
		n := t.node
		t.execution = n.optional.inFlight.Begin(t.start)
		if !n.isForgotten() {
			return
		}
		n.optional.inFlight.End(t.execution)
		t.node = n.successor()
	}
}

// end ends the execution that the timer measures. If its node was forgotten
// meanwhile and runs nothing else, the name may lose its place now.
func (t *Timer) end() {
	n := t.node
	n.optional.inFlight.End(t.execution)
	if n.isForgotten() && !n.busy() {
		n.collector.names.Remove(n.name)
	}
}
