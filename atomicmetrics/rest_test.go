package atomicmetrics

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// The rest after a look begins in a bubble, and the bubble ends before the rest
// does. A record outside carries the window across a threshold. It is judged,
// although no other record follows.
func TestALookThatRestsWhenItsBubbleEndsIsNotTheLast(t *testing.T) {
	recovered := make(chan struct{})
	c := MustNew(WithLogger(zerolog.Nop()), WithWindowSize(1), WithThresholds(Thresholds{FailureRate: 0.5}),
		OnEvent(func(e Event) {
			if !e.Breached {
				close(recovered)
			}
		}))
	n := c.Node("n")
	n.RecordSuccess(1)
	n.life.State().Ring.Spread(2)
	synctest.Test(t, func(t *testing.T) {
		n.RecordFailureAs(1, CategoryOther)
		synctest.Wait() // the look has ended
		if !n.Metrics().FailureRateBreached {
			t.Error("the failure is not judged")
		}
	})
	n.RecordSuccess(1)
	select {
	case <-recovered:
	case <-time.After(time.Minute):
		t.Error("the success is not judged")
	}
}
