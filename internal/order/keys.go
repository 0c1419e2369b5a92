// Package order puts durations in order, as far as a read of a window asks for it: that is what it spends most of its time
// with.
package order

import (
	"math"
	"math/bits"
	"slices"
)

// Keys are numbers below 2^62 in ascending order. They lie in buckets of a logarithmic scale; a bucket is sorted when one
// of its keys is asked for, and one that has many keys by buckets of its own, so that a long duration does not crowd all
// others into one for good. The zero value has no keys. Keys are for one goroutine at a time.
type Keys struct {
	outer  buckets
	sorted [1 << mostBits]bool // the outer buckets that are
	inner  buckets             // of one of the outer ones, while that is sorted
}

// Of makes k hold a copy of keys, in place of what it had.
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

// All returns the keys in order. They are k's, and good until it gets others.
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

// buckets are of keys, each of larger ones than the one before.
type buckets struct {
	keys []uint64 // bucket after bucket
	used int      // buckets, empty ones among them
	ends [1 << mostBits]int32
}

const (
	mostBits = 8
	fewBits  = 6   // are used of fewer than …
	many     = 512 // … so many keys: what buckets cost is more than what they save then
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
	for i, n := range ends { // where they begin, at first
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

// scale is a logarithm of a kind: the bits of a floating-point number are in the order of the numbers. By the one it adds, 0
// is no further from 1 than 1 from 3.
func scale(key uint64) uint64 { return math.Float64bits(float64(int64(key + 1))) }
