package history

import (
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// History is a large window, but for the samples that are still in batches.
type History struct {
	window      int
	compression float64
	bounds      Bounds
	now         atomic.Pointer[value]
	merging     atomic.Bool // a publisher merges, and nobody waits for it
	due         int         // so many words in packs are merged
	overdue     int         // so many are merged by everybody
}

// value is a history at one moment. It never changes.
type value struct {
	through     []uint64      // by batch: how many of its samples the value has had
	packs       []*pack       // samples that are in no generation, as they came
	words       int           // of the packs
	generations []*generation // the oldest first; at least one
	merges      uint64        // how often packs have become generations
	recorded    uint64        // samples that the value has had, forgotten ones too
	merged      uint64        // the largest key that is in a generation, or was
	newest      uint64        // the largest key of all
	latest      uint64        // its sample
}

// Limits of pending samples.
const (
	maxPending = 1280 // words
	maxPacks   = 64
	overdue    = 4 // times as many
)

// New returns an empty history of a window. Compression is that of its digests.
func New(window int, compression float64, bounds Bounds) *History {
	h := &History{window: window, compression: compression, bounds: bounds}
	h.due = min(maxPending, window/16)
	h.overdue = overdue * h.due
	h.now.Store(&value{generations: []*generation{new(generation)}})
	return h
}

// Room reports whether the owner may store sample n of a batch. If so, the
// history has all samples of the half that the owner overwrites.
func (h *History) Room(b *Batch, n uint64) bool {
	return n <= h.now.Load().throughOf(b.index)+b.half
}

// Publish makes the history have the samples of a batch up to number end. The
// caller knows that these samples are complete, and owns no shard.
func (h *History) Publish(b *Batch, end uint64) {
	var p *pack
	for {
		v := h.now.Load()
		from := v.throughOf(b.index)
		if from >= end {
			break
		}
		if p == nil || p.from != from {
			p = b.pack(from, end, &h.bounds)
		}
		step.At(step.Packed)
		if h.now.CompareAndSwap(v, v.with(b.index, end, p)) {
			step.At(step.Placed)
			break
		}
	}
	h.tidy()
}

// throughOf returns how many samples of a batch the value has had.
func (v *value) throughOf(batch int) uint64 {
	if batch < len(v.through) {
		return v.through[batch]
	}
	return 0
}

// with returns the value that follows v with a pack of a batch.
func (v *value) with(batch int, end uint64, p *pack) *value {
	next := *v
	next.through = make([]uint64, max(len(v.through), batch+1))
	copy(next.through, v.through)
	next.through[batch] = end
	next.packs = make([]*pack, len(v.packs)+1)
	next.packs[copy(next.packs, v.packs)] = p
	next.words += p.words()
	next.recorded += uint64(len(p.samples))
	if p.newest >= v.newest {
		next.newest, next.latest = p.newest, p.latest
	}
	return &next
}

// tidy merges the packs if there are too many, unless another publisher merges.
func (h *History) tidy() {
	for {
		v := h.now.Load()
		switch {
		case !h.tooMany(v):
			return
		case v.words >= h.overdue || len(v.packs) >= overdue*maxPacks:
			h.merge(v)
		case h.merging.CompareAndSwap(false, true):
			h.mergeAll()
			return
		default:
			return
		}
	}
}

// tooMany reports whether packs of a value are to be merged.
func (h *History) tooMany(v *value) bool { return v.words >= h.due || len(v.packs) >= maxPacks }

// mergeAll merges until there are not too many packs. The caller has set
// merging. After some merges another goroutine goes on, so that no recorder
// merges for others for long.
func (h *History) mergeAll() {
	for range 4 {
		h.merge(h.now.Load())
		h.merging.Store(false) // before the packs that came meanwhile are looked at
		if !h.tooMany(h.now.Load()) || !h.merging.CompareAndSwap(false, true) {
			return
		}
	}
	go h.mergeAll()
}

// merge replaces the current value by a value without the packs of v, unless
// another merge was faster.
func (h *History) merge(v *value) {
	generations, merged := h.merged(v)
	for {
		w := h.now.Load()
		if w.merges != v.merges {
			return
		}
		next := *w
		next.generations, next.merged = generations, merged
		next.packs = slices.Clone(w.packs[len(v.packs):])
		next.words -= v.words
		next.merges++
		step.At(step.Merged)
		if h.now.CompareAndSwap(w, &next) {
			step.At(step.Placed)
			return
		}
	}
}

// Size returns how many bytes the history takes, estimated.
func (h *History) Size() (bytes int) {
	v := h.now.Load()
	bytes = int(unsafe.Sizeof(*h)+unsafe.Sizeof(*v)) + 8*(len(v.through)+len(v.packs)+len(v.generations)+v.words)
	bytes += len(v.packs) * int(unsafe.Sizeof(pack{}))
	for _, g := range v.generations {
		bytes += int(unsafe.Sizeof(*g)) + 8*cap(g.means) + 4*cap(g.upTo)
	}
	return bytes
}
