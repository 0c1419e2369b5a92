package atomicmetrics

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/flight"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/idle"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// Node is a handle on a node of a collector, by which records need no lookup of
// the name. [Collector.Node] returns it. A program keeps the handle, which
// stays valid for ever, resets included. A nil Node is valid, records nothing
// and reads as empty. All methods are safe for concurrent use.
//
// A record that has returned is part of every read that happens after it, in
// the sense of Go's memory model. [NodeMetrics] says more about consistency.
//
// Recording never fails and never waits for another goroutine. After a node's
// first record, most records allocate nothing. The package's documentation
// lists the exceptions under Performance. For a node that was forgotten,
// [Collector.Forget] has the rules.
type Node struct {
	// The state since the last reset; nil before the first record, forgotten
	// after Forget.
	state   atomic.Pointer[state]
	verdict *verdict.Node // nil without thresholds
	// Nil without options that keep more than metrics; so most records need not
	// ask which.
	optional  *optional
	collector *Collector
	name      string // valid UTF-8
}

// optional has the values that options let a node keep beyond its metrics.
type optional struct {
	failures lastfailure.List[*state] // used WithLastFailure
	idle     idle.Watch               // used WithIdleForget
	left     atomic.Bool              // forget waits for no reset any more
	// Nil without WithInFlight; also the successor's, if the node is forgotten.
	inFlight *flight.Set
}

// state is everything that a reset clears. It hangs off one pointer, so a reset
// takes it away whole. The reset swaps the pointer and closes the old state. A
// recorder that still holds the old state can add nothing more, and goes to the
// new state. The reset then waits until the recorders that had begun to add
// have ended. After that the old state is final. ring.Ring.Close proves that no
// record is lost or doubled. Retries have a CLOSED bit of their own.
type state struct {
	watch *verdict.Watch // nil without thresholds
	_     [(pad.Line - (allocHeader+unsafe.Sizeof(uintptr(0))+8*(ignoredCount+1))%pad.Line) % pad.Line]byte
	// Retries by attempt, then executions ignored. CLOSED is the top bit.
	counts [ignoredCount + 1]atomic.Uint64
	ring   ring.Ring
}

const (
	countClosed  = 1 << 63
	ignoredCount = 8 // in counts
)

// allocHeader is how many bytes Go's allocator puts in front of an object of more
// than 512 bytes that has pointers. A state's ring begins a cache line behind it.
const allocHeader = 8

// A state is allocated as one of these. The slots of the default window lie in
// the same object, so a record misses one page less. Records on 10,000 nodes in
// random order then take 0.65 of the time.
type (
	stateAlone struct {
		_ [allocHeader]byte
		state
	}
	stateWithSlots struct {
		state
		slots [DefaultWindowSize]atomic.Uint64
	}
)

// Name returns the node's name. It returns OverflowNode if the collector had no
// place for the name that was asked for, and "" for a nil Node.
func (n *Node) Name() string {
	if n == nil {
		return ""
	}
	return n.name
}

// RecordSuccess records an execution that ended without an error after d. A
// negative d counts as 0, and a d above MaxDuration as MaxDuration. The
// collector logs both, at most once a second.
func (n *Node) RecordSuccess(d time.Duration) {
	if n != nil {
		n.record(ring.Success, d, 0)
	}
}

// RecordFailure records an execution that ended with err after d. The
// classifier tells the category. A nil err has CategoryOther. A negative d
// counts as 0, and a d above MaxDuration as MaxDuration.
func (n *Node) RecordFailure(d time.Duration, err error) {
	if n != nil {
		n.recordError(d, err, 0)
	}
}

// recordError is RecordFailure; for the end see record.
func (n *Node) recordError(d time.Duration, err error, end int64) {
	category, text := CategoryOther, ""
	// A deferred call records also if the classifier ends the goroutine.
	defer func() { n.recordFailure(d, category, text, end) }()
	category = n.collector.categorize(err)
	if n.keepsFailures() {
		text = lastfailure.Text(err)
	}
}

// RecordFailureAs records an execution that failed after d, with a category
// that the caller knows. A category that does not exist counts as
// CategoryOther. A negative d counts as 0, and a d above MaxDuration as
// MaxDuration.
func (n *Node) RecordFailureAs(d time.Duration, category Category) {
	if n != nil {
		n.recordFailure(d, category, "", 0)
	}
}

// recordFailure records a failure; the text is for the last failure, where that
// is kept. For the end see record.
func (n *Node) recordFailure(d time.Duration, category Category, text string, end int64) {
	if n.keepsFailures() {
		n.fail(d, category, text, end)
	} else {
		n.record(failed(category), d, end)
	}
}

func (n *Node) keepsFailures() bool { return n.optional != nil && n.collector.lastFailure }

// RecordRetry records that a further attempt began within an execution. Attempt
// 1 is the first retry. An attempt below 1 counts as the first, and an attempt
// above 8 as the eighth. A retry is no execution.
func (n *Node) RecordRetry(attempt int) {
	if n == nil {
		return
	}
	n.count(min(max(attempt, 1), ignoredCount) - 1)
}

// count adds 1 to one of the counts.
func (n *Node) count(i int) {
	for {
		s := n.open()
		step.At(step.Loaded)
		if s != nil && s.count(i) {
			return
		}
		if s == forgotten {
			n = n.successor()
		}
	}
}

// count adds 1 to one of the counts, unless the state is closed.
func (s *state) count(i int) bool {
	for {
		count := s.counts[i].Load()
		if count&countClosed != 0 {
			return false
		}
		step.At(step.Aimed)
		if s.counts[i].CompareAndSwap(count, count+1) {
			return true
		}
	}
}

// record adds an execution to the state that the node has. The end is the
// reading of clock.Now at which it ended, or 0 if the caller has none.
func (n *Node) record(o ring.Outcome, d time.Duration, end int64) {
	s := n.state.Load()
	step.At(step.Loaded)
	if s == nil || uint64(d) > ring.MaxDuration || !s.ring.Record(o, uint64(d), end) {
		n.recordAnyhow(o, d, end)
	}
}

// recordAnyhow is record for any duration and any state. A state that a reset
// has closed meanwhile takes nothing: the node's pointer was moved on before
// that, so the next round finds another.
//
//go:noinline
func (n *Node) recordAnyhow(o ring.Outcome, d time.Duration, end int64) {
	ns := n.clamp(d)
	for {
		s := n.open()
		step.At(step.Loaded)
		if s != nil && s.ring.Record(o, ns, end) {
			return
		}
		if s == forgotten {
			n = n.successor()
		}
	}
}

// fail is record for a failure that WithLastFailure keeps.
func (n *Node) fail(d time.Duration, category Category, text string, end int64) {
	if category >= categories {
		category = CategoryOther
	}
	ns := n.clamp(d)
	f := lastfailure.Failure{At: time.Now(), Category: uint8(category), Text: text}
	for {
		s := n.open()
		step.At(step.Loaded)
		if s != nil && s.ring.Record(failed(category), ns, end) {
			n.optional.failures.Add(s, f)
			return
		}
		if s == forgotten {
			n = n.successor()
		}
	}
}

// clamp returns the nearest duration that is kept, in nanoseconds.
func (n *Node) clamp(d time.Duration) uint64 {
	kept := uint64(min(max(d, 0), MaxDuration))
	if kept != uint64(d) {
		n.collector.clampings.Add(1)
		n.collector.warnClamped(n.name, d)
	}
	return kept
}

// open returns the node's state. If there is none, open makes it. If a reset
// was faster, open returns nil. After Forget it returns forgotten.
func (n *Node) open() *state {
	if s := n.state.Load(); s != nil {
		return s
	}
	var s *state
	var slots []atomic.Uint64
	if n.collector.windowSize == DefaultWindowSize {
		with := new(stateWithSlots)
		s, slots = &with.state, with.slots[:]
	} else {
		s = &new(stateAlone).state
	}
	switch c := n.collector; {
	case c.digests():
		bounds, published := history.Bounds{Slow: ring.MaxDuration, Recovering: ring.MaxDuration}, (func())(nil)
		if n.verdict != nil {
			s.watch = n.verdict.Watch(&s.ring)
			bounds, published = s.watch.Bounds, s.watch.Look
		}
		s.ring.InitDigest(c.windowSize, c.strategy.Compression(), bounds, published)
	case n.verdict != nil:
		s.watch = n.verdict.Watch(&s.ring)
		s.ring.Init(c.windowSize, slots, &s.watch.Watch)
	default:
		s.ring.Init(c.windowSize, slots, nil)
	}
	step.At(step.Made)
	n.state.CompareAndSwap(nil, s)
	step.At(step.Placed)
	return n.state.Load()
}

// Metrics returns the figures of the node since it was created or last reset. A
// node without activity has the zero value. [NodeMetrics] says how consistent
// they are beside running recorders. Metrics waits for nobody.
func (n *Node) Metrics() NodeMetrics { return n.metrics(new(details)) }

// details are the values that a read returns of a node together with its
// metrics.
type details struct {
	// Set to the sketch of the window, unless the window is empty; nil means
	// not wanted.
	sketch      *Sketch
	lastFailure LastFailure
	inFlight    InFlight
	ignored     uint64
}

// metrics is Metrics. It fills in the details, which must be new.
func (n *Node) metrics(d *details) NodeMetrics {
	if n = n.live(); n == nil {
		return NodeMetrics{}
	}
	if n.optional != nil {
		d.inFlight = InFlight(n.optional.inFlight.Read())
	}
	s := n.present()
	step.At(step.Loaded)
	d.read(n, s) // before the counters, because a failure in the list has been counted
	m := s.read(d.sketch)
	m.RunningBreached = n.overdue()
	return m
}

// read reads the values that the node keeps beside its state.
func (d *details) read(n *Node, s *state) {
	if s != nil {
		d.ignored = s.counts[ignoredCount].Load() &^ countClosed
	}
	if n.optional != nil && s != nil {
		f, _ := n.optional.failures.Last(s)
		d.lastFailure = LastFailure{f.At.UTC().Round(0), Category(f.Category), f.Text}
	}
}

// Reset clears the node in one step and returns the cleared figures. No record
// and no retry is half before and half after it. The sum of all resets and of
// the current figures equals everything recorded. Reset waits for the records
// of this node that are in flight at that moment, and no record waits for
// Reset. A node in breach recovers.
//
// Records, retries and resets of a node are linearizable together, with all
// that a reset returns. Each has a place in one order. The place of a reset,
// and of the records that it clears, is the moment when the reset took the
// state away. Reset waits only for records, and for the look at thresholds,
// that had begun by then. Later records go to a new state and do not prolong
// the wait. No time bounds the wait. If a recorder loses its core for a second,
// the reset waits that long.
func (n *Node) Reset() NodeMetrics { return n.reset(new(details)) }

// reset is Reset; for the details see metrics.
func (n *Node) reset(d *details) NodeMetrics {
	if n = n.live(); n == nil {
		return NodeMetrics{}
	}
	m := n.clear(nil, d)
	m.RunningBreached = n.overdue()
	return m
}

// clear returns the metrics of the node's state, and puts to in its place. The
// caller passes nil or forgotten. clear waits for the records in flight.
func (n *Node) clear(to *state, d *details) NodeMetrics {
	if n.optional != nil {
		d.inFlight = InFlight(n.optional.inFlight.Reset())
	}
	n.verdict.BeginReset()
	defer n.endReset()
	s := n.take(to)
	step.At(step.Swapped)
	if s == nil {
		return NodeMetrics{}
	}
	s.close()
	step.At(step.Closed)
	for try := 0; !s.ring.Quiet() || !n.addedFailures(s); try++ {
		step.At(step.Waiting)
		pause(try)
	}
	d.read(n, s)
	if n.optional != nil {
		n.optional.failures.Remove(s)
	}
	if n == n.collector.overflow {
		n.collector.overflowCleared.Add(s.records())
	}
	s.watch.End(pause)
	return s.read(d.sketch) // final, because the state is closed and quiet
}

// endReset ends a reset. While a reset was under way, no record of the next
// state could be judged.
func (n *Node) endReset() {
	if n.verdict == nil {
		return
	}
	n.verdict.EndReset()
	if s := n.live().present(); s != nil {
		s.watch.Rejudge()
	}
}

// addedFailures reports whether the list of last failures has every failure of
// a quiet state. Without WithLastFailure it returns true.
func (n *Node) addedFailures(s *state) bool {
	if !n.keepsFailures() {
		return true
	}
	_, added := n.optional.failures.Last(s)
	counts := s.ring.Counts()
	return added == counts.Completed()-counts.Outcomes[ring.Success]
}

// close makes every later record and retry fail.
func (s *state) close() {
	s.ring.Close()
	for i := range s.counts {
		s.counts[i].Or(countClosed)
		step.At(step.Closing)
	}
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

// Quantiles returns the quantiles q of the window, each by nearest rank. The
// quantile 0.5 is the median. A q outside [0, 1] counts as the nearer end, and
// NaN as 0. If the window is empty, Quantiles returns nil. All quantiles are
// from one copy of the window.
func (n *Node) Quantiles(q ...float64) []time.Duration {
	if n = n.live(); n == nil {
		return nil
	}
	return n.present().quantiles(q)
}
