package atomicmetrics

import (
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// WithIdleForget forgets nodes that have had no record, neither an execution nor a retry, for at least d, so that a
// service whose names come and go does not run out of the places of WithMaxNodes. It must be above 0. What Forget says
// of handles holds here too. OverflowNode is never forgotten, nor is a node of which executions are running, WithInFlight.
//
// There is no goroutine for it, and no record reads a clock: Snapshot and Reset of the collector look, after they have
// read the nodes, at what was recorded since they looked last. So a node is forgotten by the first of these calls that
// comes d or more after the first one that saw its last record, and never without such calls. They wait, as a reset
// does, for records in flight of the nodes that they forget.
//
// Nothing is lost. The snapshot that forgets a node shows it a last time, and
// Stats.Forgotten has the counters that no reset has returned. A node that is
// forgotten by Collector.Reset has none of these. So the results of all resets, the
// nodes that are there and Stats.Forgotten add up to everything recorded. A read of
// all nodes beside a snapshot that forgets may miss a node on its way there.
func WithIdleForget(d time.Duration) Option {
	return func(c *config) { c.idleForget, c.forgetsIdle = d, true }
}

// idle tells for how long a node has been without a record.
type idle struct {
	emptied atomic.Uint64 // times that somebody was about to take away what was recorded

	// The rest belongs to whoever holds Collector.sweeping.
	seen  activity
	since int64 // when seen was true, by the monotonic clock
	known bool  // seen and since are
}

// activity is different after every record: without a reset there are more records, and with one there was one more.
type activity struct{ emptied, records uint64 }

func (n *Node) activity() activity {
	for {
		a := activity{n.extras.idle.emptied.Load(), n.present().records()}
		if n.extras.idle.emptied.Load() == a.emptied { // else the records may be of a state after it
			return a
		}
	}
}

// isIdle reports whether nothing was recorded for at least d, as far as earlier calls can tell. The caller holds
// Collector.sweeping. The clock is read before this look at the node and after the earlier one: so between the two there
// was at least that time.
func (n *Node) isIdle(d time.Duration) bool {
	now, i := clock.Now(), &n.extras.idle
	if n.busy() {
		i.known = false
		return false
	}
	if a := n.activity(); !i.known || a != i.seen {
		i.known, i.seen, i.since = true, a, clock.Now()
		return false
	}
	return now-i.since >= int64(d)
}

// forgetIdle forgets the nodes that have been idle for long enough, unless somebody else is at it.
func (c *Collector) forgetIdle() {
	if c == nil || !c.forgetsIdle || !c.sweeping.TryLock() {
		return
	}
	defer c.sweeping.Unlock()
	for _, n := range c.all() {
		if n == c.overflow || !n.isIdle(c.idleForget) {
			continue
		}
		if m := n.clear(gone, new(details)); m.active() {
			c.addForgotten(m)
		}
		c.unlist(n)
	}
}
