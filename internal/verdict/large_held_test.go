//go:build nodemetrics_step

package verdict

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// The recorder that filled a half is held up before it publishes, or while it
// judges, and so is the next. The judgement is at most two halves late. Each
// further recorder that is held up while it judges adds a half.
func TestPublishersHeldUpDelayNoJudgement(t *testing.T) {
	defer step.Hook(nil)
	for _, size := range []int{9000, 20_000} {
		half := size / 100
		for _, c := range []struct {
			held int
			at   step.Step
			most int
		}{
			{0, step.Packed, 2 * half},
			{1, step.Packed, 2 * half},
			{2, step.Packed, 2 * half},
			{1, step.Copied, 2 * half},
			{2, step.Copied, 3 * half},
		} {
			t.Run(fmt.Sprintf("window=%d/held=%d/at=%d", size, c.held, c.at), func(t *testing.T) {
				w := newLargeWindow(size, Thresholds{FailureRate: 0.5})
				records := 0
				record := func() {
					records++
					w.record(failed, 1)
				}
				var releases []func()
				for range c.held {
					stopped, release := step.Hold(c.at)
					done := make(chan struct{})
					goOn := make(chan struct{})
					go func() {
						defer close(done)
						for {
							select {
							case <-goOn:
								return
							default:
								record()
							}
						}
					}()
					<-stopped // in the last record of a half
					step.Hook(nil)
					releases = append(releases, func() { close(goOn); release(); <-done })
				}
				for records < size && w.Verdict() == 0 {
					record()
				}
				// The last record may have published before it recorded itself.
				if before := records - 1; before > c.most || w.Verdict()&FailureBreach == 0 {
					t.Errorf("the verdict is %b, and %d failures came before, want a breach after at most %d", w.Verdict(), before, c.most)
				}
				for _, release := range releases {
					release()
				}
			})
		}
	}
}

// During each look of a recorder another one asks for a look. The first recorder
// gives the turn back, and a goroutine makes the look that is left.
func TestARecorderThatIsAskedAgainAndAgainGivesTheTurnBack(t *testing.T) {
	defer step.Hook(nil)
	synctest.Test(t, func(t *testing.T) {
		w := newLargeWindow(9000, Thresholds{FailureRate: 0.5})
		asks := 4
		step.Hook(func(s step.Step) {
			if s == step.Looking && asks > 0 {
				asks--
				w.Look()
			}
		})
		w.Look()
		synctest.Wait()
		if w.looks.Load() != 5 || w.turn.Load() != free || w.coming.Load() {
			t.Errorf("%d looks, the turn is %d, and a look is coming: %v", w.looks.Load(), w.turn.Load(), w.coming.Load())
		}
	})
}
