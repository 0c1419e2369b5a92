//go:build nodemetrics_step

package verdict

import (
	"testing"
	"testing/synctest"

	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// atCopied calls f behind the nth copy of a look from now on.
func atCopied(nth int, f func()) {
	step.Hook(func(s step.Step) {
		if s == step.Copied {
			if nth--; nth == 0 {
				f()
			}
		}
	})
}

// The verdict is healthy, so shards do not count successes. A look finds a
// breach. Behind its copy successes end the breach, and no shard counts them.
func TestSuccessesBehindTheCopyOfALookThatRaisesABreachEndIt(t *testing.T) {
	defer step.Hook(nil)
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(10, Thresholds{FailureRate: 0.05})
		w.Spread(2)
		w.record(ring.Success, 10)
		awake()
		atCopied(1, func() { w.record(ring.Success, 10) })
		w.record(failed, 1)
		awake()
		w.wantEvents(t, "failure breach, failure recovery")
	})
}

// The owner of the first shard judges after the ring was spread. Successes in
// other shards found the verdict healthy, and their shards did not count them.
func TestSuccessesBesideTheLastRecordOfTheFirstShardEndItsBreach(t *testing.T) {
	defer step.Hook(nil)
	for _, at := range []step.Step{step.Acquired, step.Stored} {
		synctest.Test(t, func(t *testing.T) {
			w := newWindow(10, Thresholds{FailureRate: 0.05})
			w.record(ring.Success, 10)
			held, release := step.Hold(at)
			done := make(chan bool)
			go func() {
				w.record(failed, 1)
				close(done)
			}()
			<-held
			w.Spread(2)
			w.record(ring.Success, 10)
			release()
			<-done
			awake()
			w.wantEvents(t, "failure breach, failure recovery")
		})
	}
}

// A success found the verdict healthy, so its shard did not count it. It ends
// behind the copy of the look that the breach made due. It was under way when
// that look marked its shard.
func TestASuccessThatComparedLongAgoEndsABreach(t *testing.T) {
	defer step.Hook(nil)
	defer step.Pick(nil)
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(3, Thresholds{FailureRate: 0.4})
		w.record(ring.Success, 1)
		w.Spread(2)
		step.Pick(func(int) int { return 0 })
		held, release := step.Hold(step.Decisive)
		done := make(chan bool)
		go func() {
			w.record(ring.Success, 1)
			close(done)
		}()
		<-held
		step.Pick(func(int) int { return 1 })
		atCopied(2, func() {
			release()
			<-done
		})
		w.record(failed, 1)
		awake()
		w.wantEvents(t, "failure breach, failure recovery")
	})
}

// The owner of the first shard finds a reset announced, so it does not judge.
// Meanwhile the ring is spread and the reset ends its announcement. The owner
// then has the window judged on another goroutine.
func TestAnOwnerThatCouldNotJudgeHasTheSpreadWindowJudged(t *testing.T) {
	defer step.Hook(nil)
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(10, Thresholds{FailureRate: 0.05})
		w.record(ring.Success, 10)
		w.node.BeginReset()
		held, release := step.Hold(step.Unjudged)
		done := make(chan struct{})
		go func() {
			w.record(failed, 1)
			close(done)
		}()
		<-held
		w.Spread(2)
		w.node.EndReset()
		release()
		<-done
		awake()
		w.wantEvents(t, "failure breach")
	})
}
