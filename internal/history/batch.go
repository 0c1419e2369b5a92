package history

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// The bits of a sample: a duration in nanoseconds, and whether the execution
// failed.
const (
	Failed   = 1 << 63
	Duration = 1<<56 - 1
)

// Batch is the newest samples of one shard. The shard's owner writes it.
type Batch struct {
	index   int             // of through
	half    uint64          // slots
	samples []atomic.Uint64 // sample n is in slot n modulo two halves
	keys    []atomic.Uint64 // of the samples; nil if sample n has the key n
}

// NewBatch returns an empty batch. Batches of one history have different
// indices, small ones. If keyed is false, the number of a sample is its key.
func NewBatch(index, half int, keyed bool) *Batch {
	b := &Batch{index: index, half: uint64(half), samples: newWords(2 * half)}
	if keyed {
		b.keys = newWords(2 * half)
	}
	return b
}

// newWords returns words that share no cache line with other memory.
func newWords(n int) []atomic.Uint64 { return make([]atomic.Uint64, pad.Words(n))[:n:n] }

// Begins reports whether a slot is the first of a half.
func (b *Batch) Begins(slot uint64) bool { return slot == 0 || slot == b.half }

// Put stores a sample in a slot. The caller owns the shard, and there is room.
func (b *Batch) Put(slot, key, sample uint64) {
	if b.keys != nil {
		release.Store(&b.keys[slot], key)
		step.At(step.Stamped)
	}
	release.Store(&b.samples[slot], sample)
	step.At(step.Stored)
}

// Size returns how many bytes the slots take.
func (b *Batch) Size() int { return 8 * (cap(b.samples) + cap(b.keys)) }

// pack is a copy of consecutive samples of one batch. It never changes.
type pack struct {
	from           uint64 // the number of the first sample
	samples        []uint64
	keys           []uint64 // or nil: sample i has the key from+i
	oldest, newest uint64   // the smallest key, and the largest
	latest         uint64   // the sample with the largest key
	counts         Counts
}

// pack copies the samples from number from up to end. If the history has got
// these samples meanwhile, the copy may be torn.
func (b *Batch) pack(from, end uint64, bounds *Bounds) *pack {
	n := int(end - from)
	p := &pack{from: from, samples: make([]uint64, n), oldest: from}
	if b.keys != nil {
		p.keys, p.oldest = make([]uint64, n), 1<<64-1
	}
	slot := from % (2 * b.half)
	for i := range p.samples {
		step.At(step.Reading)
		sample, key := b.samples[slot].Load(), from+uint64(i)
		if p.keys != nil {
			key = b.keys[slot].Load()
			p.keys[i] = key
		}
		p.samples[i] = sample
		p.oldest = min(p.oldest, key)
		if key >= p.newest {
			p.newest, p.latest = key, sample
		}
		p.counts.add(sample, bounds)
		if slot++; slot == 2*b.half {
			slot = 0
		}
	}
	return p
}

// key returns the key of sample i of the pack.
func (p *pack) key(i int) uint64 {
	if p.keys == nil {
		return p.from + uint64(i)
	}
	return p.keys[i]
}

// words returns how many words the pack's samples and keys take.
func (p *pack) words() int { return len(p.samples) + len(p.keys) }
