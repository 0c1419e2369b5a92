package verdict

import (
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// A look that follows a rest is under way. A record whose look is due meanwhile
// leaves it to the rest after that look, and begins no other round of looks and
// rests. The clock of a step build is younger than a second here, so the test
// says nothing there.
func TestALookBehindARestIsTheOnlyOne(t *testing.T) {
	var r ring.Ring
	var w *Watch
	looks := 0
	n := NewNode(NewRule(Thresholds{FailureRate: 0.5}), func(Change) {
		looks++
		before := w.resting.Load()
		r.Record(1, 1)
		if after := w.resting.Load(); after != before {
			t.Error("the record began another round of looks and rests")
		}
	})
	w = n.Watch(&r)
	r.Init(1, &w.Watch)
	r.Spread(1)
	w.resting.Store(clock.Real())
	r.Record(1, 1) // leaves its look to the end of the rest
	w.rested()
	if looks != 1 {
		t.Errorf("%d changes were raised, want 1", looks)
	}
}

// A look took so long that a record began another round of looks and rests. The
// first rest that ends leaves the other round alone, and its own round ends.
func TestTwoRoundsOfLooksBecomeOne(t *testing.T) {
	var r ring.Ring
	n := NewNode(NewRule(Thresholds{FailureRate: 0.5}), nil)
	w := n.Watch(&r)
	r.Init(1, &w.Watch)
	r.Spread(1)
	later := clock.Real() + int64(time.Hour)
	w.resting.Store(later)
	r.Record(1, 1)
	w.rested()
	if got := w.resting.Load(); got != later || w.Verdict() != 0 {
		t.Error("the end of one rest ended another")
	}
}
