//go:build gc && !nodemetrics_portable && !nodemetrics_step

package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRealIsOneClockInABubbleAndOutside(t *testing.T) {
	before := Real()
	synctest.Test(t, func(t *testing.T) {
		inside := Real()
		time.Sleep(time.Hour)
		after := Real()
		if inside < before || after < inside || after-inside > int64(time.Hour) {
			t.Errorf("%d outside, then %d and %d inside", before, inside, after)
		}
		before = after
	})
	if after := Real(); after < before {
		t.Errorf("%d inside, then %d outside", before, after)
	}
}

func BenchmarkClock(b *testing.B) {
	b.Run("clock=Now", func(b *testing.B) {
		for b.Loop() {
			Now()
		}
	})
	b.Run("clock=Real", func(b *testing.B) {
		for b.Loop() {
			Real()
		}
	})
}

func TestStampsAreOneOrderInABubbleAndOutside(t *testing.T) {
	last := int64(0)
	check := func(where string) {
		t.Helper()
		if s := Stamp(Now()); s < last || s <= 0 {
			t.Errorf("%s: %d after %d", where, s, last)
		} else {
			last = s
		}
	}
	check("outside")
	synctest.Test(t, func(*testing.T) { check("in a bubble") })
	check("outside again")
	if now := Now(); Stamp(now+1)-Stamp(now) != 1 {
		t.Error("a nanosecond is not one of stamps")
	}
}
