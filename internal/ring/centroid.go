package ring

import (
	"math"

	"github.com/influxdata/tdigest"
)

// centroid is a mean, in nanoseconds, and how many samples it stands for. It takes 12 bytes, where the digest's own takes 16:
// centroids are most of what a node keeps.
type centroid struct {
	high, low uint32 // of the bits of the mean, a float64
	weight    uint32
}

func newCentroid(mean float64, weight uint32) centroid {
	b := math.Float64bits(mean)
	return centroid{uint32(b >> 32), uint32(b), weight}
}

func (c centroid) mean() float64 { return math.Float64frombits(uint64(c.high)<<32 | uint64(c.low)) }

// addTo adds centroids to a digest.
func addTo(digest *tdigest.TDigest, centroids []centroid) {
	for _, c := range centroids {
		digest.Add(c.mean(), float64(c.weight))
	}
}

// centroidsOf returns a digest's centroids, by mean. The scratch is used and returned.
func centroidsOf(digest *tdigest.TDigest, scratch tdigest.CentroidList) ([]centroid, tdigest.CentroidList) {
	scratch = digest.Centroids(scratch[:0])
	centroids := make([]centroid, len(scratch))
	for i, c := range scratch {
		centroids[i] = newCentroid(c.Mean, uint32(c.Weight))
	}
	return centroids, scratch
}
