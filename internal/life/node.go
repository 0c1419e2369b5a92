package life

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/flight"
	"github.com/nodemetrics/nodemetrics/internal/idle"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// Node takes the records of a node. [Node.Init] comes first. All other methods
// are safe for concurrent use. Records wait for no other goroutine.
type Node struct {
	// The state since the last reset; none before the first record, forgotten
	// after Clear was told to forget.
	state   atomic.Pointer[State]
	verdict *verdict.Node // nil without thresholds
	// Nil for a node that keeps only records; so most records need not ask
	// which details it keeps.
	details *details
}

// details are the values that a node may keep beyond its records.
type details struct {
	failures      lastfailure.List[*State]
	idle          idle.Watch
	keepsFailures bool
	left          atomic.Bool // forget waits for no reset any more
	// Nil if executions in flight are not kept; also the successor's, if the
	// node is forgotten.
	inFlight *flight.Set
}

// All nodes share these states, which take nothing.
var (
	none      = closedState() // of a node without records since its last reset
	forgotten = closedState() // of a node that takes no more records
)

// closedState returns a state that a record only reads.
func closedState() *State {
	s := new(State)
	s.Ring.Init(1, nil, nil)
	s.close()
	s.Ring.Record(ring.Success, 0, 0) // The first record freezes the ring.
	return s
}

// Init makes the node ready. It judges its windows by v, and keeps executions
// in flight in f. Each may be nil. The node keeps last failures if failures is
// true, and looks for idle times if idles is true.
func (n *Node) Init(v *verdict.Node, f *flight.Set, failures, idles bool) {
	n.verdict = v
	n.state.Store(none)
	if f != nil || failures || idles {
		n.details = &details{inFlight: f, keepsFailures: failures}
	}
}

// Try is [ring.Ring.Record] of the node's state. If the state takes nothing, Try
// returns false, and the caller calls Record. Try is small enough to be inlined.
// So nothing but the ring's own Record is a call.
func (n *Node) Try(o ring.Outcome, d uint64, end int64) bool {
	s := n.state.Load()
	step.At(step.Loaded)
	return s.Ring.Record(o, d, end)
}

// Record adds an execution that took d, at most [ring.MaxDuration]. A longer d
// would never be taken, and Record would not return. The end is
// the reading of clock.Now at which it ended, or 0 if the caller has none. If
// the node is forgotten, Record returns false. A node that keeps failures has
// them from RecordFailure alone.
func (n *Node) Record(r *Rules, o ring.Outcome, d uint64, end int64) bool {
	for {
		s := n.open(r)
		step.At(step.Loaded)
		if s.Ring.Record(o, d, end) {
			return true
		}
		if s == forgotten {
			return false
		}
	}
}

// RecordFailure is Record for a failure of a node that keeps failures.
func (n *Node) RecordFailure(r *Rules, o ring.Outcome, d uint64, end int64, f lastfailure.Failure) bool {
	for {
		s := n.open(r)
		step.At(step.Loaded)
		if s.Ring.Record(o, d, end) {
			n.details.failures.Add(s, f)
			return true
		}
		if s == forgotten {
			return false
		}
	}
}

// Count adds 1 to one of the counts. If the node is forgotten, Count returns
// false.
func (n *Node) Count(r *Rules, i int) bool {
	for {
		s := n.open(r)
		step.At(step.Loaded)
		if s.count(i) {
			return true
		}
		if s == forgotten {
			return false
		}
	}
}

// open returns the node's state. If there is none, open makes it. If a reset
// was faster, open returns none. After Forget it returns forgotten.
func (n *Node) open(r *Rules) *State {
	if s := n.state.Load(); s != none {
		return s
	}
	s := newState(r, n.verdict)
	step.At(step.Made)
	n.state.CompareAndSwap(none, s)
	step.At(step.Placed)
	return n.state.Load()
}

// State returns the state since the last reset, or nil if nothing was recorded.
func (n *Node) State() *State {
	if s := n.state.Load(); s != none && s != forgotten {
		return s
	}
	return nil
}

// Clear takes the state away and returns it, nil if nothing was recorded. The
// state is final, because Clear waits for the records in flight. Its breaches
// have recovered. If forget is true, the node takes no more records from then
// on. The caller reads the state and then calls Cleared.
func (n *Node) Clear(forget bool) *State {
	to := none
	if forget {
		to = forgotten
	}
	n.verdict.BeginReset()
	s := n.take(to)
	step.At(step.Swapped)
	if s == nil {
		return nil
	}
	s.close()
	step.At(step.Closed)
	for try := 0; !s.Ring.Quiet() || !n.addedFailures(s); try++ {
		step.At(step.Waiting)
		pause(try)
	}
	s.watch.End(pause)
	return s
}

// Cleared ends a reset, whose state was s. While the reset was under way, no
// record of the next state could be judged. So the caller then calls Rejudge for
// the node that has the records of the name.
func (n *Node) Cleared(s *State) {
	if s != nil && n.details != nil {
		n.details.failures.Remove(s)
	}
	n.verdict.EndReset()
}

// Rejudge judges the window that records could not have judged beside a reset.
func (n *Node) Rejudge() {
	if s := n.State(); s != nil {
		s.watch.Rejudge()
	}
}

// Judge judges the window, if it has thresholds and no record judges it exactly.
// If another goroutine judges the window or the executions in flight, Judge
// waits as long as goOn returns true.
func (n *Node) Judge(goOn func() bool) {
	for try := 0; n.InFlight().Looking() && goOn(); try++ {
		pause(try)
	}
	if s := n.State(); s != nil && s.watch != nil {
		s.watch.LookNow(func(try int) bool { pause(try); return goOn() })
	}
}

// take replaces the node's state by to, which is none or forgotten, and returns
// the old state. If nothing was recorded, take returns nil.
func (n *Node) take(to *State) *State {
	for {
		s := n.state.Load()
		if s == to || s == forgotten {
			return nil
		}
		if n.details != nil {
			n.details.idle.BeginReset()
		}
		step.At(step.Aimed)
		swapped := n.state.CompareAndSwap(s, to)
		if n.details != nil {
			n.details.idle.EndReset()
		}
		switch {
		case swapped && s == none:
			return nil
		case swapped:
			return s
		}
	}
}

// addedFailures reports whether the list of last failures has every failure of
// a quiet state. If the node keeps no failures, it returns true.
func (n *Node) addedFailures(s *State) bool {
	if !n.KeepsFailures() {
		return true
	}
	_, added := n.details.failures.Last(s)
	counts := s.Ring.Counts()
	return added == counts.Completed()-counts.Outcomes[ring.Success]
}

// pause lets others run, longer at every try: 10 µs after a thousand, a
// millisecond in the end.
func pause(try int) {
	if try < 1000 {
		runtime.Gosched()
		return
	}
	time.Sleep(min(10*time.Microsecond*time.Duration(try/1000), time.Millisecond))
}

// KeepsFailures reports whether the node keeps last failures.
func (n *Node) KeepsFailures() bool { return n.details != nil && n.details.keepsFailures }

// LastFailure returns the last failure of a state of the node. A failure that it
// returns has been counted in the state.
func (n *Node) LastFailure(s *State) (f lastfailure.Failure) {
	if s != nil && n.details != nil {
		f, _ = n.details.failures.Last(s)
	}
	return f
}

// InFlight returns the executions in flight, nil if they are not kept.
func (n *Node) InFlight() *flight.Set {
	if n.details == nil {
		return nil
	}
	return n.details.inFlight
}

// Begin adds an execution in flight, which began at now. If the node is
// forgotten, Begin adds none and returns false. If the node is forgotten after
// Begin, it is busy until the execution ends.
func (n *Node) Begin(now int64) (e flight.Execution, ok bool) {
	e = n.details.inFlight.Begin(now)
	if n.Forgotten() {
		n.details.inFlight.End(e)
		return flight.Execution{}, false
	}
	return e, true
}

// End ends an execution of Begin. It reports whether the node was forgotten
// meanwhile and is not busy. Its name may lose its place then.
func (n *Node) End(e flight.Execution) (leaves bool) {
	n.details.inFlight.End(e)
	return n.Forgotten() && !n.busy()
}

// busy reports whether executions are known to be running, or a look at them may
// still raise an event. After that look the Set calls its function looked.
func (n *Node) busy() bool { return n.InFlight().Running() > 0 || n.InFlight().Looking() }

// Idle is [idle.Watch.Idle] of a node that looks for idle times.
func (n *Node) Idle(d time.Duration) bool {
	return n.details.idle.Idle(d, n.busy(), n.records)
}

func (n *Node) records() uint64 { return n.State().Records() }

// Forgotten reports whether the node takes no more records.
func (n *Node) Forgotten() bool { return n.state.Load() == forgotten }

// KeepsPlace reports whether the forgotten node must keep the place of its name.
// It must while it is busy, and until Leave.
func (n *Node) KeepsPlace() bool { return n.busy() || n.details != nil && !n.details.left.Load() }

// Leave waits for the resets of a forgotten node that are under way. Then the
// node need not keep its place for them.
func (n *Node) Leave() {
	n.verdict.AwaitResets(pause)
	if n.details != nil {
		n.details.left.Store(true)
	}
}

// Inherit makes n the successor of a forgotten node. Executions of old that are
// running are the successor's, and so are resets of old that are under way.
func (n *Node) Inherit(old *Node) {
	n.verdict.Succeed(old.verdict)
	if f := n.InFlight(); f != nil {
		old.details.inFlight.SetLimit(f.Limit())
		n.details.inFlight = old.details.inFlight
	}
}

// Size returns an estimate of the bytes that the node holds beyond its own.
func (n *Node) Size() (bytes int) {
	if n.verdict != nil {
		bytes += n.verdict.Size()
	}
	if d := n.details; d != nil {
		bytes += int(unsafe.Sizeof(*d)) + d.inFlight.Size() + d.failures.Size()
	}
	if s := n.State(); s != nil {
		bytes += s.size()
	}
	return bytes
}
