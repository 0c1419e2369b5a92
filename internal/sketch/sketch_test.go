package sketch

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/quantile"
)

const longest = 1<<56 - 1 // the longest duration of a window

// inputs are windows of n samples, in the order in which they happened.
var inputs = map[string]func(r *rand.Rand, i, n int) uint64{
	"uniform":     func(r *rand.Rand, i, n int) uint64 { return r.Uint64N(1e9) },
	"lognormal":   func(r *rand.Rand, i, n int) uint64 { return uint64(math.Exp(15 + 1.5*r.NormFloat64())) },
	"exponential": func(r *rand.Rand, i, n int) uint64 { return uint64(1e7 * r.ExpFloat64()) },
	"heavy tail": func(r *rand.Rand, i, n int) uint64 {
		return uint64(min(1e6/math.Pow(1-r.Float64(), 2), longest))
	},
	"bimodal":                 func(r *rand.Rand, i, n int) uint64 { return modes(r, 0.5) },
	"bimodal, gap behind p90": func(r *rand.Rand, i, n int) uint64 { return modes(r, 0.905) },
	"constant":                func(r *rand.Rand, i, n int) uint64 { return 5e6 },
	"few values":              func(r *rand.Rand, i, n int) uint64 { return r.Uint64N(11) },
	"sorted":                  func(r *rand.Rand, i, n int) uint64 { return uint64(i) * 1000 },
	"reversed":                func(r *rand.Rand, i, n int) uint64 { return uint64(n-i) * 1000 },
	"alternating extremes":    func(r *rand.Rand, i, n int) uint64 { return uint64(i%2) * longest },
	"closing extremes": func(r *rand.Rand, i, n int) uint64 {
		if i%2 == 0 {
			return uint64(i)
		}
		return longest - uint64(i)
	},
}

func modes(r *rand.Rand, fast float64) uint64 {
	if r.Float64() < fast {
		return 1e6 + r.Uint64N(1e5)
	}
	return 1e9 + r.Uint64N(1e8)
}

// limits are the rank errors that a quantile may have, in parts of the samples.
var limits = map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002}

// rankError returns how far d is from the quantile q of sorted samples, in parts of them: 0 if it is as long as the
// sample of that rank.
func rankError(sorted []uint64, d time.Duration, q float64) float64 {
	below, _ := slices.BinarySearch(sorted, uint64(d))
	upTo, _ := slices.BinarySearch(sorted, uint64(d)+1)
	rank := quantile.Rank(q, len(sorted))
	return float64(max(0, below+1-rank, rank-upTo)) / float64(len(sorted))
}

// wellFormed fails the test unless s is in order and stands for these samples, with their true extremes.
func wellFormed(t *testing.T, s Sketch, sorted []uint64) {
	t.Helper()
	if !slices.IsSortedFunc(s, func(a, b Centroid) int { return cmp.Compare(a.Mean, b.Mean) }) {
		t.Errorf("the means are not in order")
	}
	if n := s.Samples(); n != len(sorted) {
		t.Fatalf("%d samples, want %d", n, len(sorted))
	}
	if len(s) > MaxSamples {
		t.Errorf("%d pairs", len(s))
	}
	ends := []time.Duration{s[0].Mean, s[len(s)-1].Mean, s.Quantile(0), s.Quantile(1)}
	low, high := time.Duration(sorted[0]), time.Duration(sorted[len(sorted)-1])
	if want := []time.Duration{low, high, low, high}; !slices.Equal(ends, want) {
		t.Errorf("first and last mean, quantiles 0 and 1: %v, want %v", ends, want)
	}
}

func withinLimits(t *testing.T, s Sketch, sorted []uint64, part float64) {
	t.Helper()
	for q, limit := range limits {
		allowed := limit * part
		if part < 1 {
			allowed += 1.01 / float64(len(sorted)) // a sample
		}
		if e := rankError(sorted, s.Quantile(q), q); e > allowed {
			t.Errorf("quantile %v: rank error %.3f%%, at most %.3f%% is allowed", q, 100*e, 100*allowed)
		}
	}
}

func TestSamplesAnswerByNearestRank(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 3, 10, 99, 100, 101, MaxPairs} {
		samples := make([]uint64, n)
		for i := range samples {
			samples[i] = r.Uint64N(longest+1) >> r.IntN(57)
		}
		slices.Sort(samples)
		s := Of(samples)
		if !s.Exact() || len(s) != n {
			t.Fatalf("%d samples are not kept as they are", n)
		}
		wellFormed(t, s, samples)
		for _, q := range []float64{-1, 0, 1e-9, 0.07, 0.5, 0.9, 0.99, 1, 2, math.NaN(), r.Float64(), r.Float64()} {
			if got, want := s.Quantile(q), time.Duration(samples[quantile.Rank(q, n)-1]); got != want {
				t.Errorf("quantile %v of %d: got %v, want %v", q, n, got, want)
			}
		}
	}
}

func TestAQuantileIsTheMeanOfTheCentroidThatHasItsRank(t *testing.T) {
	s := Sketch{{10, 1}, {100, 4}, {200, 4}, {1000, 1}}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 10}, {0.1, 10}, {0.11, 100}, {0.5, 100}, {0.51, 200}, {0.9, 200}, {0.91, 1000}, {1, 1000}} {
		if got := s.Quantile(c.q); got != c.want {
			t.Errorf("quantile %v: got %d, want %d", c.q, got, c.want)
		}
	}
}

func TestMergingSamplesIsTheSamplesOfAll(t *testing.T) {
	a, b := Of([]uint64{1, 3, longest}), Of([]uint64{0, 3, 5})
	want := Of([]uint64{0, 1, 3, 3, 5, longest})
	if got := Merge(a, nil, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if !reflect.DeepEqual(a, Of([]uint64{1, 3, longest})) {
		t.Errorf("a part was changed: %v", a)
	}
	if got := Merge(); len(got) != 0 {
		t.Errorf("nothing merged is %v", got)
	}
}

func TestMergedSamplesStaySamplesUpToTheMostPairs(t *testing.T) {
	samples := window(rand.New(rand.NewPCG(3, 1)), "uniform", MaxSamples)
	var merged Sketch
	for part := range slices.Chunk(samples, MaxPairs) {
		merged = Merge(merged, Of(part))
	}
	for i, c := range merged {
		if c != (Centroid{time.Duration(samples[i]), 1}) {
			t.Fatalf("pair %d of %d samples, merged, is %v, want %d", i, MaxSamples, c, samples[i])
		}
	}
	if len(merged) != MaxSamples {
		t.Errorf("%d samples, merged, are %d pairs", MaxSamples, len(merged))
	}
	if one := Of([]uint64{longest}); Merge(merged, one).Exact() {
		t.Error("one more is exact")
	}
}

// As long as a Sum keeps all pairs.
func TestMergeDoesNotDependOnTheOrderOfItsParts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var parts []Sketch
	for i := range 5 {
		parts = append(parts, Of(window(r, "lognormal", 100+i*500)))
	}
	want := Merge(parts...)
	for range 5 {
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		if got := Merge(parts...); !reflect.DeepEqual(got, want) {
			t.Fatal("another order gives another sketch")
		}
	}
}

// Merge returns the sketch of a Sum of the parts.
func Merge(parts ...Sketch) Sketch {
	var sum Sum
	for _, part := range parts {
		sum.Add(part)
	}
	return sum.Sketch()
}

// window returns n sorted samples of an input.
func window(r *rand.Rand, input string, n int) []uint64 {
	samples := make([]uint64, n)
	for i := range samples {
		samples[i] = inputs[input](r, i, n)
	}
	slices.Sort(samples)
	return samples
}

func TestCompressedOnceTheRankErrorIsTwoFifthsOfTheLimits(t *testing.T) {
	for input := range inputs {
		t.Run(input, func(t *testing.T) {
			for seed, n := range []int{MaxPairs + 1, 65_536, 120_000} {
				sorted := window(rand.New(rand.NewPCG(uint64(seed), 3)), input, n)
				s := Of(sorted)
				wellFormed(t, s, sorted)
				withinLimits(t, s, sorted, 0.4)
				if len(s) > 2*Compression {
					t.Errorf("%d samples became %d centroids", n, len(s))
				}
			}
		})
	}
}

// A gap between two modes is at 51 places around each percentile.
func TestTheRankErrorBesideAGapIsWithinTheLimits(t *testing.T) {
	const size, parts, positions = 20_000, 4, 25
	for q, limit := range limits {
		for at := -positions; at <= positions; at++ {
			r := rand.New(rand.NewPCG(uint64(at+100), 1))
			share := q + 2.5*limit*float64(at)/positions
			var all []uint64
			var merged Sketch
			for range parts {
				samples := make([]uint64, size)
				for i := range samples {
					samples[i] = modes(r, share)
				}
				slices.Sort(samples)
				s := Of(samples)
				withinLimits(t, s, samples, 0.4)
				all = append(all, samples...)
				merged = Merge(merged, s)
			}
			slices.Sort(all)
			wellFormed(t, merged, all)
			withinLimits(t, merged, all, 1)
		}
	}
}

// A thousand windows are added to one Sum. A gap is right beside each
// percentile.
func TestAThousandWindowsInOneSumErrNoMoreThanAFew(t *testing.T) {
	const windows, size = 1000, MaxPairs + 1
	for q, limit := range limits {
		r := rand.New(rand.NewPCG(uint64(100*q), 6))
		all, samples := make([]uint64, 0, windows*size), make([]uint64, size)
		var sum Sum
		for range windows {
			for i := range samples {
				samples[i] = modes(r, q+limit/4)
			}
			slices.Sort(samples)
			sum.Add(Of(samples))
			all = append(all, samples...)
			if len(sum.pairs) > MaxSamples {
				t.Fatalf("a Sum keeps %d pairs", len(sum.pairs))
			}
		}
		slices.Sort(all)
		s := sum.Sketch()
		wellFormed(t, s, all)
		withinLimits(t, s, all, 0.4)
	}
}

func TestASumGoesOnAfterItsSketchWasTaken(t *testing.T) {
	var sum Sum
	first := sum.Sketch()
	sum.Add(Sketch{{3, 1}, {5, 2}})
	second := sum.Sketch()
	sum.Add(nil)
	sum.Add(Sketch{{4, 1}})
	got := []Sketch{first, second, sum.Sketch()}
	want := []Sketch{nil, {{3, 1}, {5, 2}}, {{3, 1}, {4, 1}, {5, 2}}}
	if !reflect.DeepEqual(got, want) || sum.Windows() != 2 {
		t.Errorf("%d windows, got %v, want %v", sum.Windows(), got, want)
	}
}

// The windows of one run each, one behind the other, so that the sorted ones do not overlap.
func TestMergedManyTimesTheRankErrorKeepsTheLimits(t *testing.T) {
	const parts, size = 64, MaxSamples + 4
	orders := map[string]func([]Sketch) Sketch{
		"at once": func(all []Sketch) Sketch { return Merge(all...) },
		"one after the other": func(all []Sketch) (s Sketch) {
			for _, part := range all {
				s = Merge(s, part)
			}
			return s
		},
		"by eights": func(all []Sketch) Sketch {
			for len(all) > 1 {
				var groups []Sketch
				for group := range slices.Chunk(all, 8) {
					groups = append(groups, Merge(group...))
				}
				all = groups
			}
			return all[0]
		},
	}
	for input, next := range inputs {
		t.Run(input, func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, 4))
			var all []uint64
			var sketches []Sketch
			for i := range parts {
				var samples []uint64
				for j := range size {
					samples = append(samples, next(r, i*size+j, parts*size))
				}
				all = append(all, samples...)
				slices.Sort(samples)
				sketches = append(sketches, Of(samples))
			}
			slices.Sort(all)
			for order, merge := range orders {
				t.Run(order, func(t *testing.T) {
					s := merge(sketches)
					wellFormed(t, s, all)
					withinLimits(t, s, all, 1)
				})
			}
		})
	}
}

func TestExtremesStaySamplesOfTheirOwn(t *testing.T) {
	sorted := window(rand.New(rand.NewPCG(5, 5)), "heavy tail", 50_000)
	s := Of(sorted)
	for range 3 {
		s = Merge(s, s, s, s, s, s, s, s)
	}
	first, last := Centroid{time.Duration(sorted[0]), 1}, Centroid{time.Duration(sorted[len(sorted)-1]), 1}
	if s[0] != first || s[len(s)-1] != last {
		t.Errorf("the ends are %v and %v, want %v and %v", s[0], s[len(s)-1], first, last)
	}
}

func TestOfDigestTakesTheExtremesOutOfTheOutermostCentroids(t *testing.T) {
	for _, c := range []struct {
		centroids         tdigest.CentroidList
		shortest, longest time.Duration
		want              Sketch
	}{
		{tdigest.CentroidList{{Mean: 5, Weight: 1}}, 5, 5, Sketch{{5, 1}}},
		{tdigest.CentroidList{{Mean: 5, Weight: 2}}, 4, 6, Sketch{{4, 1}, {6, 1}}},
		{tdigest.CentroidList{{Mean: 5, Weight: 4}}, 2, 8, Sketch{{2, 1}, {5, 2}, {8, 1}}},
		{tdigest.CentroidList{{Mean: 5, Weight: 1}, {Mean: 9, Weight: 1}}, 5, 9, Sketch{{5, 1}, {9, 1}}},
		{
			tdigest.CentroidList{{Mean: 5, Weight: 3}, {Mean: 9.4, Weight: 7}, {Mean: 20, Weight: 2}}, 3, 30,
			Sketch{{3, 1}, {6, 2}, {9, 7}, {10, 1}, {30, 1}},
		},
		{ // means that a float64 has put beyond the extremes, and in the wrong order
			tdigest.CentroidList{{Mean: 1, Weight: 1}, {Mean: 1, Weight: 2}, {Mean: 7.6, Weight: 2}, {Mean: 7.4, Weight: 2},
				{Mean: 1 << 56, Weight: 2}}, 2, longest,
			Sketch{{2, 1}, {2, 2}, {8, 2}, {8, 2}, {longest, 1}, {longest, 1}},
		},
	} {
		if got := ofDigest(slices.Clone(c.centroids), c.shortest, c.longest); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v from %d to %d: got %v, want %v", c.centroids, c.shortest, c.longest, got, c.want)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	sorted := window(rand.New(rand.NewPCG(6, 6)), "lognormal", 65_536)
	for _, n := range []int{100, MaxSamples, len(sorted)} {
		b.Run(fmt.Sprintf("samples=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Of(sorted[:n])
			}
		})
	}
}
