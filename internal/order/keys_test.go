package order

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// distributions of durations: usual ones, and those that are hard on buckets.
var distributions = map[string]func(random *rand.Rand, i int) uint64{
	"exponential":  func(random *rand.Rand, _ int) uint64 { return uint64(random.ExpFloat64() * 1e6) },
	"uniform":      func(random *rand.Rand, _ int) uint64 { return random.Uint64N(1 << 56) },
	"bits":         func(random *rand.Rand, _ int) uint64 { return random.Uint64() >> (8 + random.IntN(56)) },
	"ascending":    func(_ *rand.Rand, i int) uint64 { return uint64(i) },
	"descending":   func(_ *rand.Rand, i int) uint64 { return uint64(1<<30 - i) },
	"one":          func(*rand.Rand, int) uint64 { return 1e6 },
	"two":          func(random *rand.Rand, _ int) uint64 { return random.Uint64N(2) * (1<<56 - 1) },
	"neighbours":   func(random *rand.Rand, _ int) uint64 { return 1<<56 - 1 - random.Uint64N(64) },
	"from nothing": func(random *rand.Rand, _ int) uint64 { return random.Uint64N(10_007) },
	"an outlier": func(random *rand.Rand, i int) uint64 {
		if i == 7 {
			return 1<<56 - 1
		}
		return 1e6 + random.Uint64N(1000)
	},
	"nested":  func(_ *rand.Rand, i int) uint64 { return 1<<55 + 1<<(i%55) }, // all but one in one bucket, and in there again
	"largest": func(random *rand.Rand, _ int) uint64 { return 1<<62 - 1 - random.Uint64N(3) },
}

func TestKeysAreInTheOrderOfTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var k Keys
	for name, draw := range distributions {
		for _, n := range []int{0, 1, 2, several - 1, several, several + 1, 99, 100, 101, many - 1, many, many + 1, 5000, 65_536} {
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = draw(random, i)
			}
			want := slices.Clone(keys)
			slices.Sort(want)
			k.Of(keys)
			for range min(n, 20) {
				if i := random.IntN(n); k.At(i) != want[i] {
					t.Errorf("%s: key %d of %d is %d, want %d", name, i, n, k.At(i), want[i])
				}
			}
			if k.Len() != n || !slices.Equal(k.All(), want) {
				t.Errorf("%s: %d keys are not in order", name, n)
			}
		}
	}
}

// What makes it fast: that buckets are small, and that few of them are sorted.
func TestBucketsAreSmallAndSortedWhenAskedFor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"exponential", "from nothing"} {
		for n, most := range map[int]int{100: 64, many - 1: 64, many: 256, 65_536: 256} {
			keys := []uint64{0} // one that lasted no time at all
			for i := 1; i < n; i++ {
				keys = append(keys, distributions[name](random, i))
			}
			var k Keys
			k.Of(keys)
			if k.outer.used <= most/2 || k.outer.used > most {
				t.Errorf("%s: %d keys are in %d buckets, want more than %d and at most %d", name, n, k.outer.used, most/2, most)
			}
			for i := range k.outer.used {
				if got := len(k.outer.bucket(i)); got > n/3 {
					t.Errorf("%s: %d keys of %d are in one bucket", name, got, n)
				}
			}
			ranks := []int{0, n / 2, n * 9 / 10, n * 99 / 100, n - 1}
			for _, i := range ranks {
				k.At(i)
			}
			sorted := 0
			for i := range k.outer.used {
				if k.sorted[i] {
					sorted++
				}
			}
			if sorted == 0 || sorted > len(ranks) {
				t.Errorf("%s: %d buckets were sorted for %d of %d keys", name, sorted, len(ranks), n)
			}
		}
	}
}

func TestABucketOfSeveralKeysIsPutIntoBucketsAgain(t *testing.T) {
	for n, want := range map[int]int{several - 1: 0, several: several} {
		var k Keys
		k.Of(make([]uint64, n))
		k.At(0)
		k.At(0)
		if got := len(k.inner.keys); got != want {
			t.Errorf("%d keys are in the buckets of a bucket of %d, want %d", got, n, want)
		}
	}
}

// What a read asks for, of keys that are new each time: those that were sorted just before are easy to foretell.
func BenchmarkKeys(b *testing.B) {
	for _, name := range []string{"exponential", "from nothing", "an outlier"} {
		for _, n := range []int{100, 1000, 65_536} {
			random := rand.New(rand.NewPCG(1, 2))
			windows := make([][]uint64, max(2, 100_000/n))
			for w := range windows {
				windows[w] = make([]uint64, n)
				for i := range n {
					windows[w][i] = distributions[name](random, i)
				}
			}
			ranks := []int{0, n / 2, n * 9 / 10, n * 99 / 100, n - 1}
			var k Keys
			var sorted []uint64
			impls := map[string]func(keys []uint64){
				"order": func(keys []uint64) {
					k.Of(keys)
					for _, i := range ranks {
						k.At(i)
					}
				},
				"order-all": func(keys []uint64) {
					k.Of(keys)
					k.All()
				},
				"slices": func(keys []uint64) {
					sorted = append(sorted[:0], keys...)
					slices.Sort(sorted)
				},
			}
			for _, impl := range []string{"order", "order-all", "slices"} {
				b.Run(fmt.Sprintf("keys=%s/n=%d/impl=%s", name, n, impl), func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						impls[impl](windows[i%len(windows)])
					}
				})
			}
		}
	}
}
