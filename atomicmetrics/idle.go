package atomicmetrics

import (
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// WithIdleForget forgets nodes without an execution or a retry for at least d,
// which must be above 0. So a service whose names come and go does not run out
// of the places of [WithMaxNodes]. Handles stay valid, as after
// [Collector.Forget]. The collector never forgets OverflowNode, nor a node with
// running executions, by [WithInFlight].
//
// There is no goroutine for it, and no record reads a clock. After
// [Collector.Snapshot] and [Collector.Reset] have read the nodes, they look for
// nodes without a new record. The first call that sees a node's last record
// begins its time. The first call that comes d or more later forgets the node.
// Without such calls no node is forgotten. These calls wait, as a reset does,
// for records in flight of the nodes that they forget.
//
// Nothing is lost. The snapshot that forgets a node shows it a last time, and
// Stats.Forgotten has the counters that no reset has returned. A node that is
// forgotten by Collector.Reset has none of these. So the results of all resets,
// the current nodes and Stats.Forgotten add up to everything recorded. A read
// of all nodes beside a snapshot that forgets may miss a node on its way there.
func WithIdleForget(d time.Duration) Option {
	return func(c *config) { c.idleForget, c.forgetsIdle = d, true }
}

// idle tells for how long a node has had no record.
type idle struct {
	clearing atomic.Uint64 // resets that have begun to take the state
	cleared  atomic.Uint64 // resets that have ended; at most clearing

	// The holder of Collector.sweeping owns the rest.
	seen  activity
	since int64 // when seen was true, by the monotonic clock
	known bool  // whether seen and since are set
}

// activity is how many resets there were, and how many records since.
type activity struct{ cleared, records uint64 }

// activity returns the node's activity. It returns false while a reset is
// taking the state away. If two calls return the same activity, nothing was
// recorded between them, because no reset was under way at either call or
// between. So both calls looked at the same state, or the first call found no
// state and the second an empty state.
func (n *Node) activity() (_ activity, ok bool) {
	i := &n.optional.idle
	a := activity{cleared: i.cleared.Load()}
	a.records = n.present().records()
	return a, i.clearing.Load() == a.cleared
}

// isIdle reports whether nothing was recorded for at least d, as far as earlier
// calls can tell. The caller holds Collector.sweeping. isIdle reads the clock
// before it looks at the node, and the earlier call read it afterwards. So at
// least that time has passed between the two looks.
func (n *Node) isIdle(d time.Duration) bool {
	now, i := clock.Now(), &n.optional.idle
	a, ok := n.activity()
	if !ok || n.busy() {
		i.known = false
		return false
	}
	if !i.known || a != i.seen {
		i.known, i.seen, i.since = true, a, clock.Now()
		return false
	}
	return now-i.since >= int64(d)
}

// forgetIdle forgets the nodes that have been idle for long enough, unless
// another goroutine does so.
func (c *Collector) forgetIdle() {
	if c == nil || !c.forgetsIdle || !c.sweeping.TryLock() {
		return
	}
	defer c.sweeping.Unlock()
	for _, n := range c.all() {
		if n == c.overflow || !n.isIdle(c.idleForget) {
			continue
		}
		if m := n.forget(); m.active() {
			c.addForgotten(m)
		}
	}
}
