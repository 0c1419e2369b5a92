package ring

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/core"
	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// contention counts the times that the first shard's head was taken from under a record: the ticket since which it
// counts, and how many. One alone proves little: two cores with microseconds of work between their records meet a few
// times in ten thousand.
type contention struct{ word atomic.Uint64 }

const (
	contentionSpan  = 1024 // tickets within which …
	contentionLimit = 8    // … so many lost tickets prove contention
	contentionBits  = 4    // of the word, for the count
)

// contended notes a lost ticket, shards the ring when there were many, and returns the head to go on with.
func (r *Ring) contended() uint64 {
	ticket := r.first.head.Load()
	issued := r.issued(ticket)
	word := r.contention.word.Load()
	since, lost := word>>contentionBits, word&(1<<contentionBits-1)+1
	if issued-since > contentionSpan {
		since, lost = issued, 1
	}
	if lost >= contentionLimit && ticket < sharded {
		if processors := runtime.GOMAXPROCS(0); processors > 1 {
			return r.Spread(processors)
		}
		lost = 0
	}
	r.contention.word.CompareAndSwap(word, since<<contentionBits|lost) // a note that is lost to another is no loss
	return ticket
}

// Spread gives the ring shards for so many processors and returns its head. Records do so when the head is contended. SHARDED is set when the cores are in
// place, and never on a closed head: so whoever sees it without CLOSED finds them.
func (r *Ring) Spread(processors int) uint64 {
	if r.stream != nil {
		r.stream.spread(processors)
		return r.first.head.Load()
	}
	r.cores.CompareAndSwap(nil, newCores(processors))
	for {
		head := r.first.head.Load()
		if head >= sharded {
			return head
		}
		if r.first.head.CompareAndSwap(head, head|sharded) {
			return head | sharded
		}
	}
}

// cores are the shards of a sharded ring. A shard is made by the first record of its core.
type cores struct {
	shards []atomic.Pointer[coreShard] // a power of two of them
}

func newCores(processors int) *cores {
	return &cores{shards: make([]atomic.Pointer[coreShard], 1<<bits.Len(uint(processors-1)))}
}

// coreShard is the shard that the recorders on one core share. Its slots have room for a window and for the samples of
// writers that are under way: a slot between two samples belongs to neither.
type coreShard struct {
	shard
	_ [(pad.Line - unsafe.Sizeof(shard{})%pad.Line) % pad.Line]byte
	stampedSlots
	_ [(pad.Line - unsafe.Sizeof(stampedSlots{})%pad.Line) % pad.Line]byte
}

// stampedSlots are where a core's shard keeps its samples; records only read it.
type stampedSlots struct {
	geometry
	slots []stampedSlot
}

// stampedSlot is a sample and its stamp. Both carry the lap: only where these agree do they belong together.
//
//	stamp:  63 … 57   56 … 0
//	        lap       monotonic nanoseconds, modulo 2^57 (4.5 years)
type stampedSlot struct{ stamp, sample atomic.Uint64 }

const (
	stampShift = 57
	timeMask   = 1<<stampShift - 1
)

// spare is how many slots a core's shard has beyond a window.
const spare = 8

func newCoreShard(window int) *coreShard {
	words := wholeLines(2 * (window + spare))
	s := &coreShard{stampedSlots: stampedSlots{geometryFor(words / 2), make([]stampedSlot, words/2)}}
	s.head.Store(s.start())
	return s
}

// closedShard stands in the place of a shard that no core had made when its ring was closed.
var closedShard = func() *coreShard {
	s := newCoreShard(1)
	s.head.Or(closed)
	return s
}()

// recordOnCore is Record in a sharded ring.
func (r *Ring) recordOnCore(o Outcome, d uint64) bool {
	all := r.cores.Load().shards
	at := &all[core.ID()&(len(all)-1)]
	s := at.Load()
	if s == nil {
		at.CompareAndSwap(nil, newCoreShard(len(r.slots)))
		s = at.Load()
	}
	ticket := s.head.Load()
	for {
		if ticket >= closed {
			return false
		}
		if s.head.CompareAndSwap(ticket, s.after(ticket)) {
			break
		}
		ticket = s.head.Load()
	}
	// The clock is read after the ticket was taken and before the record returns: so of two records that did not
	// overlap the later has the later stamp, in whatever shards they are, and within a shard the later slot too.
	step.At(step.Ticketed)
	lap := s.lap(ticket)
	stamp := lap<<stampShift | uint64(clock.Now())&timeMask
	s.count(o, d)
	slot := &s.slots[s.slot(ticket)]
	if s.put(&slot.stamp, ticket, stamp) {
		step.At(step.Stamped)
		s.put(&slot.sample, ticket, uint64(sampleOf(o, lap, d)))
	}
	step.At(step.Stored)
	return true
}

// put writes one word of a ticket's slot, unless a later ticket has been given the slot; see Record.
func (s *coreShard) put(at *atomic.Uint64, ticket, word uint64) bool {
	for {
		old := at.Load()
		if s.owner(s.head.Load(), s.slot(ticket)) != s.lap(ticket) {
			return false
		}
		step.At(step.Viewed)
		if at.CompareAndSwap(old, word) {
			return true
		}
	}
}
