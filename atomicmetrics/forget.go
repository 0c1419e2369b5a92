package atomicmetrics

// gone is the state of nodes that were forgotten. It is closed, so that a record finds out about it only when it has
// been refused.
//
// The state of a node is one of three:
//
//	nil     the node has its place in the map, and nothing was recorded since its last reset
//	gone    the node was forgotten, and may have lost its place
//	else    the node has its place, and this is what was recorded
//
// A node whose state is not gone is in the map, under its name. So of one name no two nodes ever hold records, and
// neither a read of a name nor one of all nodes misses any. It is so because
//
//   - a node is put into the map with a nil state, or with gone (rejoin);
//   - it is taken out only under the map's lock for its name, and while its state is gone (unlist);
//   - its state turns from gone to nil only under that lock, while it is in the map (rejoin);
//   - every other change of the state is from nil or a state of records.
//
// To forget is a reset, with gone in the place of nil; then the node is taken out. A record is in what the reset
// cleared, if it owned its shard before, by the proof of ring.Ring.Close. Else it finds gone, and takes the node in again
// before it is made, or goes to the node that has taken its place meanwhile. If it does so before the node is taken out,
// the node stays where it is: then its state is not gone.
//
// The events stay in order too. The reset that forgets raises the recovery before it takes the node out, so before there
// can be another node of that name.
var gone = func() *state {
	s := new(state)
	s.ring.Init(1, nil)
	s.close()
	return s
}()

// Forget gives back the place that a node has among those of WithMaxNodes, and its memory, and returns what it clears,
// as a reset does: the node recovers from a breach, and the records in flight are waited for. It is for names that come
// and go. A name that is not known is no error, and the result the zero NodeMetrics. OverflowNode has no place to give
// back: it is reset.
//
// Nothing is lost. Handles stay valid: the next record on one takes a place for its name again, as if the name were new.
// It may wait for others that register names then. Where another goroutine has registered the name meanwhile, what is
// recorded and read by either handle is the same node, at the cost of a lookup for each call on the older one. When all
// places are taken by then, the records of the handle go to OverflowNode until there is one, though Name still returns
// its own. A node of which executions are running, as far as WithInFlight knows, gives its place back when the last of
// them ends without a record; a record takes the place again anyway.
func (c *Collector) Forget(node string) NodeMetrics {
	n := c.lookup(node).live()
	if n == nil || n == c.overflow {
		return n.Reset()
	}
	m := n.clear(gone, new(details))
	c.unlist(n)
	return m
}

// unlist takes a node that is gone out of the map, unless it was taken in again, or executions of it are running: these
// are to be seen, and take the node in again when they end. An execution is counted before it looks whether the node is
// gone, and here it is looked at in the other order: so either it finds the node gone, and takes it in, or it is found.
func (c *Collector) unlist(n *Node) {
	removed := false
	c.nodes.Compute(n.name, func(m *Node, found bool) (*Node, bool) {
		removed = found && m == n && n.state.Load() == gone && !n.busy()
		return m, removed || !found
	})
	if removed {
		c.names.giveBack()
		c.dropAliases()
	}
}

// busy reports whether executions are known to be running.
func (n *Node) busy() bool { return n.extras != nil && n.extras.flights.running() > 0 }

// giveBack is called when an entry was taken out of the map.
func (p *places) giveBack() {
	p.settled.Add(-1)
	p.taken.Add(-1)
}

// dropAliases takes out the aliases of nodes that are gone, which would do no harm but take space, and those of the
// overflow node, whose names may find a place now.
func (c *Collector) dropAliases() {
	if c.aliases.taken.Load() == 0 {
		return
	}
	stale := func(name string, n *Node) bool {
		return n.name != name && (n == c.overflow || n.state.Load() == gone)
	}
	c.nodes.Range(func(name string, n *Node) bool {
		if !stale(name, n) {
			return true
		}
		removed := false
		c.nodes.Compute(name, func(n *Node, found bool) (*Node, bool) {
			removed = found && stale(name, n)
			return n, removed || !found
		})
		if removed {
			c.aliases.giveBack()
		}
		return true
	})
}

// rejoin returns the node that takes the records of n's name, after n was found gone: n itself, in the map again, or
// another that has its place, or the overflow node.
func (n *Node) rejoin() *Node {
	c := n.collector
	for {
		switch m, ok := c.nodes.Load(n.name); {
		case !ok:
			if c.add(n.name, &c.names, func(string) *Node { return n }) == nil {
				c.warnOverflow(n.name)
				return c.overflow
			}
		case m != n:
			return m
		default: // only now, as whoever finds it not gone must find it in the map
			back := false
			c.nodes.Compute(n.name, func(m *Node, found bool) (*Node, bool) {
				if back = found && m == n; back {
					n.state.CompareAndSwap(gone, nil)
				}
				return m, !found
			})
			if back {
				return n
			}
		}
	}
}

// live returns the node that has what is recorded under n's name: another one if n was forgotten and that came later.
func (n *Node) live() *Node {
	if n == nil || n.state.Load() != gone {
		return n
	}
	if m, ok := n.collector.nodes.Load(n.name); ok {
		return m
	}
	return n
}

// present returns what was recorded since the last reset, nil when nothing was.
func (n *Node) present() *state {
	if s := n.state.Load(); s != gone {
		return s
	}
	return nil
}

// take puts to, which is nil or gone, in the place of what was recorded, and returns that; nil when nothing was.
func (n *Node) take(to *state) *state {
	for {
		s := n.state.Load()
		if s == to || s == gone {
			return nil
		}
		if n.extras != nil && s != nil {
			n.extras.idle.emptied.Add(1) // before it is so: see activity
		}
		if n.state.CompareAndSwap(s, to) {
			return s
		}
	}
}
