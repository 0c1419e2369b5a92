package atomicmetrics

import "github.com/nodemetrics/nodemetrics/internal/step"

// forgotten is the state of a node after Forget. It is closed, so records pay
// nothing for the feature. The ring refuses the record, and only then the
// recorder looks for this state.
//
// The state of a node is one of three:
//
//	nil        the node takes records, and has none since its last reset
//	forgotten  the node takes no more records, for ever
//	else       the node takes records, and these are there
//
// To forget a node is to reset it with forgotten in the place of nil. By the
// proof of ring.Ring.Close, either the reset clears a record, or the recorder
// finds forgotten and goes to the node's successor. Package registry proves
// that a name has one node that takes records.
//
// The events of a name stay in order. The reset that forgets a node raises its
// recoveries after it made the node forgotten. A successor inherits that reset,
// so nothing judges the successor before. A node leaves the map only after all
// its resets have ended, so a later node of its name has nothing to inherit.
var forgotten = func() *state {
	s := new(state)
	s.ring.Init(1, nil, nil)
	s.close()
	return s
}()

// Forget gives back a node's memory and its place among those of
// [WithMaxNodes]. It is for names that come and go. Like a reset, Forget
// returns the figures that it clears, ends a breach by a recovery, and waits
// for the records in flight. If the name is not known, Forget returns the zero
// NodeMetrics. OverflowNode has no place to give back, so Forget resets it.
//
// No record is lost, and handles stay valid. The next record on an old handle
// registers its name again, as if the name were new. It may wait for goroutines
// that register names. From then on each call on the old handle costs a lookup
// of the name, so a program should ask [Collector.Node] for a new handle. If
// all places are taken, the records of the old handle go to OverflowNode until
// a place is free. Name still returns the old handle's own name.
//
// If executions of the node are running, by [WithInFlight], the node keeps its
// place until the last has ended. A record in the meantime keeps the place for
// good.
func (c *Collector) Forget(node string) NodeMetrics {
	n := c.lookup(node).live()
	if n == nil || n == c.overflow {
		return n.Reset()
	}
	return n.forget()
}

// forget clears the node for ever and returns the cleared figures.
func (n *Node) forget() NodeMetrics {
	m := n.clear(forgotten, new(details))
	m.RunningBreached = n.overdue()
	n.verdict.AwaitResets(pause)
	if n.optional != nil {
		n.optional.left.Store(true)
	}
	n.collector.names.Remove(n.name)
	return m
}

// keepsPlace reports whether the forgotten node must stay in the map: while
// executions are running, and until its resets have ended. The end of the last
// execution may call Remove before that. Then forget calls it again.
func (n *Node) keepsPlace() bool { return n.busy() || n.optional != nil && !n.optional.left.Load() }

// isForgotten reports whether the node takes no more records.
func (n *Node) isForgotten() bool { return n.state.Load() == forgotten }

// busy reports whether executions are known to be running.
func (n *Node) busy() bool { return n.optional != nil && n.optional.inFlight.Running() > 0 }

// inherit makes n the successor of a forgotten node. Executions of old that are
// running are the successor's, and so are resets of old that are under way.
func (n *Node) inherit(old *Node) {
	n.verdict.Succeed(old.verdict)
	if n.optional != nil && n.optional.inFlight != nil {
		old.optional.inFlight.SetLimit(n.optional.inFlight.Limit())
		n.optional.inFlight = old.optional.inFlight
	}
}

// successor returns the node that takes the records of n's name, after n was
// found forgotten.
func (n *Node) successor() *Node { return n.collector.register(n.name) }

// live returns the node that has the records of n's name. If n is forgotten and
// has no successor yet, live returns n, which reads as empty.
func (n *Node) live() *Node {
	if n == nil || !n.isForgotten() {
		return n
	}
	if m, ok := n.collector.names.Load(n.name); ok {
		return m
	}
	return n
}

// present returns the state since the last reset, or nil if nothing was
// recorded.
func (n *Node) present() *state {
	if s := n.state.Load(); s != forgotten {
		return s
	}
	return nil
}

// take replaces the node's state by to, which is nil or forgotten, and returns
// the old state. If nothing was recorded, take returns nil.
func (n *Node) take(to *state) *state {
	for {
		s := n.state.Load()
		if s == to || s == forgotten {
			return nil
		}
		if n.optional != nil {
			n.optional.idle.BeginReset()
		}
		step.At(step.Aimed)
		swapped := n.state.CompareAndSwap(s, to)
		if n.optional != nil {
			n.optional.idle.EndReset()
		}
		if swapped {
			return s
		}
	}
}
