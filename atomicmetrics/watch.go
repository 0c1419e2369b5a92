package atomicmetrics

import (
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// watch judges one node's window against its thresholds.
//
// A look copies the node's window, judges it, raises the events and writes the verdict. Looks exclude each other by the
// bit looking in edge, which is a lock that no record waits for: a record that finds it taken sets owed and leaves, and
// whoever holds it looks again before giving it back, or leaves owed to the next record. A reset takes the same lock
// to swap the state out and to raise the recoveries. So every event is raised by the holder of looking, before anybody
// can move the verdict on: breaches and recoveries of a node alternate, in the order in which they happened.
//
// Most records need no look. In a ring that is not sharded its running counts tell whether the verdict would change.
// In a sharded one debt tells how many records may pass before it could. A window that is kept as t-digests is looked
// at when some of it has been folded, by whoever folds.
//
// Why no change is missed: every record that could raise a count checks after its sample is stored and tallied. Of
// records that overlap, the one whose check is last finds the others' samples all there. If it then finds looking
// taken, owed makes sure of another look that begins after its store.
type watch struct {
	edge atomic.Uint32 // verdict, and the bits below
	debt atomic.Int64  // sharded ring: records that may pass before the next look
	rule *rule
}

// The bits of edge above the verdict's.
const (
	looking = 8 << iota // somebody looks at the window, or resets the node
	owed                // there must be another look, by whoever comes next
	near                // sharded ring, large window: all records pay the debt, as the verdict may be about to change

	verdictBits = uint32(judged | failureBreach | latencyBreach)
)

func newWatch(r *rule) *watch { return &watch{rule: r} }

// healthy reports whether a record with this outcome and duration can leave the watch alone.
func (w *watch) healthy(o ring.Outcome, d uint64) bool {
	return o == ring.Success && d <= w.rule.latency && w.edge.Load() == uint32(judged)
}

// breached returns the verdict.
func (w *watch) breached() verdict {
	if w == nil {
		return 0
	}
	return verdict(w.edge.Load() & verdictBits)
}

// check follows a record that is not healthy, or that is added to a window which may not be.
func (n *Node) check(r *ring.Ring) {
	if r.Digested() {
		return // whoever folds looks
	}
	w := n.watch
	edge := w.edge.Load()
	if edge&owed == 0 {
		if r.Sharded() {
			if w.debt.Add(-1) > 0 {
				return
			}
		} else if v := verdict(edge & verdictBits); w.rule.judge(v, r.Tally().Stats()) == v {
			return
		}
	}
	n.look()
}

// looks is how often one record looks at a window that changes all the while, before it leaves that to the next.
const looks = 4

// look judges the window of the node's state, unless somebody else is about to.
func (n *Node) look() {
	w := n.watch
	for {
		edge := w.edge.Load()
		if edge&looking != 0 {
			if w.edge.CompareAndSwap(edge, edge|owed) {
				return
			}
		} else if w.edge.CompareAndSwap(edge, edge&verdictBits|looking) {
			break
		}
	}
	step.At(step.Looking)
	for try := 1; ; try++ {
		next := n.judge(verdict(w.edge.Load() & verdictBits))
		for {
			edge := w.edge.Load()
			again := edge&owed != 0 && try < looks
			after := next | edge&owed
			if again {
				after = next&verdictBits | looking
			}
			if w.edge.CompareAndSwap(edge, after) {
				if !again {
					return
				}
				break
			}
		}
	}
}

// judge raises the events of what the window says now, and returns the verdict, with near where it applies. The caller
// holds looking.
func (n *Node) judge(before verdict) uint32 {
	s := n.state.Load()
	if s == nil {
		return uint32(before)
	}
	w, b := n.watch, readers.Get().(*reader)
	defer readers.Put(b)
	stats, p99 := b.judgeable(&s.ring, w.rule)
	after := w.rule.judge(before, stats)
	if changed := before ^ after; changed&(failureBreach|latencyBreach) != 0 && n.collector.events != nil {
		e := Event{
			Node:        n.name,
			FailureRate: float64(stats.Failures) / float64(stats.Samples),
			P99:         p99(),
			Samples:     stats.Samples,
			At:          time.Now(),
		}
		n.raise(e, changed, after)
	}
	next := uint32(after)
	if s.ring.Sharded() {
		debt := w.rule.distance(after, stats)
		if debt < w.rule.lazily {
			debt, next = w.rule.lazily, next|near
		}
		w.debt.Store(int64(debt))
	}
	return next
}

// judgeable copies the window of a ring and returns what a rule judges by, and the window's p99.
func (b *reader) judgeable(r *ring.Ring, rule *rule) (stats ring.Stats, p99 func() time.Duration) {
	if !r.Digested() {
		samples, _ := b.Window(r)
		return r.Tally().Count(samples), func() time.Duration { return b.sort(samples)(0.99) }
	}
	w := b.window(r)
	stats = ring.Stats{Samples: w.samples, Failures: w.failures}
	if w.samples == 0 {
		return stats, nil
	}
	p := w.quantile(0.99)
	if uint64(p) > rule.latency { // as if all samples were: the rule asks only whether more are than stand behind the p99
		stats.Slow = w.samples
	}
	if uint64(p) > rule.latencyRecovery {
		stats.Slowish = w.samples
	}
	return stats, func() time.Duration { return p }
}

// raise puts an event for each kind whose verdict changed.
func (n *Node) raise(e Event, changed, after verdict) {
	if n.collector.events == nil {
		return
	}
	for kind, breach := range [...]verdict{FailureRateEvent: failureBreach, LatencyEvent: latencyBreach} {
		if changed&breach != 0 {
			e.Kind, e.Breached = EventKind(kind), after&breach != 0
			n.collector.put(e)
		}
	}
}

// swapOut takes the node's state away for a reset, and returns it with the verdict that it had. A node that was in
// breach has recovered by it.
func (n *Node) swapOut() (*state, verdict) {
	w := n.watch
	if w == nil {
		return n.state.Swap(nil), 0
	}
	var edge uint32
	for try := 0; ; try++ {
		edge = w.edge.Load()
		if edge&looking == 0 && w.edge.CompareAndSwap(edge, edge|looking) {
			break
		}
		pause(try)
	}
	before := verdict(edge & verdictBits)
	s := n.state.Swap(nil)
	step.At(step.Swapped)
	n.raise(Event{Node: n.name, At: time.Now()}, before&^judged, 0)
	w.debt.Store(0)
	w.edge.And(owed) // the lock is given back, the verdict is gone; the next record does what is owed
	return s, before
}
