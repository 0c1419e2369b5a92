package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Ring counts executions and keeps the newest. Init makes a Ring ready. A Ring
// must not be copied.
type Ring struct {
	first shard // written by every record until the ring is spread, by none afterwards
	_     [(pad.Line - unsafe.Sizeof(shard{})%pad.Line) % pad.Line]byte
	// In front, because padding of size 0 at the end would take a word.
	_ [(pad.Line - unsafe.Sizeof(fixed{})%pad.Line) % pad.Line]byte
	fixed
}

// fixed has the words that records read, and write only if they contend.
type fixed struct {
	geometry
	contention contention
	slots      []atomic.Uint64       // of Sample; written by the first shard's owner
	watch      *Watch                // judges the window, or nil
	cores      atomic.Pointer[cores] // once set, records go there instead; never changed after
	large      *large                // keeps the window in the place of slots, or nil
}

// Init makes r the empty ring of a window. The watch may be nil. No other ring
// may use it. The caller may pass zero slots for the window that lie in one
// object with r, or nil.
func (r *Ring) Init(window int, slots []atomic.Uint64, watch *Watch) {
	r.geometry = geometryFor(window)
	if slots == nil {
		slots = make([]atomic.Uint64, pad.Words(window))[:window:window]
	}
	r.slots = slots
	r.watch = watch
	r.first.head.Store(r.start())
}

// Record adds an execution. If the ring is closed, Record adds nothing and
// reports false, and the record belongs to the node's next ring. Record also
// adds nothing and reports false if d is above MaxDuration.
//
// Record itself is the usual record. Each rare case ends in a call, and Record
// returns the result of the call. A call that came back would have Record spill
// registers, and the CAS would wait for these stores. No processor loads early
// across the CAS, so Record loads the old sample before it. The CAS then finds
// that nobody has owned the shard since.
//
// The end is the reading of clock.Now that ended the execution. The caller
// passes 0 if it has none.
func (r *Ring) Record(o Outcome, d uint64, end int64) bool {
	head := r.first.head.Load()
	i := r.slot(head)
	switch {
	case d > MaxDuration:
		return false
	case head >= frozen, i >= uint64(len(r.slots)): // a large window has no slots
		if head&^busy >= frozen {
			return r.cores.Load().record(o, d, end)
		}
		return r.recordAnyhow(o, d, end)
	}
	slot := &r.slots[i]
	old, sample := Sample(slot.Load()), sampleOf(o, d)|tagOf(head)
	step.At(step.Aimed)
	if !r.first.head.CompareAndSwap(head, head|busy) {
		return r.recordAnyhow(o, d, end)
	}
	step.At(step.Owned)
	was := r.first.sum.Load()
	switch { // cores after the CAS: see Close
	case r.cores.Load() != nil, crosses(was, was+d), r.watch != nil && r.watch.concerns(old, sample):
		return r.recordOwned(head, o, d, end)
	}
	step.At(step.Acquired)
	release.Store(&r.first.sum, was+d)
	step.At(step.Added)
	step.At(step.Summed)
	release.Store(&r.first.outcomes[o], r.first.outcomes[o].Load()+1)
	step.At(step.Counted)
	release.Store(slot, uint64(sample))
	step.At(step.Stored)
	release.Store(&r.first.head, r.after(head))
	step.At(step.Released)
	return true
}

// recordAnyhow is Record if the first shard has no slots, or was not to be had
// at the first try.
//
//go:noinline
func (r *Ring) recordAnyhow(o Outcome, d uint64, end int64) bool {
	var head uint64
	owned := false
	if r.large != nil {
		head, owned = r.first.acquire()
	}
	if !owned {
		head, owned = r.contended()
	}
	if !owned {
		return r.cores.Load().record(o, d, end)
	}
	step.At(step.Owned)
	return r.recordOwned(head, o, d, end)
}

// recordOwned is the rest of any record of the first shard. The caller owns the
// shard.
//
//go:noinline
func (r *Ring) recordOwned(head uint64, o Outcome, d uint64, end int64) bool {
	if r.cores.Load() != nil {
		release.Store(&r.first.head, head|frozen)
		r.retire(head)
		return r.cores.Load().record(o, d, end)
	}
	step.At(step.Acquired)
	if r.large != nil {
		return r.large.record(batchShard{&r.first, r.geometry, r.large.first.Load()}, false, head, o, d) || r.Record(o, d, end)
	}
	r.first.count(o, d)
	i, sample := r.slot(head), sampleOf(o, d)|tagOf(head)
	judge := r.watch != nil && r.watch.replace(Sample(r.slots[i].Load()), sample)
	release.Store(&r.slots[i], uint64(sample))
	step.At(step.Stored)
	if judge && !r.watch.judge() {
		r.first.head.Store(r.after(head)) // before the loads of Unjudged, as Unjudged says
		step.At(step.Released)
		r.watch.Unjudged()
		return true
	}
	release.Store(&r.first.head, r.after(head))
	step.At(step.Released)
	return true
}

// Sharded reports whether the ring has been given a shard for each core.
// Records that were under way then may still end in the first shard.
func (r *Ring) Sharded() bool {
	c := r.cores.Load()
	return c != nil && c != closedCores
}

// Busy reports whether a record is under way in the first shard. If Busy
// returns false, the caller's later loads see everything that earlier records
// stored there.
func (r *Ring) Busy() bool { return r.first.head.Load()&busy != 0 }

// Size returns an estimate of the bytes that hang off the ring, without the
// Ring itself and its Watch. Size may miss concurrent changes.
func (r *Ring) Size() (bytes int) {
	const word = int(unsafe.Sizeof(uint64(0)))
	bytes = pad.Words(len(r.slots)) * word
	if r.Sharded() {
		bytes += int(unsafe.Sizeof(cores{})) + len(r.cores.Load().shards)*word
	}
	for s := range r.cores.Load().all {
		bytes += int(unsafe.Sizeof(*s)) + len(s.slots)*int(unsafe.Sizeof(stampedSlot{}))
	}
	if r.large != nil {
		bytes += r.large.size(r.cores.Load())
	}
	return bytes
}
