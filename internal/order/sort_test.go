package order

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// distributions of durations: usual ones, and those that are hard on buckets.
var distributions = map[string]func(random *rand.Rand, i int) uint64{
	"exponential": func(random *rand.Rand, _ int) uint64 { return uint64(random.ExpFloat64() * 1e6) },
	"uniform":     func(random *rand.Rand, _ int) uint64 { return random.Uint64N(1 << 56) },
	"bits":        func(random *rand.Rand, _ int) uint64 { return random.Uint64() >> (8 + random.IntN(56)) },
	"ascending":   func(_ *rand.Rand, i int) uint64 { return uint64(i) },
	"descending":  func(_ *rand.Rand, i int) uint64 { return uint64(1<<30 - i) },
	"one":         func(*rand.Rand, int) uint64 { return 1e6 },
	"two":         func(random *rand.Rand, _ int) uint64 { return random.Uint64N(2) * (1<<56 - 1) },
	"neighbours":  func(random *rand.Rand, _ int) uint64 { return 1<<56 - 1 - random.Uint64N(64) },
	"an outlier": func(random *rand.Rand, i int) uint64 {
		if i == 7 {
			return 1<<56 - 1
		}
		return 1e6 + random.Uint64N(1000)
	},
	"nested":  func(_ *rand.Rand, i int) uint64 { return 1<<55 + 1<<(i%55) }, // all but one in one bucket, and in there again
	"largest": func(random *rand.Rand, _ int) uint64 { return math.MaxInt64 - random.Uint64N(3) },
}

func TestSortIsThatOfTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var buffer []uint64
	for name, draw := range distributions {
		for _, n := range []int{0, 1, 2, few, few + 1, 99, 100, 101, 511, 512, 513, 5000, 65_536} {
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = draw(random, i)
			}
			want := slices.Clone(keys)
			slices.Sort(want)
			if buffer = Sort(keys, buffer); !slices.Equal(keys, want) {
				t.Errorf("%s: %d keys are not in order", name, n)
			}
		}
	}
}

func BenchmarkSort(b *testing.B) {
	for _, name := range []string{"exponential", "an outlier"} {
		for _, n := range []int{100, 1000, 65_536} {
			random := rand.New(rand.NewPCG(1, 2))
			keys := make([]uint64, n)
			var sorted, buffer []uint64
			sorts := map[string]func(){
				"order":  func() { buffer = Sort(sorted, buffer) },
				"slices": func() { slices.Sort(sorted) },
			}
			for _, impl := range []string{"order", "slices"} {
				b.Run(fmt.Sprintf("keys=%s/n=%d/impl=%s", name, n, impl), func(b *testing.B) {
					for b.Loop() {
						b.StopTimer()
						for i := range keys {
							keys[i] = distributions[name](random, i)
						}
						sorted = append(sorted[:0], keys...)
						b.StartTimer()
						sorts[impl]()
					}
				})
			}
		}
	}
}
