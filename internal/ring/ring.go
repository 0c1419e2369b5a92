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
// may use it.
func (r *Ring) Init(window int, watch *Watch) {
	r.geometry = geometryFor(window)
	r.slots = make([]atomic.Uint64, pad.Words(window))[:window:window]
	r.watch = watch
	r.first.head.Store(r.start())
}

// Record adds an execution. If the ring is closed, Record adds nothing and
// reports false, and the record belongs to the node's next ring. d is at most
// MaxDuration.
func (r *Ring) Record(o Outcome, d uint64) bool {
	head, owned := r.first.acquire()
	if !owned {
		if head&frozen == 0 {
			head, owned = r.contended()
		}
		if !owned {
			return r.cores.Load().record(o, d)
		}
	}
	step.At(step.Owned)
	if r.cores.Load() != nil { // after the CAS: see Close
		release.Store(&r.first.head, head|frozen)
		r.retire(head)
		return r.cores.Load().record(o, d)
	}
	step.At(step.Acquired)
	i := r.slot(head)
	if i >= uint64(len(r.slots)) { // a large window has no slots
		return r.recordLarge(head, o, d)
	}
	r.first.count(o, d)
	slot, sample := &r.slots[i], sampleOf(o, d, r.lap(head))
	judge := r.watch != nil && r.watch.replace(Sample(slot.Load()), sample)
	release.Store(slot, uint64(sample))
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
