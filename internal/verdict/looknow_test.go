//go:build nodemetrics_step

package verdict

import (
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// During each look a recorder asks for another one. So the turn is never free.
// LookNow returns all the same, and has judged the record before it.
func TestLookNowEndsBesideRecordersThatAskForLooksWithoutAPause(t *testing.T) {
	defer step.Hook(nil)
	n := NewNode(NewRule(Thresholds{FailureRate: 0.5}), nil)
	var r ring.Ring
	w := n.Watch(&r)
	r.InitDigest(10_000, 100, w.Bounds, nil)
	stop := make(chan struct{})
	looking := make(chan struct{}, 1)
	step.Hook(func(at step.Step) {
		select {
		case <-stop:
			return
		default:
		}
		if at == step.Looking {
			w.Look()
			select {
			case looking <- struct{}{}:
			default:
			}
		}
	})
	go w.Look()
	<-looking
	r.Record(1, 1, 0)
	tries := 0
	w.LookNow(func(int) bool {
		<-looking
		tries++
		return tries < 1000
	})
	if tries == 1000 {
		t.Error("LookNow never got the turn")
	}
	if w.Verdict()&FailureBreach == 0 {
		t.Error("the record before LookNow is not judged")
	}
	close(stop)
}
