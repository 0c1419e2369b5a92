package atomicmetrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

func digestCollector(t *testing.T, window int, opts ...Option) *Collector {
	t.Helper()
	c, err := New(append([]Option{WithWindowSize(window), WithPercentiles(digest.TDigest(100)),
		WithLogger(zerolog.Nop())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// distributions are the inputs of the accuracy test: the i-th of n durations, in nanoseconds.
var distributions = map[string]func(random *rand.Rand, i, n int) float64{
	"uniform":     func(r *rand.Rand, i, n int) float64 { return r.Float64() * 1e9 },
	"lognormal":   func(r *rand.Rand, i, n int) float64 { return 1e6 * math.Exp(2*r.NormFloat64()) },
	"exponential": func(r *rand.Rand, i, n int) float64 { return r.ExpFloat64() * 1e7 },
	"bimodal": func(r *rand.Rand, i, n int) float64 {
		return 1e6 + float64(r.IntN(2))*1e9 + r.Float64()*1e5
	},
	"constant": func(r *rand.Rand, i, n int) float64 { return 12345 },
	"sorted":   func(r *rand.Rand, i, n int) float64 { return float64(i) * 1000 },
	"reversed": func(r *rand.Rand, i, n int) float64 { return float64(n-i) * 1000 },
	"extremes": func(r *rand.Rand, i, n int) float64 { // long alternation of the shortest and the longest
		if i/5000%2 == 0 {
			return float64(r.IntN(1000))
		}
		return 1e12 + float64(r.IntN(1000))
	},
}

// rankError returns how far, in parts of all samples, a value is from the quantile q of them.
func rankError(sorted []uint64, value time.Duration, q float64) float64 {
	n := float64(len(sorted))
	below, _ := slices.BinarySearch(sorted, uint64(value))
	upTo, _ := slices.BinarySearch(sorted, uint64(value)+1)
	switch want := q * n; {
	case float64(below) > want:
		return (float64(below) - want) / n
	case float64(upTo) < want:
		return (want - float64(upTo)) / n
	}
	return 0
}

func TestTDigestIsAccurateOverAMillionAfterOlderSamplesAreForgotten(t *testing.T) {
	window, older := 1_000_000, 500_000
	if race.Enabled {
		window, older = 100_000, 50_000
	}
	for name, draw := range distributions {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 11))
			c := digestCollector(t, window)
			n := c.Node("n")
			for range older { // longer and shorter than anything that follows
				n.RecordFailureAs(MaxDuration, CategoryOther)
			}
			newest := make([]uint64, window)
			for i := range newest {
				newest[i] = uint64(draw(random, i, window)) + 1
				n.RecordSuccess(time.Duration(newest[i]))
			}
			for range 2 { // before and after a flush
				m := n.Metrics()
				if m.WindowSamples > window || 4*m.WindowSamples < 3*window || m.WindowFailures != 0 {
					t.Fatalf("%d samples, %d of them failures", m.WindowSamples, m.WindowFailures)
				}
				held := slices.Clone(newest[window-m.WindowSamples:])
				slices.Sort(held)
				if m.WindowMin != time.Duration(held[0]) || m.WindowMax != time.Duration(held[len(held)-1]) {
					t.Errorf("from %v to %v, want %d to %d", m.WindowMin, m.WindowMax, held[0], held[len(held)-1])
				}
				for _, p := range []struct {
					q     float64
					value time.Duration
					limit float64
				}{{0.5, m.P50, 0.01}, {0.9, m.P90, 0.005}, {0.99, m.P99, 0.002}} {
					e := rankError(held, p.value, p.q)
					t.Logf("p%v: off by %.3f %% of the ranks", 100*p.q, 100*e)
					if e > p.limit {
						t.Errorf("p%v is %v: off by %.4f of the ranks, want at most %v", 100*p.q, p.value, e, p.limit)
					}
				}
				if m.P99 > m.WindowMax || m.P50 > m.P90 || m.P90 > m.P99 || m.WindowMin > m.P50 {
					t.Errorf("out of order: %+v", m)
				}
				if m.LastExecution != time.Duration(newest[window-1]) {
					t.Errorf("the last is %v, want %d", m.LastExecution, newest[window-1])
				}
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestTDigestCountsEverySampleOfEightRecorders(t *testing.T) {
	c := digestCollector(t, 1_000_000)
	n := c.Node("n")
	const recorders, each = 8, 100_000
	var wg sync.WaitGroup
	for g := range recorders {
		wg.Go(func() {
			for i := range each {
				n.RecordSuccess(time.Duration(1 + g*each + i))
			}
		})
	}
	wg.Wait()
	for range 2 { // before and after a flush
		m := n.Metrics()
		if m.WindowSamples != recorders*each || m.TotalExecutions != recorders*each {
			t.Errorf("%d samples of %d executions", m.WindowSamples, m.TotalExecutions)
		}
		if m.WindowMin != 1 || m.WindowMax != recorders*each {
			t.Errorf("from %d to %d", m.WindowMin, m.WindowMax)
		}
		if e := math.Abs(float64(m.P50)/(recorders*each) - 0.5); e > 0.01 {
			t.Errorf("the median is %d: off by %v", m.P50, e)
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTDigestConservesRecordsOverResets(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		for _, spread := range []bool{false, true} {
			t.Run(fmt.Sprintf("procs=%d/spread=%v", procs, spread), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				conserve(t, 8193, spread, WithPercentiles(digest.TDigest(100)))
			})
		}
	}
}

func TestTDigestOfASmallWindowIsExact(t *testing.T) {
	c := digestCollector(t, digest.SmallWindow)
	for i := range 2 * digest.SmallWindow {
		c.RecordSuccess("n", time.Duration(i))
	}
	if s := c.Snapshot(); s.Percentiles != "exact" || s.Nodes["n"].WindowSamples != digest.SmallWindow ||
		s.Nodes["n"].P50 != digest.SmallWindow+digest.SmallWindow/2-1 {
		t.Errorf("%q, %+v", s.Percentiles, s.Nodes["n"])
	}
	if s := digestCollector(t, digest.SmallWindow+1).Snapshot(); s.Percentiles != "tdigest" {
		t.Errorf("a larger window has percentiles %q", s.Percentiles)
	}
}

func BenchmarkRecordTDigest(b *testing.B) {
	for _, window := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			c, err := New(WithWindowSize(window), WithPercentiles(digest.TDigest(100)), WithLogger(zerolog.Nop()))
			if err != nil {
				b.Fatal(err)
			}
			n := c.Node("n")
			i := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				i = i*6364136223846793005 + 1442695040888963407
				n.RecordSuccess(time.Duration(i >> 40))
			}
		})
	}
}
