package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// segment is a run of samples of one lane, in the order of their records. It is filled once. Then its slots, which are
// most of it, are used again in another segment: by whoever folds when it has been folded, or by its lane's recorders when
// they have packed it. Who reads samples looks afterwards whether the one or the other has happened meanwhile.
type segment struct {
	prev atomic.Pointer[segment] // the one before it in its lane; nil behind what has been folded
	seq  atomic.Uint64           // its number in the lane, from 1
	base atomic.Uint64           // the number in the lane of its first sample, from 0

	filled atomic.Uint64         // how many slots have their sample: written last
	slots  []atomic.Uint64       // of Sample
	stamps [stamps]atomic.Uint64 // of the newest samples, each at its slot's number modulo stamps; none in the first lane

	packed  atomic.Pointer[pack] // what its recorders have made of it, if they were ahead of whoever folds
	emptied atomic.Bool          // somebody has its slots to use them again
}

// stamps is how many samples of a segment, the newest, have their stamps.
const stamps = 8

func newSegment(slots []atomic.Uint64) *segment { return &segment{slots: slots} }

func newSlots(size int) []atomic.Uint64 {
	return make([]atomic.Uint64, wholeLines(size))[:size:size]
}

// newest returns the newest sample, and how many there are with it. It has a stamp of 0 in the first lane. The stamps are
// the segment's own for ever, the sample may be another one's once the slots are used again: see contents.
func (s *segment) newest() (at stamped, filled uint64) {
	for {
		filled = s.filled.Load()
		if filled == 0 {
			return stamped{}, 0
		}
		step.At(step.Reading)
		at = stamped{
			stamp:  s.stamps[(filled-1)%stamps].Load(),
			place:  s.base.Load() + filled - 1,
			sample: Sample(s.slots[filled-1].Load()),
		}
		step.At(step.Reading)
		if s.filled.Load()-filled < stamps-1 { // so the record under way has another place
			return at, filled
		}
	}
}

func (s *segment) isPacked() bool { return s.packed.Load() != nil }

// empty returns the slots to be used again, to one caller and nil to all others. No sample of them is wanted any more.
func (s *segment) empty() []atomic.Uint64 {
	if s.emptied.Swap(true) {
		return nil
	}
	return s.slots
}

// stamped is a sample with its place in the order of all: by its stamp, which is 0 in the first lane, and where stamps
// are equal by its place in its lane.
type stamped struct {
	stamp, place uint64
	sample       Sample
}

// newer returns the newer of two, of which either may be none.
func newer(a, b stamped) stamped {
	if a.sample == 0 || b.sample != 0 && (b.stamp > a.stamp || b.stamp == a.stamp && b.place >= a.place) {
		return b
	}
	return a
}
