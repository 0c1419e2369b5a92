package verdict

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Node judges the windows of one node, one window after another. A reset ends
// a window and begins the next.
type Node struct {
	rule   *Rule
	raise  func(Change)
	resets *atomic.Int32 // under way, of this node and of its predecessors
}

// Change is a change of a verdict.
type Change struct {
	Before, After Verdict
	Stats         ring.Stats    // of the judged window; zero if a reset ended the window
	P99           time.Duration // of the judged window; 0 if a reset ended the window
}

// Changed reports whether a breach began or ended.
func (c *Change) Changed(breach Verdict) bool { return (c.Before^c.After)&breach != 0 }

// NewNode returns a node with this rule. The node calls raise for each change
// of its breaches, unless raise is nil. Calls for a node never overlap. raise
// must not wait.
func NewNode(rule *Rule, raise func(Change)) *Node { return &Node{rule, raise, new(atomic.Int32)} }

// Succeed makes n, which nobody uses yet, the successor of a node whose name it
// has. While a reset of old is under way, nothing judges n. So the recovery of
// old comes before the changes of n. Either node may be nil.
func (n *Node) Succeed(old *Node) {
	if n != nil && old != nil {
		n.resets = old.resets
	}
}

// Watch judges a window. The zero Watch is not ready. [Node.Watch] makes a
// Watch.
type Watch struct {
	ring.Watch
	node    *Node
	ring    *ring.Ring
	verdict atomic.Uint32 // written by its owner alone, as the package's comment says
	turn    atomic.Uint32 // a word of the constants that follow
	looks   atomic.Uint64 // that have ended
	coming  atomic.Bool   // a goroutine for a look has been started and not begun
	// Until when looks rest, by clock.Stamp; looking during a look; 0 if none
	// is planned.
	resting atomic.Int64

	lookAndRestFunc func() // bound once, so that a record that starts a look allocates nothing
}

// The holder of the turn owns the verdict if no shard's owner does.
const (
	free  uint32 = iota
	taken        // a goroutine looks
	asked        // a goroutine looks, and another look was asked for meanwhile
	ended        // a reset keeps the turn for ever
)

// Watch returns a watch for the window of a ring that nobody records to yet.
// The caller makes the ring with the watch's part, Watch.Watch.
func (n *Node) Watch(r *ring.Ring) *Watch {
	w := &Watch{node: n, ring: r}
	w.Bounds = history.Bounds{Slow: n.rule.latency, Recovering: n.rule.latencyRecovery}
	w.Watch.Judge, w.Watch.Due, w.Watch.Unjudged = w.judgeOwned, w.due, w.unjudged
	w.lookAndRestFunc = w.lookAndRest
	return w
}

// Verdict returns the verdict. A nil Watch has none.
func (w *Watch) Verdict() Verdict {
	if w == nil {
		return 0
	}
	return Verdict(w.verdict.Load())
}

// judgeOwned judges the window of a ring that is not spread. The caller owns
// the first shard. If a reset of the node is under way, judgeOwned reports
// false, and the window is judged when the reset ends.
func (w *Watch) judgeOwned(s ring.Stats) bool {
	if w.node.resets.Load() != 0 {
		step.At(step.Unjudged)
		return false
	}
	changed := w.settle(s, func() time.Duration {
		l := lookers.Get().(*looker)
		defer lookers.Put(l)
		return l.p99(l.Owned(w.ring))
	})
	if changed && w.ring.Sharded() { // meanwhile, as doc.go says of Calm
		w.due(clock.Stamp(clock.Now()))
	}
	return true
}

// settle judges by the counts of a window, and reports whether the verdict
// changed. The caller owns the verdict.
func (w *Watch) settle(s ring.Stats, p99 func() time.Duration) (changed bool) {
	before := Verdict(w.verdict.Load())
	after := w.node.rule.Judge(before, s)
	if after == before {
		return false
	}
	if (after^before)&breaches != 0 && w.node.raise != nil {
		w.node.raise(Change{before, after, s, p99()})
	}
	w.verdict.Store(uint32(after))
	w.Calm.Store(after == Judged)
	step.At(step.Judged)
	return true
}

// A look's cost is bounded by the rest that follows it. The rest is at least
// restPerLook times as long as the look, so looks take at most a tenth of a
// core.
const (
	restPerLook = 9
	minRest     = time.Millisecond
	maxRest     = time.Minute

	looking = -1 // in resting

	looksInBubble = 100 // without a rest, while no record ends
)

// due plans a look. If looks rest, the look comes after the rest. now is a
// reading of clock.Stamp. It may be old, because a recorder that records alone
// reads no clock. So due reads the clock if now seems too early for the rest. In
// a portable build the clock of a testing/synctest bubble is years away from the
// clock outside. So due ignores a rest longer than maxRest.
func (w *Watch) due(now int64) {
	until := w.resting.Load()
	if until == looking {
		return
	}
	if until != 0 && until-now > int64(maxRest) {
		now = clock.Stamp(clock.Now())
	}
	if until != 0 && now < until && until-now <= int64(maxRest) {
		return
	}
	if w.resting.CompareAndSwap(until, looking) {
		go w.lookAndRestFunc()
	}
}

// lookAndRest looks, and plans the end of the rest. No goroutine sleeps
// meanwhile, because a timer keeps the plan. The timer of a bubble never fires
// after the bubble has ended. So in a bubble looks rest only if looks stay due,
// because a record is under way. That record ends before the bubble does.
func (w *Watch) lookAndRest() {
	begin := clock.Stamp(clock.Now())
	w.Look()
	executions := w.ring.Counts().Completed()
	for stuck := 0; stuck < looksInBubble && clock.Bubbled(); stuck++ {
		if w.resting.Store(0); !w.ring.Due() || !w.resting.CompareAndSwap(0, looking) {
			return
		}
		runtime.Gosched() // to the record under way
		w.Look()
		if now := w.ring.Counts().Completed(); now != executions {
			executions, stuck = now, 0
		}
	}
	rest := min(max(minRest, restPerLook*time.Duration(clock.Stamp(clock.Now())-begin)), maxRest)
	until := clock.Stamp(clock.Now()) + int64(rest)
	w.resting.Store(until)
	time.AfterFunc(rest, func() { w.rested(until) })
}

// rested ends a rest, unless due ended it, and looks again if a look is due. A
// recorder whose look came due during the rest left it to rested. So rested
// first ends the rest, and then asks ring.Ring.Due for such recorders.
func (w *Watch) rested(until int64) {
	if !w.resting.CompareAndSwap(until, 0) {
		return
	}
	step.At(step.Waiting)
	if w.turn.Load() != ended && w.ring.Due() && w.resting.CompareAndSwap(0, looking) {
		w.lookAndRest()
	}
}

// Look judges the window, unless the owners of its first shard do so. If
// another goroutine has the turn, Look leaves the judgement to it.
func (w *Watch) Look() {
	for !w.turn.CompareAndSwap(free, taken) {
		if w.turn.CompareAndSwap(taken, asked) {
			return
		}
		if turn := w.turn.Load(); turn == asked || turn == ended {
			return
		}
	}
	w.serve()
}

// BatchPublished is Look for a recorder that has published a batch of a large
// window. If nobody has the turn, it first judges without the turn, and takes the
// turn only if the verdict changes. So a recorder that is held up while it judges
// delays no other, unless the verdict changes. The load of the turn comes after
// the batch, as "Who judges" in the package's comment needs.
func (w *Watch) BatchPublished() {
	if w.turn.Load() != free || w.changes() {
		w.Look()
	}
}

// changes reports whether the published samples change the verdict.
func (w *Watch) changes() bool {
	l := lookers.Get().(*looker)
	defer lookers.Put(l)
	s := statsOf(l.Published(w.ring))
	step.At(step.Copied)
	before := Verdict(w.verdict.Load())
	return w.node.rule.Judge(before, s) != before
}

// serve looks as often as looks are asked for. The caller has the turn. After
// some looks serve gives the turn back, so that no recorder serves for long. It
// then starts a goroutine for the look that was asked for. If every processor
// is busy, a recorder takes the turn before that goroutine runs.
func (w *Watch) serve() {
	for range 4 {
		step.At(step.Looking)
		w.lookOnce()
		w.looks.Add(1)
		if w.turn.CompareAndSwap(taken, free) {
			return
		}
		w.turn.Store(taken)
	}
	w.turn.Store(free)
	if w.coming.CompareAndSwap(false, true) {
		go w.lookLater()
	}
}

// lookLater is Look on a goroutine that serve started. A goroutine that asks
// for a look after the store starts another one.
func (w *Watch) lookLater() {
	w.coming.Store(false)
	w.Look()
}

// LookNow is Look at every record that returned before the call, and returns
// when that look has ended. If another goroutine has the turn, LookNow asks for
// looks until two have ended, because the first may have begun before the call.
// Meanwhile LookNow calls wait with the number of its tries. If wait reports
// false, it gives up.
func (w *Watch) LookNow(wait func(try int) bool) {
	if w.ring.Digested() {
		w.ring.Publish()
	}
	before := w.looks.Load()
	for try := 0; !w.turn.CompareAndSwap(free, taken); try++ {
		if w.Look(); w.looks.Load()-before >= 2 || w.turn.Load() == ended || !wait(try) {
			return
		}
	}
	w.serve()
}

// looker has the buffers of a look.
type looker struct {
	ring.Reader
	durations []uint64
	sorted    quantile.Sorter
}

var lookers = sync.Pool{New: func() any { return new(looker) }}

func (l *looker) p99(window []ring.Sample) time.Duration {
	l.durations = l.durations[:0]
	for _, s := range window {
		l.durations = append(l.durations, s.Duration())
	}
	l.sorted.Set(l.durations)
	return time.Duration(l.sorted.Quantile(p99))
}

// lookOnce is a single look. The caller has the turn.
func (w *Watch) lookOnce() {
	r := w.ring
	if w.node.resets.Load() != 0 {
		return // the reset has the next window judged when it ends
	}
	l := lookers.Get().(*looker)
	defer lookers.Put(l)
	if r.Digested() {
		w.lookAtLarge(l)
		return
	}
	// While the ring is not spread, the owners of the first shard judge. The
	// last of them may still own it after the ring was spread.
	if !r.Sharded() {
		return
	}
	if r.Busy() {
		w.due(clock.Stamp(clock.Now()))
		return
	}
	l.Mark(r)
	window, _ := l.Window(r)
	step.At(step.Copied)
	s := w.Count(window)
	changed := w.settle(s, func() time.Duration { return l.p99(window) })
	allowed := w.node.rule.Distance(w.Verdict(), s)
	if changed { // another look is due, as doc.go says of Calm
		allowed = 0
	}
	l.Allow(r, allowed)
	if r.Due() {
		w.due(clock.Stamp(clock.Now()))
	}
}

// lookAtLarge judges a large window by the exact counts of the samples that are
// published. So no judgement sees samples that the next does not see.
func (w *Watch) lookAtLarge(l *looker) {
	window := l.Published(w.ring)
	w.settle(statsOf(window), func() time.Duration { return w.node.rule.p99(window) })
}

// statsOf returns the counts of a large window.
func statsOf(window *history.Reader) ring.Stats {
	return ring.Stats{Tally: window.Tally, Recorded: int(min(window.Recorded, math.MaxInt))}
}

// BeginReset is called before a reset takes the node's window away. Until
// EndReset nothing but the reset judges the node. A nil Node has no thresholds.
func (n *Node) BeginReset() {
	if n != nil {
		n.resets.Add(1)
	}
}

// End ends a window and returns its last verdict, with the breaches that it
// had. End raises their recovery. The reset calls it when the ring is closed
// and quiet. End takes the turn and keeps it, so nobody judges afterwards.
// While a look is under way, End calls wait with the number of its tries.
func (w *Watch) End(wait func(try int)) Verdict {
	if w == nil {
		return 0
	}
	for try := 0; !w.turn.CompareAndSwap(free, ended); try++ {
		step.At(step.Waiting)
		wait(try)
	}
	v := Verdict(w.verdict.Load())
	if v&breaches != 0 && w.node.raise != nil {
		w.node.raise(Change{Before: v})
	}
	return v
}

// EndReset is called at the end of a reset, after End. The caller then has the
// window judged that the node has by now, by Rejudge.
func (n *Node) EndReset() {
	if n != nil {
		n.resets.Add(-1)
	}
}

// AwaitResets waits until the resets have ended that are under way. It calls
// wait with the number of its tries meanwhile.
func (n *Node) AwaitResets(wait func(try int)) {
	for try := 0; n != nil && n.resets.Load() != 0; try++ {
		wait(try)
	}
}

// Rejudge judges a window that records could not have judged, because a reset
// was under way. While a reset is under way, Rejudge does nothing. A reset
// calls Rejudge after EndReset. A recorder calls unjudged after it released a
// shard whose window it could not judge. The reset or the recorder finds that
// no reset is under way and the shard is free. Neither waits for anybody.
func (w *Watch) Rejudge() {
	if w == nil {
		return
	}
	if w.rejudgeFirst(); w.ring.Digested() || w.ring.Sharded() {
		w.Look()
	}
}

// unjudged is Rejudge for a recorder, which copies no window.
func (w *Watch) unjudged() {
	if w.rejudgeFirst(); w.ring.Sharded() {
		w.due(clock.Stamp(clock.Now()))
	}
}

// rejudgeFirst judges the window of the first shard, if owners judge it.
func (w *Watch) rejudgeFirst() {
	for !w.ring.Digested() && w.node.resets.Load() == 0 && !w.ring.Rejudge() {
	}
}

// Size returns an estimate of the node's bytes, 0 for nil.
func (n *Node) Size() int {
	if n == nil {
		return 0
	}
	return int(unsafe.Sizeof(*n) + unsafe.Sizeof(*n.rule))
}

// Size returns an estimate of the watch's bytes, 0 for nil.
func (w *Watch) Size() int {
	if w == nil {
		return 0
	}
	return int(unsafe.Sizeof(*w))
}
