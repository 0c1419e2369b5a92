package sketch

import (
	"cmp"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/quantile"
)

// MaxPairs is the most pairs of the sketch of one window. More samples are
// compressed to centroids.
const MaxPairs = 1024

// MaxSamples is the most pairs of a sketch that was merged from samples alone.
const MaxSamples = 4096

// Centroid stands for as many samples as its weight says, at least 1. With a
// weight of 1 its mean is exactly a sample. With a larger weight it is the mean
// of neighboring samples, to the nanosecond.
type Centroid struct {
	Mean   time.Duration
	Weight int
}

// Sketch is a window. Its centroids are in the order of their means. Its first
// and last mean are the true minimum and maximum, even after merging and
// compressing. While every weight is 1, the centroids are the samples and all
// quantiles are exact.
type Sketch []Centroid

// Of returns the sketch of samples that are in ascending order, in nanoseconds.
func Of(samples []uint64) Sketch {
	s := make(Sketch, len(samples))
	for i, d := range samples {
		s[i] = Centroid{time.Duration(d), 1}
	}
	if len(s) > MaxPairs {
		return compress(s)
	}
	return s
}

// Fit returns the sketch of centroids in the order of Compare, of which
// shortest and longest are the true extremes.
func Fit(s Sketch, shortest, longest time.Duration) Sketch {
	if len(s) <= MaxPairs && s.Exact() {
		return s
	}
	return within(s, shortest, longest)
}

// Compare orders centroids by mean, and centroids of the same mean by weight.
func Compare(a, b Centroid) int {
	if a.Mean != b.Mean {
		return cmp.Compare(a.Mean, b.Mean)
	}
	return cmp.Compare(a.Weight, b.Weight)
}

// Samples returns how many samples the sketch stands for.
func (s Sketch) Samples() (n int) {
	for _, c := range s {
		n += c.Weight
	}
	return n
}

// Exact reports whether the sketch is the samples themselves.
func (s Sketch) Exact() bool {
	return !slices.ContainsFunc(s, func(c Centroid) bool { return c.Weight != 1 })
}

// Quantile returns the quantile q of a sketch that is not empty. That is the
// mean of the centroid that has the sample of the nearest rank. Nothing is
// interpolated, because there may be a gap between two means. So a sample that
// is alone in its centroid is met exactly.
func (s Sketch) Quantile(q float64) time.Duration {
	rank := quantile.Rank(q, s.Samples())
	for _, c := range s {
		if rank -= c.Weight; rank <= 0 {
			return c.Mean
		}
	}
	return s[len(s)-1].Mean
}
