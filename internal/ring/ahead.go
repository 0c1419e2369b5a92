package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// ahead is the packing of a full segment by the recorders of its lane, a step with every record. They do so when whoever
// folds is far behind: then two segments' slots are all that the lane needs, one being filled and one being packed, and
// records take no more new memory than a pack now and then.
type ahead struct {
	packing
	packs   *segment
	emptied []atomic.Uint64 // the slots of a segment that is packed
}

// begin starts with a segment.
func (a *ahead) begin(compression float64, full *segment) {
	a.packs = full
	a.start(compression, full)
}

// step does the next step, if there is something to do. The caller owns the shard.
func (a *ahead) step() {
	if !a.packing.step() {
		return
	}
	full := a.packs
	a.packs = nil
	if slots := full.empty(); slots != nil { // it has not been folded: then its slots were in use again
		step.At(step.Placed)
		full.packed.Store(a.take()) // before the slots are
		a.emptied = slots
	}
}

// finish does all that is left to do.
func (a *ahead) finish() {
	for a.phase != nothing {
		a.step()
	}
}

// slots returns those for the next segment.
func (a *ahead) slots(size int) []atomic.Uint64 {
	slots := a.emptied
	if a.emptied = nil; len(slots) != size {
		return newSlots(size)
	}
	return slots
}
