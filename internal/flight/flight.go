package flight

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Set is the running executions of a node. The zero Set is empty and ready for
// use. A nil *Set reads as empty, but has no Begin. All methods are safe for
// concurrent use, and none waits for another goroutine.
type Set struct {
	// count is a single word, so Reset is a single step.
	//
	//	63 … 32                    31 … 0
	//	highest since last reset   running
	//
	// highest is at least running.
	count atomic.Uint64
	plan  atomic.Int64 // says which goroutine looks for overdue executions next
	// Age in microseconds above which an execution is overdue; 0 if there is no
	// limit.
	limit   atomic.Int64
	witness atomic.Pointer[slot]  // nil, settling, or a slot whose execution is overdue
	blocks  atomic.Pointer[block] // the first block; made when needed, and kept
	untimed atomic.Int64          // running executions without a slot
	looks   atomic.Int32          // under way, or about to begin
	raise   func(time.Duration)   // nil if nobody asks
	looked  func()                // nil if nobody asks
}

// New returns an empty Set. If an execution becomes overdue, and none was, the
// Set calls raise with the age of the oldest. If the last overdue execution has
// ended, the Set calls raise with 0. The calls never overlap. After each look of
// a timer or of End, the Set calls looked. Both must not wait, and may be nil.
func New(raise func(oldest time.Duration), looked func()) *Set {
	return &Set{raise: raise, looked: looked}
}

const highestShift = 32

// slot is the place of an execution.
//
//	63 … 49      48     47 … 0
//	executions   BUSY   the begin, in microseconds of the monotonic clock, modulo 2^48 (9 years)
type slot = atomic.Uint64

// block has slots for executions. Their number is a power of two, and twice
// that of the block before.
type block struct {
	slots []slot
	next  atomic.Pointer[block]
}

const (
	claimShift = 49
	busy       = 1 << 48
	timeMask   = busy - 1

	firstSlots = 8 // slots of the first block
	probes     = 8 // slots of a block that a claim looks at
)

// mostSlots is the slots of the last block; 2,097,144 in all. Only tests change
// it.
var mostSlots = 1 << 20

// Execution is an execution of a Set. The zero Execution stands for none.
type Execution struct {
	slot *slot  // nil if untimed
	word uint64 // the slot's word while the execution runs; 0 only in the zero Execution
}

// Begun reports whether Begin returned the execution. The zero Execution never
// began.
func (e Execution) Begun() bool { return e.word != 0 }

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
	now, first := now/int64(time.Microsecond), scatter(uint64(now)+uint64(running)<<32)
	for b := following(&s.blocks, firstSlots); b != nil; b = following(&b.next, 2*len(b.slots)) {
		if e, ok := b.claim(uint64(now)&timeMask, first); ok {
			step.At(step.Acquired)
			if plan := s.plan.Load(); plan&planned != 0 && !s.fits(plan, now, running == 1) {
				s.arm(plan, now, running == 1)
			}
			return e
		}
	}
	s.untimed.Add(1)
	return Execution{word: busy}
}

// following returns the block at a place. If there is none, following makes a
// block of that size. If the size is above mostSlots, it returns nil.
func following(place *atomic.Pointer[block], size int) *block {
	if b := place.Load(); b != nil || size > mostSlots {
		return b
	}
	place.CompareAndSwap(nil, &block{slots: make([]slot, size)})
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
	step.At(step.Counted)
	if s.witness.Load() == e.slot && e.slot != nil {
		s.looks.Add(1)
		if s.witness.CompareAndSwap(e.slot, settling) {
			s.look(true)
		}
		s.endLook()
	}
}

// endUntimed removes an untimed execution, if there is any.
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
// running. Reset ends no execution.
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
		age, _ := s.scan(clock.Now(), math.MaxInt64)
		f.Oldest = max(0, time.Duration(age)*time.Microsecond)
	}
	return f
}

// scan returns the age of the oldest timed execution at now, in microseconds.
// It is negative if all began after now, and 0 if there is none. The witness is
// some execution that is older than the limit. It is the first by its slot, and
// not by its begin. So in any order of many ends few ends are the witness's.
func (s *Set) scan(now, limit int64) (age int64, witness Execution) {
	at, found := micros(now), false
	for b := s.blocks.Load(); b != nil; b = b.next.Load() {
		for i := range b.slots {
			slot := &b.slots[i]
			word := slot.Load()
			if word&busy == 0 {
				continue
			}
			const unused = 64 - 48
			a := int64((at-word)<<unused) >> unused
			if !found || a > age {
				found, age = true, a
			}
			if a > limit && witness.slot == nil {
				witness = Execution{slot, word}
			}
		}
	}
	return age, witness
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
