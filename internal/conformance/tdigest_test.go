package conformance

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/caio/go-tdigest/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// The centroids of a merged snapshot are those of any t-digest: an implementation that is not ours reads them from the
// JSON, and answers within the error that is promised for ours.
func TestAnotherTDigestReadsMergedSketches(t *testing.T) {
	const processes, window = 64, 4096
	for name, next := range map[string]func(r *rand.Rand, i int) float64{
		"uniform":              func(r *rand.Rand, i int) float64 { return 1e9 * r.Float64() },
		"lognormal":            func(r *rand.Rand, i int) float64 { return math.Exp(15 + r.NormFloat64()) },
		"exponential":          func(r *rand.Rand, i int) float64 { return 1e7 * r.ExpFloat64() },
		"bimodal":              func(r *rand.Rand, i int) float64 { return 1e6*r.Float64() + 1e9*float64(r.IntN(5)/4) },
		"ascending":            func(r *rand.Rand, i int) float64 { return 1000 * float64(i) },
		"alternating extremes": func(r *rand.Rand, i int) float64 { return float64(i%2) * (1 << 55) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 23))
			var samples []float64
			var all []atomicmetrics.Snapshot
			for p := range processes {
				c, err := atomicmetrics.New(
					atomicmetrics.WithWindowSize(window), atomicmetrics.WithPercentiles(digest.Exact()))
				if err != nil {
					t.Fatal(err)
				}
				sketch := atomicmetrics.Sketch{}
				for i := range window {
					d := time.Duration(next(r, p*window+i))
					c.RecordSuccess("n", d)
					sketch = append(sketch, atomicmetrics.Centroid{Mean: d, Weight: 1})
					samples = append(samples, float64(d)/1e6)
				}
				slices.SortFunc(sketch, func(a, b atomicmetrics.Centroid) int {
					return cmp.Compare(a.Mean, b.Mean)
				})
				s := c.Snapshot()
				s.Sketches = map[string]atomicmetrics.Sketch{"n": sketch}
				all = append(all, s)
			}
			slices.Sort(samples)
			merged, err := atomicmetrics.Merge(all...)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(merged.Sketches["n"]); n > window || merged.Percentiles != "tdigest" {
				t.Fatalf("%d pairs are left, percentiles are %q: these are no centroids", n, merged.Percentiles)
			}
			doc, err := merged.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}

			theirs := readCentroids(t, doc, "n")
			if theirs.Count() != uint64(len(samples)) {
				t.Fatalf("it reads %d samples of %d", theirs.Count(), len(samples))
			}
			m := merged.Nodes["n"]
			for _, c := range []struct {
				q, limit float64
				ours     time.Duration
			}{{0.5, 0.01, m.P50}, {0.9, 0.005, m.P90}, {0.99, 0.002, m.P99}} {
				if e := rankError(samples, theirs.Quantile(c.q), c.q); e > c.limit {
					t.Errorf("its quantile %v is wrong by %.3f%%", c.q, 100*e)
				}
				if e := rankError(samples, float64(c.ours)/1e6, c.q); e > c.limit {
					t.Errorf("our quantile %v is wrong by %.3f%%", c.q, 100*e)
				}
			}
		})
	}
}

// readCentroids returns the t-digest of a node's sketch in the JSON of a snapshot, in milliseconds.
func readCentroids(t *testing.T, snapshot []byte, node string) *tdigest.TDigest {
	t.Helper()
	var doc struct{ Sketches map[string][][2]float64 }
	if err := json.Unmarshal(snapshot, &doc); err != nil {
		t.Fatal(err)
	}
	centroids := doc.Sketches[node]
	// In the order of their means they would be its worst case, as for any t-digest that inserts one by one.
	rand.New(rand.NewPCG(2, 23)).Shuffle(len(centroids), func(i, j int) {
		centroids[i], centroids[j] = centroids[j], centroids[i]
	})
	d, err := tdigest.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range centroids {
		if err := d.AddWeighted(c[0], uint64(c[1])); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// rankError returns how far x is from the quantile q of sorted samples, in parts
// of them. It takes samples that differ from x by a rounding for equal to x,
// because the average of two equal means may.
func rankError(sorted []float64, x, q float64) float64 {
	const rounding = 1e-15
	below, _ := slices.BinarySearch(sorted, x*(1-rounding))
	upTo, _ := slices.BinarySearch(sorted, math.Nextafter(x*(1+rounding), math.Inf(1)))
	rank := int(math.Ceil(q * float64(len(sorted))))
	return float64(max(0, below+1-rank, rank-upTo)) / float64(len(sorted))
}
