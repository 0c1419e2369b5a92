package verdict

import (
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// newLargeWindow returns a node of one large window with its ring.
func newLargeWindow(size int, thresholds Thresholds) *window {
	w := newWindow(1, thresholds)
	w.Ring = new(ring.Ring)
	w.Watch = w.node.Watch(w.Ring)
	w.InitDigest(size, 100, w.Bounds, w.BatchPublished)
	return w
}

func TestTheRecorderThatPublishesJudgesALargeWindow(t *testing.T) {
	const size = 9000
	w := newLargeWindow(size, Thresholds{FailureRate: 0.5, Latency: 10, MinSamples: size})
	w.record(failed, size-1)
	w.wantEvents(t, "")
	w.record(failed, size/50+1)
	w.wantEvents(t, "failure breach")
	w.record(ring.Success, size)
	w.wantEvents(t, "failure breach, failure recovery")
	for range size {
		w.Record(ring.Success, 11, 0)
	}
	w.wantEvents(t, "failure breach, failure recovery, latency breach")
	if p99 := w.changes[2].P99; p99 != 11 {
		t.Errorf("the p99 of the event is %v, want 11ns", p99)
	}
}

// Samples beside the bound pull the estimate of a p99 over it. The exact counts
// put it back.
func TestTheP99OfAnEventIsOnTheRightSideOfTheBound(t *testing.T) {
	const size, bound = 100_000, 1 << 30
	w := newLargeWindow(size, Thresholds{Latency: bound, Recovery: 0.5})
	for i := range size {
		d := uint64(bound - i%5)
		if i%50 == 0 {
			d = bound + 1
		}
		w.Record(ring.Success, d, 0)
	}
	for _, c := range w.changes {
		if breach := c.After&LatencyBreach != 0; breach != (c.P99 > bound) {
			t.Errorf("breached is %v, and the p99 is %v", breach, c.P99)
		}
	}
	if len(w.changes) == 0 {
		t.Error("no event was raised")
	}
}

func TestLookNowSeesTheRecordsThatNobodyPublished(t *testing.T) {
	w := newLargeWindow(9000, Thresholds{FailureRate: 0.5})
	w.record(failed, 1)
	w.wantEvents(t, "")
	w.LookNow(func(int) bool { return true })
	w.wantEvents(t, "failure breach")
	if w.End(func(int) {}) != Judged|FailureBreach {
		t.Errorf("the last verdict is %b", w.Verdict())
	}
	w.LookNow(func(int) bool { t.Error("LookNow waits for an ended window"); return false })
	w.wantEvents(t, "failure breach, failure recovery")
}

func TestLookNowGivesUp(t *testing.T) {
	w := newWindow(10, Thresholds{FailureRate: 0.5})
	w.Spread(2)
	w.turn.Store(taken) // by a looker that is held up
	tries := 0
	w.LookNow(func(try int) bool { tries++; return tries < 3 })
	if tries != 3 {
		t.Errorf("it gave up after %d tries, want 3", tries)
	}
}

// The recovery of a forgotten node comes first.
func TestNothingJudgesASuccessorBeforeTheResetOfTheNodeBefore(t *testing.T) {
	old, next := newWindow(1, Thresholds{FailureRate: 0.5}), newWindow(1, Thresholds{FailureRate: 0.5})
	next.node.Succeed(old.node)
	next.next(1)
	old.node.BeginReset()
	next.record(failed, 1)
	next.wantEvents(t, "")
	waited := 0
	next.node.AwaitResets(func(try int) {
		if waited++; try == 2 {
			old.node.EndReset()
		}
	})
	if next.Watch.Rejudge(); waited != 3 {
		t.Errorf("it waited %d times for the reset, want 3", waited)
	}
	next.wantEvents(t, "failure breach")
}

func TestANodeWithoutThresholdsHasNoVerdict(t *testing.T) {
	var w *Watch
	var n *Node
	n.Succeed(n)
	n.BeginReset()
	n.AwaitResets(func(int) { t.Error("it waits") })
	n.EndReset()
	w.Rejudge()
	if v := w.End(func(int) { t.Error("it waits") }); v != 0 || w.Verdict() != 0 {
		t.Errorf("the verdict is %b", v)
	}
}

func TestSizeIsWhatTheValuesTake(t *testing.T) {
	w := newWindow(1, Thresholds{Latency: int64(time.Second)})
	// Pointers take half as much on 32-bit platforms.
	if n, all := w.node.Size(), w.Watch.Size(); n < 50 || n > 200 || all < 80 || all > 400 {
		t.Errorf("a node takes %d bytes, and a watch %d", n, all)
	}
}
