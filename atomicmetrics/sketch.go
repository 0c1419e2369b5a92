package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// Sketch is a node's window in a form that can be merged with further windows.
// The sketch of at most 1,024 samples has these samples, each as a Centroid of
// weight 1. The sketch of a larger window has about 700 centroids of a
// t-digest. A merge of sketches that are samples is samples too, up to 4,096 of
// them.
//
// Centroids are in the order of their means. The sum of their weights is the
// node's WindowSamples. The first mean is its WindowMin and the last its
// WindowMax, also after a merge. A sketch with centroids keeps the shortest and
// the longest sample apart, with a weight of 1 each. While all weights are 1,
// everything is exact to the nanosecond.
//
// In JSON a sketch is an array of pairs, [[milliseconds, weight], …].
// COOKBOOK.md, beside this file, has the SQL that returns the percentiles of a
// fleet.
type Sketch []Centroid

// Centroid stands for as many samples of a window as its weight, at least 1.
// With a weight of 1 its mean is that sample. Otherwise it is the mean of
// samples next to each other, to the nanosecond.
type Centroid struct {
	Mean   time.Duration
	Weight int
}

// Quantiles returns the quantiles q of the sketch. Each is the mean of the
// centroid that has the sample of the nearest rank. A q outside [0, 1] counts
// as the nearer end, and NaN as 0. If the sketch is empty, Quantiles returns
// nil. It also returns nil for a sketch made by hand that is not as [Sketch]
// says.
//
// If the sketch has only samples, Quantiles returns the same as
// [Node.Quantiles]. Otherwise the rank of the answer errs by at most 1% of the
// samples at the median, 0.5% at the 90th percentile and 0.2% at the 99th. That
// holds for any number of merged sketches. The sketch of a single exact window
// errs by at most two fifths of that, and one sample.
func (s Sketch) Quantiles(q ...float64) []time.Duration {
	if sketchForm.Check(&s) != nil || len(s) == 0 {
		return nil
	}
	in := s.inner()
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = in.Quantile(q[i])
	}
	return quantiles
}

// sketchForm reads a sample for each of the largest exact window. It writes no
// more than 4,096.
var sketchForm = sketch.Form[Sketch, Centroid]{
	Limits: sketch.Limits{Pairs: 65_536, Mean: MaxDuration, Weight: maxWindowSize},
}

func (s Sketch) inner() sketch.Sketch { return sketch.Convert[sketch.Centroid](s) }
func outer(in sketch.Sketch) Sketch   { return sketch.Convert[Centroid](in) }
