// Package order sorts the durations of a window, but only as far as a read asks
// for them. A read spends most of its time on sorting.
package order

import (
	"math"
	"math/bits"
	"slices"
)

// Keys are numbers below 2^62 in ascending order. They lie in buckets of a
// logarithmic scale. A bucket is sorted when a read asks for one of its keys. A
// bucket of many keys is sorted by buckets of its own. Otherwise a long
// duration would crowd all shorter ones into a single bucket. The zero value
// has no keys. Keys are for one goroutine at a time.
type Keys struct {
	outer  buckets
	sorted [1 << mostBits]bool // the outer buckets that are
	inner  buckets             // of an outer bucket, while that bucket is sorted
}

// Of makes k hold a copy of keys, in place of its earlier keys.
func (k *Keys) Of(keys []uint64) {
	k.outer.of(keys)
	clear(k.sorted[:k.outer.used])
}

// Len returns how many keys there are.
func (k *Keys) Len() int { return len(k.outer.keys) }

// At returns the key that is behind i others. There must be so many.
func (k *Keys) At(i int) uint64 {
	bucket, _ := slices.BinarySearch(k.outer.ends[:k.outer.used], int32(i)+1)
	k.sort(bucket)
	return k.outer.keys[i]
}

// All returns the keys in order. The slice belongs to k and is valid until the
// next call of Of.
func (k *Keys) All() []uint64 {
	for bucket := range k.outer.used {
		k.sort(bucket)
	}
	return k.outer.keys
}

func (k *Keys) sort(bucket int) {
	if k.sorted[bucket] {
		return
	}
	k.sorted[bucket] = true
	keys := k.outer.bucket(bucket)
	if len(keys) < several {
		slices.Sort(keys)
		return
	}
	k.inner.of(keys)
	for bucket := range k.inner.used {
		slices.Sort(k.inner.bucket(bucket))
	}
	copy(keys, k.inner.keys)
}

// buckets hold keys. The keys of a bucket are larger than those of the bucket
// before.
type buckets struct {
	keys []uint64 // bucket after bucket
	used int      // buckets, empty ones among them
	ends [1 << mostBits]int32
}

const (
	mostBits = 8
	fewBits  = 6   // are used for fewer than many keys
	many     = 512 // keys; for fewer keys, more buckets cost more than they save
	several  = 32  // keys are put into buckets again
)

// of puts a copy of keys into buckets.
func (b *buckets) of(keys []uint64) {
	b.keys, b.used = slices.Grow(b.keys[:0], len(keys))[:len(keys)], 0
	if len(keys) == 0 {
		return
	}
	lowest, highest := keys[0], keys[0]
	for _, key := range keys {
		lowest, highest = min(lowest, key), max(highest, key)
	}
	first := scale(lowest)
	span := scale(highest) - first
	width := mostBits
	if len(keys) < many {
		width = fewBits
	}
	shift := max(0, bits.Len64(span)-width)
	b.used = int(span>>shift) + 1
	ends := b.ends[:b.used]
	clear(ends)
	for _, key := range keys {
		ends[(scale(key)-first)>>shift]++
	}
	end := int32(0)
	for i, n := range ends { // at first ends has where the buckets begin
		ends[i] = end
		end += n
	}
	for _, key := range keys {
		at := &ends[(scale(key)-first)>>shift]
		b.keys[*at] = key
		*at++
	}
}

// bucket returns the keys of a bucket.
func (b *buckets) bucket(i int) []uint64 {
	if i == 0 {
		return b.keys[:b.ends[0]]
	}
	return b.keys[b.ends[i-1]:b.ends[i]]
}

// scale is a kind of logarithm, because the bits of floating-point numbers have
// the order of the numbers. The 1 that scale adds puts 0 no further from 1 than
// 1 from 3.
func scale(key uint64) uint64 { return math.Float64bits(float64(int64(key + 1))) }
