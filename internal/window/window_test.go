package window

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/race"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// fill records so many executions, of which every fifth fails. It returns the
// durations of the newest.
func fill(r *ring.Ring, n, newest int) (durations []time.Duration) {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range n {
		d, outcome := random.Uint64N(1e9), ring.Success
		if i%5 == 0 {
			outcome++
		}
		for !r.Record(outcome, d, 0) {
		}
		durations = append(durations, time.Duration(d))
	}
	return durations[max(0, n-newest):]
}

func TestAWindowHasTheNewestSamples(t *testing.T) {
	var reader Reader // One for all, so that each read meets the buffers of another.
	for _, spread := range []bool{false, true} {
		for _, n := range []int{0, 1, 99, 100, 101, 1000} {
			var r ring.Ring
			r.Init(100, nil, nil)
			if spread {
				r.Spread(2)
			}
			want := fill(&r, n, 100)
			w := reader.Read(&r)
			if w.Samples != len(want) || w.Failures != (len(want)+4)/5 {
				t.Errorf("%d records: %d samples and %d failures, want %d of them", n, w.Samples, w.Failures, len(want))
			}
			if n == 0 {
				if w.Newest != 0 {
					t.Errorf("the newest of an empty window is %v", w.Newest)
				}
				continue
			}
			if newest := want[len(want)-1]; w.Newest != newest {
				t.Errorf("%d records: the newest is %v, want %v", n, w.Newest, newest)
			}
			slices.Sort(want)
			for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
				if got, want := w.Quantile(q), want[quantile.Rank(q, len(want))-1]; got != want {
					t.Errorf("%d records: quantile %v is %v, want %v", n, q, got, want)
				}
			}
			s := w.Sketch()
			for i, c := range s {
				if len(s) != len(want) || c.Mean != want[i] || c.Weight != 1 {
					t.Fatalf("%d records: the sketch is %v, want the samples %v", n, s, want)
				}
			}
		}
	}
}

func TestALargeWindowIsOfADigest(t *testing.T) {
	const size = 20_000
	var r ring.Ring
	r.InitDigest(size, 100, history.Bounds{Slow: ring.MaxDuration, Recovering: ring.MaxDuration}, nil)
	want := fill(&r, 3*size, size)
	var reader Reader
	w := reader.Read(&r)
	if w.Samples < size*3/4 || w.Samples > size || w.Failures < w.Samples/5-1 || w.Failures > w.Samples/5+1 {
		t.Errorf("%d samples and %d failures", w.Samples, w.Failures)
	}
	if w.Newest != want[size-1] {
		t.Errorf("the newest is %v, want %v", w.Newest, want[size-1])
	}
	want = want[size-w.Samples:]
	slices.Sort(want)
	s := w.Sketch()
	if s.Samples() != w.Samples || s[0].Mean != want[0] || s[len(s)-1].Mean != want[w.Samples-1] {
		t.Errorf("the sketch has %d samples from %v to %v", s.Samples(), s[0].Mean, s[len(s)-1].Mean)
	}
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
		at, _ := slices.BinarySearch(want, w.Quantile(q))
		if off := at - (quantile.Rank(q, w.Samples) - 1); off < -w.Samples/100 || off > w.Samples/100 {
			t.Errorf("quantile %v is %d samples off", q, off)
		}
	}
}

func TestAReadAllocatesNothingTheSecondTime(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var r ring.Ring
	r.Init(100, nil, nil)
	fill(&r, 150, 100)
	var reader Reader
	if n := testing.AllocsPerRun(100, func() {
		w := reader.Read(&r)
		w.Quantile(0.5)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
