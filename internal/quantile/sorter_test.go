package quantile

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

func TestNumbersAreInTheOrderOfTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s Sorter
	for name, draw := range distributions {
		for _, n := range []int{0, 1, 2, several - 1, several, several + 1, 99, 100, 101, many - 1, many, many + 1, 5000, 65_536} {
			numbers := make([]uint64, n)
			for i := range numbers {
				numbers[i] = draw(random, i)
			}
			want := slices.Clone(numbers)
			slices.Sort(want)
			s.Set(numbers)
			for range min(n, 20) {
				if i := random.IntN(n); s.At(i) != want[i] {
					t.Errorf("%s: number %d of %d is %d, want %d", name, i, n, s.At(i), want[i])
				}
			}
			if s.Len() != n || !slices.Equal(s.All(), want) {
				t.Errorf("%s: %d numbers are not in order", name, n)
			}
		}
	}
}

// What makes it fast: that buckets are small, and that few of them are sorted.
func TestBucketsAreSmallAndSortedWhenAskedFor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"exponential", "from nothing"} {
		for n, most := range map[int]int{100: 64, many - 1: 64, many: 256, 65_536: 256} {
			numbers := []uint64{0} // one that lasted no time at all
			for i := 1; i < n; i++ {
				numbers = append(numbers, distributions[name](random, i))
			}
			var s Sorter
			s.Set(numbers)
			if s.outer.used <= most/2 || s.outer.used > most {
				t.Errorf("%s: %d numbers are in %d buckets, want more than %d and at most %d", name, n, s.outer.used, most/2, most)
			}
			for i := range s.outer.used {
				if got := len(s.outer.bucket(i)); got > n/3 {
					t.Errorf("%s: %d numbers of %d are in one bucket", name, got, n)
				}
			}
			ranks := []int{0, n / 2, n * 9 / 10, n * 99 / 100, n - 1}
			for _, i := range ranks {
				s.At(i)
			}
			sorted := 0
			for i := range s.outer.used {
				if s.sorted[i] {
					sorted++
				}
			}
			if sorted == 0 || sorted > len(ranks) {
				t.Errorf("%s: %d buckets were sorted for %d of %d numbers", name, sorted, len(ranks), n)
			}
		}
	}
}

func TestABucketOfSeveralNumbersIsPutIntoBucketsAgain(t *testing.T) {
	for n, want := range map[int]int{several - 1: 0, several: several} {
		var s Sorter
		s.Set(make([]uint64, n))
		s.At(0)
		s.At(0)
		if got := len(s.inner.numbers); got != want {
			t.Errorf("%d numbers are in the buckets of a bucket of %d, want %d", got, n, want)
		}
	}
}

// What a read asks for, of numbers that are new each time: those that were
// sorted just before are easy to foretell.
func BenchmarkSorter(b *testing.B) {
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
			var s Sorter
			var sorted []uint64
			impls := map[string]func(numbers []uint64){
				"sorter": func(numbers []uint64) {
					s.Set(numbers)
					for _, i := range ranks {
						s.At(i)
					}
				},
				"sorter-all": func(numbers []uint64) {
					s.Set(numbers)
					s.All()
				},
				"slices": func(numbers []uint64) {
					sorted = append(sorted[:0], numbers...)
					slices.Sort(sorted)
				},
			}
			for _, impl := range []string{"sorter", "sorter-all", "slices"} {
				b.Run(fmt.Sprintf("numbers=%s/n=%d/impl=%s", name, n, impl), func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						impls[impl](windows[i%len(windows)])
					}
				})
			}
		}
	}
}
