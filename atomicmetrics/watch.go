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
// bit looking in edge, which is a lock that no record waits for: a record that finds it taken sets owed and leaves. A
// reset takes the same lock, and before looks that begin after it (wanted), to swap the state out and to raise the
// recoveries. So every event is raised by the holder of looking, before anybody can move the verdict on: breaches and
// recoveries of a node alternate, in the order in which they happened.
//
// Most records need no look. In a ring that is not sharded its running counts tell whether the verdict would change.
// In a sharded one debt tells how many records may pass before it could. A large window is looked at by the recorder
// that has published a batch, by the counts that are published.
//
// Why no change is missed. Every record that could raise a count checks after its sample is stored and tallied; of
// records that overlap, the one whose check is last finds the others' samples all there. Then either it looks, or it
// finds looking taken. In that case: if it found its check due, it leaves owed, and there is another look. If it did
// not, it compared with a verdict that the holder was about to replace. So the holder, when it has written the new one, asks
// whether a record is under way in the first shard, and then compares the running counts with the verdict once more. What a
// record stored need not be visible yet when it compares; but it acquired the shard before, by an instruction that
// made that visible: so the holder finds it under way, and looks again, or it has ended, and the holder sees what it
// tallied. In a sharded ring the debt is zero from before the copy until the holder sets it: who pays meanwhile finds
// its check due, who pays later is counted; there a record makes what it stored visible before it compares.
// A reset takes the verdict away before the state: so a record of the next state finds its check due, and leaves owed.
type watch struct {
	edge atomic.Uint32 // verdict, and the bits below
	debt atomic.Int64  // sharded ring: records that may pass before the next look; 0 or less when one is due
	rule *rule
}

// The bits of edge above the verdict's.
const (
	looking = 8 << iota // somebody looks at the window, or resets the node
	owed                // there must be another look, by whoever comes next
	near                // sharded ring, large window: all records pay the debt, as the verdict may be about to change
	wanted              // a reset waits for looking

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
		return // the recorder that publishes looks
	}
	step.At(step.Checking)
	if w := n.watch; w.edge.Load()&owed != 0 || r.Sharded() && w.debt.Add(-1) <= 0 || w.changed(r) {
		n.look()
	}
}

// changed reports whether the running counts of a ring, if it has any and has not been sharded, say another verdict than
// the last.
func (w *watch) changed(r *ring.Ring) bool {
	if r.Digested() || r.Sharded() {
		return false
	}
	v := verdict(w.edge.Load() & verdictBits)
	step.At(step.Checking)
	return w.rule.judge(v, r.Tally().Stats()) != v
}

// looks is how often one record looks at a window that changes all the while, before it leaves that to the next.
const looks = 4

// look judges the window of the node's state, unless somebody else is at it: that one then looks again.
func (n *Node) look() {
	for range looks {
		if again := n.lookOnce(); !again {
			return
		}
	}
	n.watch.edge.Or(owed)
}

// lookOnce is one look. It reports whether there must be another, as records came meanwhile.
func (n *Node) lookOnce() (again bool) {
	w := n.watch
	for {
		edge := w.edge.Load()
		step.At(step.Aimed)
		if edge&(looking|wanted) != 0 {
			if w.edge.CompareAndSwap(edge, edge|owed) {
				return false
			}
		} else if w.edge.CompareAndSwap(edge, edge&verdictBits|looking) {
			break
		}
	}
	step.At(step.Looking)
	s := n.present()
	sharded := s != nil && s.ring.Sharded()
	next := n.judge(s, verdict(w.edge.Load()&verdictBits))
	step.At(step.Judged)
	for {
		edge := w.edge.Load()
		step.At(step.Aimed)
		if w.edge.CompareAndSwap(edge, next|edge&(owed|wanted)) {
			switch {
			case edge&wanted != 0:
				return false // the reset looks
			case s == nil:
				return edge&owed != 0 // by a record that began the next state
			}
			// What was judged by running counts may have been checked, meanwhile, against what was to be replaced.
			return edge&owed != 0 || !sharded && !s.ring.Digested() && (s.ring.Sharded() || s.ring.Busy() || w.changed(&s.ring))
		}
	}
}

// judge raises the events of what the window of a state says now, and returns the verdict, with near where it applies.
// The caller holds looking.
func (n *Node) judge(s *state, before verdict) uint32 {
	if s == nil {
		return uint32(before)
	}
	w, b := n.watch, readers.Get().(*reader)
	defer readers.Put(b)
	w.debt.Store(0)
	stats, samples, large := b.judgeable(&s.ring)
	after := w.rule.judge(before, stats)
	if changed := before ^ after; changed&(failureBreach|latencyBreach) != 0 && n.collector.events != nil {
		e := Event{
			Node:        n.name,
			FailureRate: float64(stats.Failures) / float64(stats.Samples),
			P99:         b.p99(samples, large, w.rule),
			Samples:     stats.Samples,
			At:          time.Now(),
		}
		n.raise(e, changed, after)
	}
	next := uint32(after)
	step.At(step.Copied)
	if s.ring.Sharded() && !s.ring.Digested() {
		debt := w.rule.distance(after, stats)
		if debt < w.rule.lazily {
			debt, next = w.rule.lazily, next|near
		}
		w.debt.Store(int64(debt))
	}
	return next
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

// swapOut takes the node's state away for a reset, leaves to in its place, and returns it with the verdict that it had. A
// node that was in breach has recovered by it.
func (n *Node) swapOut(to *state) (*state, verdict) {
	w := n.watch
	if w == nil {
		s := n.take(to)
		step.At(step.Swapped)
		return s, 0
	}
	var edge uint32
	for try := 0; ; try++ {
		edge = w.edge.Load()
		step.At(step.Aimed)
		if edge&looking != 0 {
			w.edge.Or(wanted)
			step.At(step.Waiting)
			pause(try)
		} else if w.edge.CompareAndSwap(edge, edge&^wanted|looking) {
			break
		}
	}
	before := verdict(edge & verdictBits)
	w.edge.And(^verdictBits) // first: so a record of the next state does not compare with this one's verdict, and leaves owed
	s := n.take(to)
	step.At(step.Swapped)
	n.raise(Event{Node: n.name, At: time.Now()}, before&^judged, 0)
	w.debt.Store(0)
	step.At(step.Judged)
	if w.edge.And(owed|wanted)&(owed|wanted) == owed { // the lock is given back
		n.look()
	}
	return s, before
}
