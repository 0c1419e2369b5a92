package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Ring counts executions and keeps the newest. It is made by Init and must not be copied.
type Ring struct {
	first shard // written by every record until the ring is sharded, by none afterwards
	_     [(pad.Line - unsafe.Sizeof(shard{})%pad.Line) % pad.Line]byte
	_     [(pad.Line - unsafe.Sizeof(fixed{})%pad.Line) % pad.Line]byte // in front: behind, none of it would still take a word
	fixed
}

// fixed is what records read, and write only when they contend.
type fixed struct {
	geometry
	contention contention
	slots      []atomic.Uint64       // of Sample; slot i belongs to the newest ticket that names it
	tally      *Tally                // running counts of the slots, or nil
	cores      atomic.Pointer[cores] // set before SHARDED is, never changed after
	stream     *stream               // keeps the window in the place of all that, or nil
}

// Init makes r the empty ring of a window. The tally may be nil; it is r's from now on.
func (r *Ring) Init(window int, tally *Tally) {
	r.geometry = geometryFor(window)
	r.slots = make([]atomic.Uint64, wholeLines(window))[:window:window]
	r.tally = tally
	r.first.head.Store(r.start())
}

// InitDigest makes r the empty ring of a large window that is kept as t-digests. A recorder calls schedule when there
// is something to fold: somebody should then call Fold, soon and elsewhere.
func (r *Ring) InitDigest(window int, compression float64, schedule func()) {
	r.stream = newStream(window, compression, schedule)
	r.first.head.Store(sharded) // sends every record to the stream, at no cost to those of other rings
}

// wholeLines rounds a number of words up to whole cache lines, so that no other memory shares the last one.
func wholeLines(words int) int {
	const line = pad.Line / 8
	return (words + line - 1) / line * line
}

// Record adds one execution. It reports false when the ring is closed: then nothing was added, and the record belongs
// to the node's next ring. d is at most MaxDuration.
func (r *Ring) Record(o Outcome, d uint64) bool {
	ticket := r.first.head.Load()
	for {
		if ticket >= sharded {
			return r.recordElsewhere(ticket, o, d)
		}
		if r.first.head.CompareAndSwap(ticket, r.after(ticket)) {
			break
		}
		ticket = r.contended()
	}
	step.At(step.Ticketed)
	r.first.count(o, d)

	lap, i := r.lap(ticket), r.slot(ticket)
	sample := sampleOf(o, lap, d)
	slot := &r.slots[i]
	for {
		old := Sample(slot.Load())
		if owner := r.owner(r.first.head.Load(), i); owner != lap && !outdated(old, lap, owner) {
			return true // displaced already: counted, and no longer in the window
		}
		step.At(step.Viewed)
		if slot.CompareAndSwap(uint64(old), uint64(sample)) {
			step.At(step.Stored)
			if r.tally != nil {
				r.tally.replace(old, sample)
			}
			return true
		}
	}
}

// A slot is its ticket's until the ticket that names it again, one lap later, is taken. A writer that loads the slot's
// word, and then finds in the head that it is still the owner, knows that the word is of an earlier lap; its CAS makes
// sure that nobody came between. (One that sleeps between the two until the very same word is there again, 128 laps
// later, is fooled.) A writer that is no longer the owner leaves a word alone that is of its own lap or a later one.
// But it replaces an older one: the owner is then under way itself, and a record that has returned must not be missing
// until it has written.

// outdated reports whether a word that a slot had before owner was its newest lap is of a lap before lap.
func outdated(old Sample, lap, owner uint64) bool {
	return owner-lap < lapCycle-1 && (old == 0 || owner-old.lapped(owner) < lap)
}

// recordElsewhere is Record where the first shard takes no tickets any more.
func (r *Ring) recordElsewhere(head uint64, o Outcome, d uint64) bool {
	switch {
	case r.stream != nil:
		return r.stream.record(o, d)
	case head >= closed:
		return false
	}
	return r.recordOnCore(o, d)
}

// Sharded reports whether the ring has been given a shard for each core. Records that were under way then may still
// end in the first shard.
func (r *Ring) Sharded() bool { return r.first.head.Load()&sharded != 0 }

// Tally returns what Init was given.
func (r *Ring) Tally() *Tally { return r.tally }

// Digested reports whether the window is kept as t-digests.
func (r *Ring) Digested() bool { return r.stream != nil }

// Fold folds what recorders have left to fold, and returns the number of executions since the ring began.
func (r *Ring) Fold() uint64 {
	r.stream.fold()
	return r.stream.completed()
}
