package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
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
// In JSON a sketch is an array of pairs, [[milliseconds, weight], …]. The SQL
// below returns the percentiles of a fleet, from the view newest that [Merge]
// has. It needs no extension of PostgreSQL. DuckDB needs the macro first.
//
//	CREATE MACRO json_array_elements(a) AS TABLE SELECT value FROM json_each(a);
//
//	CREATE VIEW pairs AS
//	  SELECT node, (pair->>0)::float8 AS ms, (pair->>1)::bigint AS weight
//	  FROM newest, json_each(document->'sketches') AS sketches(node, sketch),
//	    json_array_elements(sketch) AS pairs(pair);
//
//	SELECT node, min(ms) FILTER (WHERE 100 * upto >= 50 * total) AS p50,
//	  min(ms) FILTER (WHERE 100 * upto >= 90 * total) AS p90,
//	  min(ms) FILTER (WHERE 100 * upto >= 99 * total) AS p99
//	FROM (SELECT node, ms, sum(weight) OVER (PARTITION BY node ORDER BY ms) AS upto,
//	    sum(weight) OVER (PARTITION BY node) AS total FROM pairs) AS ranked
//	GROUP BY node;
//
// The view unpacks each document once, and not once for each pair. If the
// sketches are samples, the query returns the nearest rank itself. Otherwise
// its rank errs by at most 1%. The t-digest aggregates of databases
// interpolate. So that of DuckDB misses the p99 of 100 samples by 28%.
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
	if _, err := sketch.Samples(s, sketchLimits); err != nil || len(s) == 0 {
		return nil
	}
	in := s.inner()
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = in.Quantile(q[i])
	}
	return quantiles
}

// A sketch that is read may have a sample for each of the largest exact window.
// A sketch that is written has no more than 4,096.
var sketchLimits = sketch.Limits{Pairs: 65_536, Mean: MaxDuration, Weight: maxWindowSize}

func parseSketch(text jsontable.Text, s *Sketch) (err error) {
	*s, err = sketch.ParseJSON[Centroid](text, sketchLimits)
	return err
}

func (s Sketch) inner() sketch.Sketch { return sketch.Convert[sketch.Centroid](s) }
func outer(in sketch.Sketch) Sketch   { return sketch.Convert[Centroid](in) }
