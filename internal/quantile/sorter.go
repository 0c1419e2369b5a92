package quantile

import (
	"math"
	"math/bits"
	"slices"
)

// A Sorter puts numbers below 2^62 in ascending order, as far as its caller
// asks for them. They lie in buckets of a logarithmic scale. When a caller asks
// for a number, the Sorter sorts its bucket. It puts the numbers of a large
// bucket into buckets again, because one long duration may crowd all others
// into one bucket. The zero Sorter has no numbers. One goroutine uses a Sorter
// at a time.
type Sorter struct {
	outer  buckets
	sorted [1 << mostBits]bool // by outer bucket
	inner  buckets             // of one outer bucket, while it is sorted
}

// Set makes s hold a copy of the numbers, in place of those that it had.
func (s *Sorter) Set(numbers []uint64) {
	s.outer.set(numbers)
	clear(s.sorted[:s.outer.used])
}

// Len returns how many numbers there are.
func (s *Sorter) Len() int { return len(s.outer.numbers) }

// At returns the number that is behind i others. i is below Len.
func (s *Sorter) At(i int) uint64 {
	bucket, _ := slices.BinarySearch(s.outer.ends[:s.outer.used], int32(i)+1)
	s.sort(bucket)
	return s.outer.numbers[i]
}

// Quantile returns the quantile q. Len is at least 1.
func (s *Sorter) Quantile(q float64) uint64 { return s.At(Rank(q, s.Len()) - 1) }

// All returns the numbers in order. They belong to s, and are good until Set.
func (s *Sorter) All() []uint64 {
	for bucket := range s.outer.used {
		s.sort(bucket)
	}
	return s.outer.numbers
}

func (s *Sorter) sort(bucket int) {
	if s.sorted[bucket] {
		return
	}
	s.sorted[bucket] = true
	numbers := s.outer.bucket(bucket)
	if len(numbers) < several {
		slices.Sort(numbers)
		return
	}
	s.inner.set(numbers)
	for bucket := range s.inner.used {
		slices.Sort(s.inner.bucket(bucket))
	}
	copy(numbers, s.inner.numbers)
}

// buckets hold numbers. Those of a bucket are larger than those of the bucket
// before.
type buckets struct {
	numbers []uint64 // bucket after bucket
	used    int      // how many buckets, empty ones included
	ends    [1 << mostBits]int32
}

const (
	mostBits = 8
	fewBits  = 6 // for fewer than many numbers, as buckets cost time too
	many     = 512
	several  = 32 // a bucket with so many numbers is put into buckets again
)

// set puts a copy of the numbers into buckets.
func (b *buckets) set(numbers []uint64) {
	b.numbers, b.used = slices.Grow(b.numbers[:0], len(numbers))[:len(numbers)], 0
	if len(numbers) == 0 {
		return
	}
	lowest, highest := numbers[0], numbers[0]
	for _, x := range numbers {
		lowest, highest = min(lowest, x), max(highest, x)
	}
	first := scale(lowest)
	span := scale(highest) - first
	width := mostBits
	if len(numbers) < many {
		width = fewBits
	}
	shift := max(0, bits.Len64(span)-width)
	b.used = int(span>>shift) + 1
	ends := b.ends[:b.used]
	clear(ends)
	for _, x := range numbers {
		ends[(scale(x)-first)>>shift]++
	}
	end := int32(0)
	for i, n := range ends { // where they begin, at first
		ends[i] = end
		end += n
	}
	for _, x := range numbers {
		at := &ends[(scale(x)-first)>>shift]
		b.numbers[*at] = x
		*at++
	}
}

// bucket returns the numbers of a bucket.
func (b *buckets) bucket(i int) []uint64 {
	if i == 0 {
		return b.numbers[:b.ends[0]]
	}
	return b.numbers[b.ends[i-1]:b.ends[i]]
}

// scale returns a kind of logarithm of x. The bits of floating-point numbers
// are in the order of the numbers. It adds one, so that 0 is no further from 1
// than 1 from 3.
func scale(x uint64) uint64 { return math.Float64bits(float64(int64(x + 1))) }
