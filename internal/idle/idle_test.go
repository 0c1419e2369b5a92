package idle

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestANodeIsIdleAfterATimeWithoutRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watch
		n := uint64(0)
		records := func() uint64 { return n }
		reset := func() { w.BeginReset(); n = 0; w.EndReset() }
		for i, step := range []struct {
			after time.Duration
			do    func()
			busy  bool
			idle  bool
		}{
			{time.Hour, nil, false, false}, // the first look
			{time.Minute - 1, nil, false, false},
			{1, nil, false, true},
			{1, nil, false, true},
			{time.Hour, func() { n++ }, false, false},
			{time.Minute, nil, false, true},
			{0, nil, true, false}, // and nothing is known any more
			{time.Hour, nil, false, false},
			{time.Minute, nil, false, true},
			{0, func() { reset(); n++ }, false, false}, // as many records as before
			{time.Minute, nil, false, true},
			{0, w.BeginReset, false, false},
			{time.Hour, nil, false, false},
			{0, w.EndReset, false, false},
			{time.Minute, nil, false, true},
		} {
			time.Sleep(step.after)
			if step.do != nil {
				step.do()
			}
			if got := w.Idle(time.Minute, step.busy, records); got != step.idle {
				t.Errorf("step %d: idle is %v, want %v", i, got, step.idle)
			}
		}
	})
}

// A reset that begins after the look at its count must not go unnoticed.
func TestActivityIsUnknownBesideAReset(t *testing.T) {
	var w Watch
	if _, ok := w.Activity(func() uint64 { w.BeginReset(); return 1 }); ok {
		t.Error("the activity is known, though a reset has begun meanwhile")
	}
	if _, ok := w.Activity(func() uint64 { w.EndReset(); return 1 }); ok {
		t.Error("the activity is known, though a reset was under way at first")
	}
	a, ok := w.Activity(func() uint64 { return 1 })
	if want := (Activity{1, 1}); !ok || a != want {
		t.Errorf("the activity is %v, %v, want %v", a, ok, want)
	}
}
