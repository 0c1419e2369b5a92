package atomicmetrics

// Forget gives back a node's memory and its place among those of
// [WithMaxNodes]. It is for names that come and go. Like a reset, Forget
// returns the figures that it clears, ends a breach by a recovery, and waits
// for the records in flight. It clears the count of ignored executions and does
// not return it. If the name is not known, Forget returns the zero NodeMetrics.
// OverflowNode has no place to give back, so Forget resets it.
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
	return n.forget(new(details))
}

// forget clears the node for ever and returns the cleared figures. For the
// details see metrics.
func (n *Node) forget(d *details) NodeMetrics {
	m := n.clear(true, d)
	n.life.Leave()
	n.collector.names.Remove(n.name)
	return m
}

// successor returns the node that takes the records of n's name, after n was
// found forgotten.
func (n *Node) successor() *Node { return n.collector.register(n.name) }

// live returns the node that has the records of n's name. If n is forgotten and
// has no successor yet, live returns n, which reads as empty.
func (n *Node) live() *Node {
	if n == nil || !n.life.Forgotten() {
		return n
	}
	if m, ok := n.collector.names.Load(n.name); ok {
		return m
	}
	return n
}
