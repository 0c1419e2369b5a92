package ring

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAClosedRingTakesNothing(t *testing.T) {
	for _, spread := range []bool{false, true} {
		var r Ring
		r.Init(10, nil, nil)
		if spread {
			r.Spread(2)
		}
		r.Record(Success, 1, 0)
		r.Close()
		r.Close()
		if r.Record(Success, 2, 0) || r.Record(3, 4, 0) {
			t.Fatal("a closed ring took a record")
		}
		if r.Spread(4); r.Record(Success, 2, 0) || !r.Quiet() || r.Counts().Completed() != 1 {
			t.Fatal("a closed ring grew")
		}
	}
}

func TestWhatAClosedRingTookIsCountedWhenItIsQuiet(t *testing.T) {
	closeBesideRecorders(t, 300, func(round int) (*Ring, uint64) {
		r := new(Ring)
		r.Init(1+round%9, nil, nil)
		return r, uint64(round)
	}, func(r *Ring, taken uint64) {
		var b Reader
		window, _ := b.Window(r)
		if want := min(taken, uint64(len(r.slots))); uint64(len(window)) != want {
			t.Fatalf("the window has %d samples, want %d", len(window), want)
		}
	})
}

// closeBesideRecorders closes rings beside recorders that never pause. begin
// returns a ring, and the executions that it must have before it is closed.
// check checks the closed ring, which took so many.
func closeBesideRecorders(t *testing.T, rounds int, begin func(round int) (*Ring, uint64), check func(r *Ring, taken uint64)) {
	for _, procs := range []int{1, 2, 4, 16} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for round := range rounds {
			r, least := begin(round)
			if round%3 == 1 {
				r.Spread(procs)
			}
			var taken, sum atomic.Uint64
			var wg sync.WaitGroup
			for g := range uint64(4) {
				wg.Go(func() {
					for i := uint64(1); r.Record(Outcome(i%Outcomes), i*g, 0); i++ {
						taken.Add(1)
						sum.Add(i * g)
						if i%8 == 0 {
							runtime.Gosched() // else each turn of the reset below takes a time slice of every recorder
						}
					}
				})
			}
			if round%3 == 2 {
				r.Spread(procs)
			}
			for r.Counts().Completed() < least {
				runtime.Gosched()
			}
			r.Close()
			r.Close()
			for !r.Quiet() {
				runtime.Gosched()
			}
			c := r.Counts() // final, though the recorders may not have returned yet
			check(r, c.Completed())
			wg.Wait()
			if r.Spread(4); r.Record(Success, 1, 0) {
				t.Fatal("a closed ring took a record")
			}
			if c.Completed() != taken.Load() || c.Sum.low != sum.Load() || r.Counts() != c {
				t.Fatalf("%d executions and a sum of %d were taken, %d and %d counted",
					taken.Load(), sum.Load(), c.Completed(), c.Sum.low)
			}
			check(r, taken.Load())
		}
	}
}
