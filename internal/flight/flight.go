// Package flight keeps the executions of a node that are running: how many,
// the most at once, and for how long the oldest has been running.
//
// # Why no count is wrong
//
// Begin counts an execution before it claims a slot. End frees the slot before
// it counts the execution out. Only the goroutine whose CAS frees the slot
// counts out. So count never falls below 0, however often an execution is
// ended, and one execution is counted out once.
//
// A slot belongs to an execution from the CAS that sets BUSY to the CAS that
// clears it. Each claim adds 1 to the slot's number of executions. So the word
// of an Execution frees the slot for that execution alone, until the number
// goes around after 2^15 claims of one slot.
//
// Executions beyond the slots are untimed. They cannot be told apart. If one of
// them is ended twice, End counts out another one in its place, but never more
// than there are.
package flight

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Set is the executions of one node that are running. The zero Set is empty and
// ready for use. A nil *Set reads as empty; it has no Begin. All methods are
// safe for concurrent use, and none waits for another goroutine.
type Set struct {
	// count is one word, so that Reset is one step.
	//
	//	63 … 32                    31 … 0
	//	highest since last reset   running
	//
	// highest is at least running.
	count   atomic.Uint64
	blocks  atomic.Pointer[block] // the first block; made when needed, and kept
	untimed atomic.Int64          // running executions without a slot
}

const highestShift = 32

// block has slots for executions. Their number is a power of two, twice that
// of the block before it.
//
//	63 … 49      48     47 … 0
//	executions   BUSY   the begin, in microseconds of the monotonic clock, modulo 2^48 (9 years)
type block struct {
	slots []atomic.Uint64
	next  atomic.Pointer[block]
}

const (
	claimShift = 49
	busy       = 1 << 48
	timeMask   = busy - 1

	firstSlots = 8      // slots of the first block
	mostSlots  = 32_768 // slots of the last block; 65,528 in all
	probes     = 8      // slots of one block that a claim looks at
)

// Execution is one execution of a Set. The zero Execution is none.
type Execution struct {
	slot *atomic.Uint64 // nil if untimed
	word uint64         // the slot's word while the execution runs; 0 only in the zero Execution
}

// Figures are the figures of a Set at one moment, except for Oldest.
type Figures struct {
	Running int           // executions that have begun and not ended
	Highest int           // the most executions at once since the last reset
	Oldest  time.Duration // the age of the oldest execution, to the microsecond; 0 if none is timed
}

// Begin adds an execution that began at now, by the monotonic clock.
func (s *Set) Begin(now int64) Execution {
	var running uint32
	for {
		count := s.count.Load()
		running = uint32(count) + 1
		highest := max(uint32(count>>highestShift), running)
		step.At(step.Aimed)
		if s.count.CompareAndSwap(count, uint64(highest)<<highestShift|uint64(running)) {
			break
		}
	}
	step.At(step.Counted)
	at, first := micros(now), scatter(uint64(now)+uint64(running)<<32)
	for b := following(&s.blocks, firstSlots); b != nil; b = following(&b.next, 2*len(b.slots)) {
		if e, ok := b.claim(at, first); ok {
			return e
		}
	}
	s.untimed.Add(1)
	return Execution{word: busy}
}

// following returns the block at a place. If there is none, it makes one of
// that size. It returns nil if the size is above mostSlots.
func following(place *atomic.Pointer[block], size int) *block {
	if b := place.Load(); b != nil || size > mostSlots {
		return b
	}
	place.CompareAndSwap(nil, &block{slots: make([]atomic.Uint64, size)})
	return place.Load()
}

// claim takes a free slot. It probes slots in a row from a random place. So
// about half of the block is busy before a claim finds none.
func (b *block) claim(at, first uint64) (Execution, bool) {
	for i := range uint64(probes) {
		slot := &b.slots[(first+i)&uint64(len(b.slots)-1)]
		old := slot.Load()
		if old&busy != 0 {
			continue
		}
		word := (old>>claimShift+1)<<claimShift | busy | at
		step.At(step.Aimed)
		if slot.CompareAndSwap(old, word) {
			return Execution{slot, word}, true
		}
	}
	return Execution{}, false
}

// scatter returns a number whose low bits depend on all bits of n. It is the
// finalizer of splitmix64, shortened (Steele, Lea and Flood, "Fast Splittable
// Pseudorandom Number Generators", OOPSLA 2014).
func scatter(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	return n ^ n>>27
}

// End removes an execution, unless an earlier End has removed it.
func (s *Set) End(e Execution) {
	switch {
	case e.word == 0:
		return
	case e.slot != nil:
		if !e.slot.CompareAndSwap(e.word, e.word&^busy) {
			return
		}
	default:
		if !s.endUntimed() {
			return
		}
	}
	step.At(step.Released)
	s.count.Add(^uint64(0))
}

// endUntimed removes one of the untimed executions, if there is one.
func (s *Set) endUntimed() bool {
	for {
		untimed := s.untimed.Load()
		if untimed == 0 {
			return false
		}
		step.At(step.Aimed)
		if s.untimed.CompareAndSwap(untimed, untimed-1) {
			return true
		}
	}
}

// Running returns how many executions are running.
func (s *Set) Running() int {
	if s == nil {
		return 0
	}
	return int(uint32(s.count.Load()))
}

// Read returns the figures. Running and Highest are of one moment of the call,
// and Oldest is of another.
func (s *Set) Read() Figures {
	if s == nil {
		return Figures{}
	}
	return s.figures(s.count.Load())
}

// Reset returns the figures and sets the highest to the executions that are
// running. It ends none.
func (s *Set) Reset() Figures {
	if s == nil {
		return Figures{}
	}
	for {
		count := s.count.Load()
		running := uint64(uint32(count))
		step.At(step.Aimed)
		if s.count.CompareAndSwap(count, running<<highestShift|running) {
			return s.figures(count)
		}
	}
}

// figures returns the figures with the given count.
func (s *Set) figures(count uint64) Figures {
	f := Figures{Running: int(uint32(count)), Highest: int(count >> highestShift)}
	if f.Running > 0 {
		f.Oldest = s.oldest()
	}
	return f
}

// oldest returns the age of the oldest timed execution.
func (s *Set) oldest() time.Duration {
	now, oldest := micros(clock.Now()), int64(0)
	for b := s.blocks.Load(); b != nil; b = b.next.Load() {
		for i := range b.slots {
			if word := b.slots[i].Load(); word&busy != 0 {
				const unused = 64 - 48
				age := int64((now-word)<<unused) >> unused // negative if it began after now
				oldest = max(oldest, age)
			}
		}
	}
	return time.Duration(oldest) * time.Microsecond
}

// micros returns a reading of the clock in the form of a slot.
func micros(now int64) uint64 { return uint64(now/int64(time.Microsecond)) & timeMask }

// Size returns how many bytes the Set holds.
func (s *Set) Size() int {
	if s == nil {
		return 0
	}
	bytes := int(unsafe.Sizeof(*s))
	for b := s.blocks.Load(); b != nil; b = b.next.Load() {
		bytes += int(unsafe.Sizeof(*b)) + len(b.slots)*int(unsafe.Sizeof(b.slots[0]))
	}
	return bytes
}
