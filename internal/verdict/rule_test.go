package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

func TestAtMostIsTheLargestDurationThatTheBoundHasRoomFor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	bounds := []float64{0, 1, 1.5, 1 << 53, 1<<53 + 2, 1 << 54, 1<<54 + 4, 1<<56 - 8}
	for range 1000 {
		bounds = append(bounds, random.Float64()*math.Exp2(random.Float64()*56))
	}
	for _, bound := range bounds {
		if d := atMost(bound); float64(d) > bound || float64(d+1) <= bound {
			t.Errorf("of %v: %d", bound, d)
		}
	}
}

// Fewer records than Distance says change no verdict, however bad or good they
// are, and whether or not the window grows. Distance is at least almost half
// of the records that do.
func TestDistanceIsNotBeyondTheNextChange(t *testing.T) {
	var sizes []int
	for n := 1; n <= 20; n++ {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, 99, 100, 101, 199, 200, 201, 350, 1000)
	both := Thresholds{FailureRate: 0.3, Latency: 10, Recovery: 0.6}
	for _, c := range []struct {
		thresholds Thresholds
		counts     []func(s *ring.Stats) *int
	}{
		{Thresholds{FailureRate: 0.02}, []func(s *ring.Stats) *int{failures}},
		{Thresholds{FailureRate: 0.3, Recovery: 0.5}, []func(s *ring.Stats) *int{failures}},
		{Thresholds{FailureRate: 0.9, Recovery: 0.1, MinSamples: 7}, []func(s *ring.Stats) *int{failures}},
		{Thresholds{FailureRate: 1, Recovery: 1}, []func(s *ring.Stats) *int{failures}},
		{Thresholds{Latency: 10}, []func(s *ring.Stats) *int{slow}},
		{Thresholds{Latency: 10, Recovery: 0.5, MinSamples: 150}, []func(s *ring.Stats) *int{slow}},
		{both, []func(s *ring.Stats) *int{failures, slow}},
	} {
		rule := NewRule(c.thresholds)
		for _, n := range sizes {
			for bad := 0; bad <= n; bad += 1 + bad/20 {
				s := withBad(c.counts, n, bad)
				for v := range (Judged | FailureBreach | LatencyBreach) + 1 {
					if possible := v == 0 || v&Judged != 0 && n >= rule.minSamples; possible && rule.Judge(v, s) == v {
						checkDistance(t, fmt.Sprintf("%+v, verdict %03b, %+v", c.thresholds, v, s), rule, v, func(records int) []ring.Stats {
							return []ring.Stats{ // all of them, or none, are bad: in the place of good or bad samples, or more samples
								withBad(c.counts, n, bad+records), withBad(c.counts, n, bad-records),
								withBad(c.counts, n+records, bad+records), withBad(c.counts, n+records, bad),
							}
						})
					}
				}
			}
		}
	}
}

func failures(s *ring.Stats) *int { return &s.Failures }
func slow(s *ring.Stats) *int     { return &s.Slow }

// withBad returns the counts of a window in which so many samples count as all of these.
func withBad(counts []func(s *ring.Stats) *int, samples, bad int) ring.Stats {
	s := ring.Stats{Tally: history.Tally{Samples: samples}}
	for _, count := range counts {
		*count(&s) = max(0, min(bad, samples))
	}
	s.Recovering = s.Slow
	return s
}

// checkDistance compares a distance with the fewest records that change a verdict; after returns what there may be after
// so many.
func checkDistance(t *testing.T, what string, rule *Rule, v Verdict, after func(records int) []ring.Stats) {
	t.Helper()
	const never = 3000
	fewest := 1
	for changed := false; !changed && fewest < never; {
		for _, s := range after(fewest) {
			changed = changed || rule.Judge(v, s) != v
		}
		if !changed {
			fewest++
		}
	}
	d := rule.Distance(v, after(0)[0])
	if d < 1 || fewest < never && d > fewest {
		t.Errorf("%s: %d records, and it changes after %d", what, d, fewest)
	}
	if d < fewest/2-2 && d < never/2-2 {
		t.Errorf("%s: %d records, and it does not change before %d", what, d, fewest)
	}
}
