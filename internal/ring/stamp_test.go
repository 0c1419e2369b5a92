package ring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// span is an execution with the moments between which it has its place: its
// end, or the begin of its record if it has none, and the return of its record.
type span struct {
	d        uint64
	from, to int64
}

// inSomeOrder returns an error unless the window is the newest records in an
// order in which each record has a place in its span.
func inSomeOrder(window []Sample, newest Sample, size int, all []span) error {
	in := map[uint64]bool{}
	for _, s := range window {
		in[s.Duration()] = true
	}
	if len(in) != len(window) || len(window) != min(size, len(all)) {
		return fmt.Errorf("%d samples of %d records, of which %d differ", len(window), len(all), len(in))
	}
	first, last := int64(1<<63-1), int64(-1<<63) // of the window: the earliest return, the latest end
	for _, s := range all {
		if in[s.d] {
			first, last = min(first, s.to), max(last, s.from)
		}
	}
	for _, s := range all {
		if !in[s.d] && s.from > first {
			return fmt.Errorf("record %d is not in the window, and an older record is", s.d)
		}
		if s.d == newest.Duration() && s.to < last {
			return fmt.Errorf("record %d is said to be the newest", s.d)
		}
	}
	return nil
}

// Executions end in one order and are recorded in another.
func TestTheWindowIsInTheOrderOfEnds(t *testing.T) {
	for _, size := range []int{1, 2, 7, 100} {
		for _, held := range []int{1, 3, 10, 300} {
			random := rand.New(rand.NewPCG(uint64(size), uint64(held)))
			var r Ring
			var b Reader
			r.Init(size, nil, nil)
			r.Spread(4)
			var ended []int64 // executions that have ended and are not recorded
			var all []span
			for len(all) < 2000 {
				if len(ended) < held && random.IntN(2) == 0 {
					ended = append(ended, clock.Now())
					continue
				}
				s := span{d: uint64(len(all)) + 1, from: clock.Now()}
				end := int64(0)
				if len(ended) > 0 && random.IntN(4) > 0 {
					i := random.IntN(len(ended))
					s.from, end = ended[i], ended[i]
					ended = slices.Delete(ended, i, i+1)
				}
				r.Record(Success, s.d, end)
				s.to = clock.Now()
				all = append(all, s)
				window, newest := b.Window(&r)
				if err := inSomeOrder(window, newest, size, all); err != nil {
					t.Fatalf("window of %d, record %d: %v", size, s.d, err)
				}
			}
			if c := r.Counts(); c.Completed() != 2000 || r.begunByAll() != 2000 {
				t.Fatalf("%d records of 2000 ended, and %d began", c.Completed(), r.begunByAll())
			}
		}
	}
}

// A recorder was held up between its clock and its record, for a whole lap.
func TestAnExecutionOlderThanTheWindowIsCountedOnly(t *testing.T) {
	for _, size := range []int{1, 2, 100} {
		var r Ring
		r.Init(size, nil, nil)
		r.Spread(1)
		end := clock.Now()
		all := []execution{{1, 1 << 40}}
		for d := range uint64(3*size + 3) {
			r.Record(Success, d, 0)
			all = append(all, execution{Success, d})
		}
		r.Record(1, 1<<40, end)
		checkWindow(t, &r, size, all)
		if begun := r.begunByAll(); begun != uint64(len(all)) {
			t.Errorf("%d records began, want %d", begun, len(all))
		}
	}
}

// One recorder goes on alone after a burst, and another joins it now and then.
func TestRecordersThatTakeTurnsKeepTheirOrder(t *testing.T) {
	const size = 50
	var r Ring
	var b Reader
	r.Init(size, nil, nil)
	r.Spread(2)
	random := rand.New(rand.NewPCG(1, 2))
	last := uint64(0)
	for range 300 {
		var wg sync.WaitGroup
		run := random.IntN(3 * soloSpan)
		wg.Go(func() { // on any core
			for range run {
				last++
				r.Record(Success, last, 0)
			}
		})
		wg.Wait()
		window, newest := b.Window(&r)
		if err := consecutive(window, newest, size, last); err != nil {
			t.Fatal(err)
		}
	}
}
