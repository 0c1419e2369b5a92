package sketch

import (
	"math"
	"sync"
	"time"

	"github.com/influxdata/tdigest"
)

// Compression is the one of the t-digest that takes the place of more than
// MaxPairs pairs. Some 700 centroids remain. Each has at most 0.3% of the
// weight, and a third of that at the 99th percentile. With 100 a merge of
// merged sketches would err by half a percent beside a gap between two modes.
const Compression = 500

// digests has empty digests. One takes 80 KB.
var digests = sync.Pool{New: func() any { return tdigest.NewWithCompression(Compression) }}

// compress returns the sketch of centroids in order, of which the first and the
// last are the true extremes.
func compress(s Sketch) Sketch { return within(s, s[0].Mean, s[len(s)-1].Mean) }

// within returns the sketch of centroids in the order of their means, of which
// shortest and longest are the true extremes.
func within(centroids Sketch, shortest, longest time.Duration) Sketch {
	digest := digests.Get().(*tdigest.TDigest)
	defer digests.Put(digest)
	digest.Reset()
	for _, c := range centroids {
		digest.Add(float64(c.Mean), float64(c.Weight))
	}
	return ofDigest(digest.Centroids(nil), shortest, longest)
}

// ofDigest returns the sketch of a t-digest's centroids. It takes the true
// extremes, shortest and longest, out of the outermost centroids and puts them
// at the ends. The caller passes at least one centroid, in order. The weights
// are whole and their sum is below 2^53, so that all of them are exact.
// ofDigest changes the centroids.
func ofDigest(centroids tdigest.CentroidList, shortest, longest time.Duration) Sketch {
	samples := 0.0
	for _, c := range centroids {
		samples += c.Weight
	}
	s := make(Sketch, 0, len(centroids)+2)
	s = append(s, Centroid{shortest, 1})
	if samples == 1 {
		return s
	}
	takeOut(&centroids[0], shortest)
	takeOut(&centroids[len(centroids)-1], longest)
	mean := shortest
	for _, c := range centroids {
		if c.Weight > 0 {
			// Means of float64 may be a little out of bounds, and out of order.
			mean = max(mean, min(time.Duration(math.Round(c.Mean)), longest))
			s = append(s, Centroid{mean, int(c.Weight)})
		}
	}
	return append(s, Centroid{longest, 1})
}

// takeOut takes one sample out of a centroid.
func takeOut(c *tdigest.Centroid, sample time.Duration) {
	c.Weight--
	if c.Weight > 0 {
		c.Mean += (c.Mean - float64(sample)) / c.Weight
	}
}
