package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

func rankErr(sorted []uint64, v uint64, q float64) float64 {
	n := len(sorted)
	rank := int(math.Ceil(q * float64(n)))
	below, _ := slices.BinarySearch(sorted, v)
	upTo, _ := slices.BinarySearch(sorted, v+1)
	return float64(max(0, below+1-rank, rank-upTo)) / float64(n)
}

func TestScratch(t *testing.T) {
	C, _ := strconv.ParseFloat(os.Getenv("C"), 64)
	half, _ := strconv.Atoi(os.Getenv("HALF"))
	window, _ := strconv.Atoi(os.Getenv("WINDOW"))
	limits := map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002}
	for q, limit := range limits {
		worst := 0.0
		cents := 0
		for pos := -12; pos <= 12; pos++ {
			for _, kind := range []string{"random", "periodic"} {
				share := q + float64(pos)/12*2.5*limit
				h := New(window, C, Bounds{1 << 56, 1 << 56})
				b := NewBatch(0, half, false)
				r := rand.New(rand.NewPCG(uint64(pos+100), 3))
				all := make([]uint64, 0, window)
				acc := 0.0
				for i := range window {
					d := uint64(0)
					fast := r.Float64() < share
					if kind == "periodic" {
						acc += share
						fast = acc >= 1
						if fast {
							acc--
						}
					}
					if fast {
						d = 1e6 + r.Uint64N(1e6)
					} else {
						d = 1e9 + r.Uint64N(1e8)
					}
					all = append(all, d)
					n := uint64(i)
					slot := n % uint64(2*half)
					if b.Begins(slot) && !h.Room(b, n) {
						t.Fatal("room")
					}
					b.Put(slot, 0, d)
					if b.Begins((slot + 1) % uint64(2*half)) {
						h.Publish(b, n+1)
					}
				}
				h.Publish(b, uint64(window))
				var rd Reader
				rd.Load(h)
				held := slices.Clone(all[len(all)-rd.Samples:])
				slices.Sort(held)
				e := rankErr(held, rd.Quantile(q), q)
				worst = max(worst, e)
				cents = 0
				for _, g := range h.now.Load().generations {
					cents += len(g.means)
				}
			}
		}
		fmt.Printf("C=%v half=%d window=%d q=%v worst %.3f%% of %.1f%% (%.0f%%) centroids %d\n", C, half, window, q, 100*worst, 100*limit, 100*worst/limit, cents)
	}
}
