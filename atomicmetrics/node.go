package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/life"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Node is a handle on a node of a collector, by which records need no lookup of
// the name. [Collector.Node] returns it. A program keeps the handle, which
// stays valid for ever, resets included. A nil Node is valid, records nothing
// and reads as empty. All methods are safe for concurrent use.
//
// A record that has returned is part of every read that happens after it, in
// the sense of Go's memory model. [NodeMetrics] says more about consistency.
//
// Recording never fails and never waits for another goroutine. A record of a
// negative duration counts as 0, and of one above MaxDuration as MaxDuration.
// The collector logs both, at most once a second. After a node's first record,
// most records allocate nothing. GUARANTEES.md, beside this file, lists the
// exceptions. For a node that was forgotten,
// [Collector.Forget] has the rules.
type Node struct {
	life      life.Node
	collector *Collector
	name      string // valid UTF-8
}

// The counts of a node beside its executions are the retries by attempt, and
// then the executions that were ignored. These do not compile unless the counts
// and the slots of the default window agree with package life.
var (
	_ [ignoredCount + 1]struct{}  = [life.Counts]struct{}{}
	_ [DefaultWindowSize]struct{} = [life.UsualWindow]struct{}{}
)

const ignoredCount = len(NodeMetrics{}.RetriesByAttempt)

// Name returns the node's name. If the collector had no place for the name that
// was asked for, Name returns OverflowNode. For a nil Node it returns "".
func (n *Node) Name() string {
	if n == nil {
		return ""
	}
	return n.name
}

// RecordSuccess records an execution that ended without an error after d.
func (n *Node) RecordSuccess(d time.Duration) {
	if n != nil && !n.life.Try(ring.Success, uint64(d), 0) {
		n.recordAnyhow(ring.Success, d, 0)
	}
}

// RecordFailure records an execution that ended with err after d. The
// classifier tells the category. A nil err has CategoryOther.
func (n *Node) RecordFailure(d time.Duration, err error) {
	if n != nil {
		n.recordError(d, err, 0)
	}
}

// recordError is RecordFailure; for the end see record.
func (n *Node) recordError(d time.Duration, err error, end int64) {
	category, text := CategoryOther, ""
	// Also when user code ends the goroutine.
	defer func() { n.recordFailure(d, category, text, end) }()
	category = n.collector.categorize(err)
	if n.life.KeepsFailures() {
		text = lastfailure.Text(err)
	}
}

// RecordFailureAs records an execution that failed after d, with a category
// that the caller knows. A category that does not exist counts as CategoryOther.
func (n *Node) RecordFailureAs(d time.Duration, category Category) {
	if n != nil {
		n.recordFailure(d, category, "", 0)
	}
}

// recordFailure records a failure; the text is for the last failure, where that
// is kept. For the end see record.
func (n *Node) recordFailure(d time.Duration, category Category, text string, end int64) {
	if n.life.KeepsFailures() {
		n.fail(d, failed(category), text, end)
	} else {
		n.record(failed(category), d, end)
	}
}

// fail is record for a failure that WithLastFailure keeps.
func (n *Node) fail(d time.Duration, o ring.Outcome, text string, end int64) {
	kept, f := n.clamp(d), lastfailure.Failure{At: time.Now(), Category: uint8(o - failed(0)), Text: text}
	for !n.life.RecordFailure(&n.collector.rules, o, kept, end, f) {
		n = n.successor()
	}
}

// RecordRetry records that a further attempt began within an execution. Attempt
// 1 is the first retry. An attempt below 1 counts as the first, and an attempt
// above 8 as the eighth. A retry is no execution.
func (n *Node) RecordRetry(attempt int) {
	if n != nil {
		n.count(min(max(attempt, 1), ignoredCount) - 1)
	}
}

// RecordIgnored counts an execution that ended and is no verdict on the node,
// such as a cancelled one. The count is beside [NodeMetrics] and not in it.
// It stays until a reset. [Collector.Reset] returns it. [Node.Reset],
// [Collector.ResetNode] and [Collector.Forget] clear it and do not return it.
// The time of the execution is not kept.
//
// [Node.DoIgnoring] calls RecordIgnored. An execution that is no call of one
// function calls it after [Timer.Discard].
func (n *Node) RecordIgnored() {
	if n != nil {
		n.count(ignoredCount)
	}
}

// Ignored returns how many executions RecordIgnored has counted since the last
// reset. It waits for no other goroutine.
func (n *Node) Ignored() uint64 {
	var d details
	n.metrics(&d)
	return d.ignored
}

// count adds 1 to one of the counts.
func (n *Node) count(i int) {
	for !n.life.Count(&n.collector.rules, i) {
		n = n.successor()
	}
}

// record adds an execution to the node's records. The end is the reading of
// clock.Now at which it ended, or 0 if the caller has none.
func (n *Node) record(o ring.Outcome, d time.Duration, end int64) {
	if !n.life.Try(o, uint64(d), end) {
		n.recordAnyhow(o, d, end)
	}
}

// recordAnyhow is record for any duration and any state.
//
//go:noinline
func (n *Node) recordAnyhow(o ring.Outcome, d time.Duration, end int64) {
	kept := n.clamp(d)
	for !n.life.Record(&n.collector.rules, o, kept, end) {
		n = n.successor()
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

// Metrics returns the figures of the node since it was created or last reset. A
// node without activity has the zero value. [NodeMetrics] says how consistent
// they are beside running recorders. Metrics waits for nobody.
func (n *Node) Metrics() NodeMetrics { return n.metrics(new(details)) }

// details are the values that a read returns of a node together with its
// metrics.
type details struct {
	sketch      *Sketch // set to that of the window, unless it is empty; nil: not wanted
	lastFailure LastFailure
	inFlight    InFlight
	ignored     uint64
}

// metrics is Metrics. It fills in the details, which must be new.
func (n *Node) metrics(d *details) NodeMetrics {
	if n = n.live(); n == nil {
		return NodeMetrics{}
	}
	d.inFlight = InFlight(n.life.InFlight().Read())
	s := n.life.State()
	step.At(step.Loaded)
	return n.read(s, d)
}

// Reset clears the node in one step and returns the cleared figures. No record
// and no retry is half before and half after it. The sum of all resets and of
// the current figures equals everything recorded. Reset waits for the records
// of this node that are in flight at that moment, and no record waits for
// Reset. A node in breach recovers. Reset clears the count of ignored
// executions and does not return it.
//
// Records, retries and resets of a node are linearizable together, with all
// that a reset returns. The place of a reset is the moment when it took the
// state away. Reset waits only for records, and for the look at thresholds,
// that had begun by then. No time bounds the wait. If a recorder loses its core
// for a second, the reset waits that long.
func (n *Node) Reset() NodeMetrics { return n.reset(new(details)) }

// reset is Reset; for the details see metrics.
func (n *Node) reset(d *details) NodeMetrics {
	if n = n.live(); n == nil {
		return NodeMetrics{}
	}
	return n.clear(false, d)
}

// clear is reset for a node that is live. If forget is true, the node takes no
// more records.
func (n *Node) clear(forget bool, d *details) NodeMetrics {
	d.inFlight = InFlight(n.life.InFlight().Reset())
	s := n.life.Clear(forget)
	m := n.read(s, d) // final, because the state is closed and quiet
	if n == n.collector.overflow {
		n.collector.overflowCleared.Add(s.Records())
	}
	n.life.Cleared(s)
	n.live().life.Rejudge()
	return m
}

// Quantiles returns the quantiles q of the window, each by nearest rank. The
// quantile 0.5 is the median. A q outside [0, 1] counts as the nearer end, and
// NaN as 0. If the window is empty, Quantiles returns nil. All quantiles are
// from one copy of the window.
func (n *Node) Quantiles(q ...float64) []time.Duration {
	if n = n.live(); n == nil {
		return nil
	}
	s := n.life.State()
	step.At(step.Loaded)
	if s == nil {
		return nil
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	w := b.Read(&s.Ring)
	return w.Quantiles(q)
}
