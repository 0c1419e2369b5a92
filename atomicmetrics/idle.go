package atomicmetrics

import "time"

// WithIdleForget forgets nodes that have had no execution, recorded or ignored,
// and no retry for at least d. So names that come and go do not use up the
// places of [WithMaxNodes]. d must be above 0. For handles see
// [Collector.Forget]. The collector never forgets OverflowNode, nor a node with
// running executions under [WithInFlight].
//
// There is no goroutine for it, and no record reads a clock. After
// [Collector.Snapshot] and [Collector.Reset] have read the nodes, they compare
// the records with those of the call before. So a node is forgotten by the
// first of these calls that comes d or more after the call that first saw its
// last record. Without such calls it is never forgotten. Like a reset, these
// calls wait for the records in flight of the nodes that they forget.
//
// Nothing is lost. The snapshot that forgets a node shows it a last time.
// Stats.Forgotten has the counters that no reset has returned, and
// Stats.ForgottenIgnored the ignored executions. A node that is forgotten by
// Collector.Reset has none of these. So the results of all resets, the current
// nodes and these two of Stats add up to everything recorded. A read of all
// nodes beside a snapshot that forgets may miss a node on its way there.
func WithIdleForget(d time.Duration) Option {
	return func(c *config) { c.idleForget, c.forgetsIdle = d, true }
}

// forgetIdle forgets the nodes that have been idle for long enough, unless
// another call is doing so.
func (c *Collector) forgetIdle() {
	if c == nil || !c.forgetsIdle || !c.sweeping.TryLock() {
		return
	}
	defer c.sweeping.Unlock()
	for _, n := range c.all() {
		if n != c.overflow && n.life.Idle(c.idleForget) {
			var d details
			if m := n.forget(&d); m.active() {
				c.addForgotten(m)
			}
			c.forgottenIgnored.Add(d.ignored)
		}
	}
}
