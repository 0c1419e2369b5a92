package measure

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestSpreadMakesEveryCallOnce(t *testing.T) {
	for _, g := range []int{1, 2, 7, 64} {
		for _, n := range []int{1, 63, 100, 5001} {
			made := make([]atomic.Int32, n)
			Spread(n, g, func(worker, from, to int) {
				if worker < 0 || worker >= g {
					t.Errorf("worker %d of %d", worker, g)
				}
				for i := from; i < to; i++ {
					made[i].Add(1)
				}
			})
			for i := range made {
				if times := made[i].Load(); times != 1 {
					t.Fatalf("%d goroutines, %d calls: call %d was made %d times", g, n, i, times)
				}
			}
		}
	}
}

func TestInterleaveMakesTheSameCallsOfAllInTurn(t *testing.T) {
	const round = 100
	for n, last := range map[int]int{1: 1, round: round, 2*round + 10: 2 * round, 3*round - 1: 3*round - 1, 5 * round: 5 * round} {
		var order []string
		body := func(name string, ns func(round int) float64) func(from, to int) float64 {
			return func(from, to int) float64 {
				if want := min(from+round, n); from%round != 0 || to != want {
					t.Errorf("%d calls: a round from %d to %d", n, from, to)
				}
				order = append(order, name)
				return ns(from / round)
			}
		}
		got := Interleave(n, round,
			body("a", func(round int) float64 { return float64(10 * round) }),
			body("b", func(round int) float64 { return float64(10*round + 3) }),
			body("c", func(round int) float64 { return float64(11 * round) }))
		rounds := (last + round - 1) / round
		var wantOrder []string
		for i := range rounds {
			if i%2 == 0 {
				wantOrder = append(wantOrder, "a", "b", "c")
			} else {
				// A short round at the end would say nothing.
				wantOrder = append(wantOrder, "c", "b", "a")
			}
		}
		if !slices.Equal(order, wantOrder) {
			t.Errorf("%d calls: %v, not %v", n, order, wantOrder)
		}
		middle := float64(rounds-1) / 2
		want := Rounds{Of: []float64{10 * middle, 10*middle + 3, 11 * middle}, Over: []float64{0, 3, middle}}
		if !slices.Equal(got.Of, want.Of) || !slices.Equal(got.Over, want.Over) {
			t.Errorf("%d calls: %+v, not %+v", n, got, want)
		}
	}
}

// The call takes so long that the clock's own cost, which is taken off, cannot
// matter.
func TestSingleTimesEveryCallAndTakesTheClockOff(t *testing.T) {
	var w Work
	turns := 100 * Microsecond()
	l := Single(200, 1, func(int) { w.Do(turns) })
	if l.Calls.TotalCount() != 200 || l.Clock.TotalCount() != 200 {
		t.Errorf("%d calls, %d empty measurements", l.Calls.TotalCount(), l.Clock.TotalCount())
	}
	if got := time.Duration(l.Percentile(50)); got < 50*time.Microsecond {
		t.Errorf("100 µs of work took %v", got)
	}
	if got := l.ClockPercentile(50); got != 0 {
		t.Errorf("nothing took %d ns", got)
	}
	if l.Percentile(100) < l.Percentile(99.9) || l.ClockCost() <= 0 {
		t.Errorf("p100 %d, p99.9 %d, clock %d", l.Percentile(100), l.Percentile(99.9), l.ClockCost())
	}
	twice := NewLatency()
	twice.Merge(l)
	twice.Merge(l)
	if twice.Calls.TotalCount() != 400 || twice.Clock.TotalCount() != 400 {
		t.Errorf("merged: %d calls, %d empty measurements", twice.Calls.TotalCount(), twice.Clock.TotalCount())
	}
}

func TestReaderReadsUntilItIsStopped(t *testing.T) {
	for _, every := range []time.Duration{0, time.Microsecond} {
		var reads atomic.Int64
		stop := Reader(every, func() { reads.Add(1) })
		for reads.Load() < 3 {
			if t.Context().Err() != nil {
				t.Fatal("it does not read")
			}
		}
		if got := stop(); int64(got) != reads.Load() {
			t.Errorf("%d reads, not %d", got, reads.Load())
		}
	}
}

func TestBusyCallsUntilItIsStopped(t *testing.T) {
	var calls [2]atomic.Int64
	stop := Busy(len(calls), func(worker, from, to int) { calls[worker].Add(int64(to - from)) })
	for calls[0].Load() == 0 || calls[1].Load() == 0 {
		if t.Context().Err() != nil {
			t.Fatal("they do not call")
		}
	}
	stop()
	if a, b := calls[0].Load(), calls[1].Load(); a%chunk != 0 || b%chunk != 0 {
		t.Errorf("%d and %d calls", a, b)
	}
}

func TestDurationsAreWithinTheirBounds(t *testing.T) {
	for i := range 3 * len(Durations) {
		if d := Duration(i); d <= 0 || d > MaxDuration || d != Duration(i+len(Durations)) {
			t.Fatalf("duration %d is %v", i, d)
		}
	}
}

func TestAnOrderHasEverythingAndIsNotInTurn(t *testing.T) {
	for _, n := range []int{1, 64, 100_000} {
		o, seen, inTurn := NewOrder(n), make([]int, n), 0
		for i := range orderLength {
			seen[o.At(i)]++
			if o.At(i+1) == (o.At(i)+1)%n {
				inTurn++
			}
		}
		if least, most := slices.Min(seen), slices.Max(seen); least < orderLength/n || most > orderLength/n+1 {
			t.Errorf("of %d things one is there %d times and another %d times", n, least, most)
		}
		if n > 1 && inTurn > 2*orderLength/n {
			t.Errorf("of %d things %d follow in turn", n, inTurn)
		}
		if o.At(orderLength+7) != o.At(7) {
			t.Errorf("the order of %d things does not begin again", n)
		}
	}
}
