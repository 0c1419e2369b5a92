package ring

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/core"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// contention counts how often a record found the first shard owned by another
// record. Its word has the number of the record at which the count began, and
// the count. A single meeting proves little, because two cores with tens of
// microseconds of work between their records meet now and then.
type contention struct{ word atomic.Uint64 }

const (
	contentionSpan  = 1024 // records within which …
	contentionLimit = 8    // … so many meetings prove contention
	contentionBits  = 4    // of the word, for the count

	// patience is how often a record tries to own a shard that it found owned.
	// The tries take some hundred nanoseconds, several times as long as a
	// record. An owner that takes longer has been held up.
	patience = 100
)

// contended tries to own the first shard, after the caller has found it owned.
// If recorders meet there often, or if the owner has been held up, contended
// spreads the ring. If records go elsewhere, it reports false.
func (r *Ring) contended() (head uint64, owned bool) {
	step.At(step.Contended)
	if r.cores.Load() != nil || r.meetsOften() {
		return 0, false
	}
	for range patience {
		if head, owned = r.first.acquire(); owned {
			return head, true
		}
	}
	r.Spread(runtime.GOMAXPROCS(0))
	return 0, false
}

// meetsOften notes a meeting, and spreads the ring if there were many.
func (r *Ring) meetsOften() bool {
	begun := r.begun(r.first.head.Load())
	word := r.contention.word.Load()
	since, met := word>>contentionBits, word&(1<<contentionBits-1)+1
	if begun-since > contentionSpan {
		since, met = begun, 1
	}
	if met >= contentionLimit {
		if processors := runtime.GOMAXPROCS(0); processors > 1 {
			r.Spread(processors)
			return true
		}
		met = 0
	}
	// A note that is lost to another is no loss.
	r.contention.word.CompareAndSwap(word, since<<contentionBits|met)
	return false
}

// Spread gives the ring shards for this many processors, unless the ring is
// spread or closed. Recorders call Spread when the first shard is contended.
func (r *Ring) Spread(processors int) {
	c := &cores{
		shards: make([]atomic.Pointer[coreShard], 1<<bits.Len(uint(processors-1))),
		window: int32(len(r.slots)),
		watch:  r.watch,
		large:  r.large,
	}
	step.At(step.Made)
	r.cores.CompareAndSwap(nil, c)
	step.At(step.Placed)
}

// cores are the shards of a spread ring. A shard is made by the first record of
// its core.
type cores struct {
	shards []atomic.Pointer[coreShard] // a power of two of them
	// A list of shards, made while every shard was owned by a recorder that was
	// held up.
	extra  atomic.Pointer[coreShard]
	watch  *Watch        // or nil
	large  *large        // or nil
	solo   atomic.Uint64 // 1 + the index of the shard that records alone, or 0
	window int32
	closed atomic.Bool
}

// closedCores stands in the place of the cores in a ring that was closed before
// it was spread.
var closedCores = func() *cores {
	c := new(cores)
	c.closed.Store(true)
	return c
}()

// coreShard is the shard that the recorders on one core share.
type coreShard struct {
	shard
	_ [(pad.Line - unsafe.Sizeof(shard{})%pad.Line) % pad.Line]byte
	stampedSlots
	_ [(pad.Line - unsafe.Sizeof(stampedSlots{})%pad.Line) % pad.Line]byte
}

// stampedSlots are where a core's shard keeps its samples. The looker writes
// lookAt. Some fields never change. The shard's owner writes the others, and
// nobody else reads newest and quiet.
type stampedSlots struct {
	// A line of what most records need.
	geometry
	slots    []stampedSlot // window+1 slots, so the slot under way is never part of the window
	newest   uint64        // the last stamp
	index    int           // among the shards of all cores
	decisive atomic.Uint64 // records that may change the verdict, plus 1
	lookAt   atomic.Uint64 // a look is due when decisive reaches it

	unstored atomic.Uint64  // records whose samples were not stored
	quiet    quiet          // the owner's knowledge of the other shards
	batch    *history.Batch // in the place of slots, of a large window
	next     *coreShard     // in cores.extra
}

// stampedSlot is a sample and its stamp, in nanoseconds of the monotonic clock.
type stampedSlot struct{ stamp, sample atomic.Uint64 }

func (c *cores) newShard(index int) *coreShard {
	s := &coreShard{stampedSlots: stampedSlots{index: index}}
	if c.large != nil {
		c.large.newBatch(s, len(c.shards))
	} else {
		slots := int(c.window) + 1
		s.geometry = geometryFor(slots)
		s.slots = make([]stampedSlot, pad.Words(2*slots)/2)[:slots:slots]
	}
	s.decisive.Store(1) // so that Mark can leave a record out
	s.head.Store(s.start())
	return s
}

// record is Record in a spread ring. It is one function for all usual records.
// Calls of acquire, stamp and count made it a third slower.
func (c *cores) record(o Outcome, d uint64, end int64) bool {
	if c.closed.Load() {
		return false
	}
	i := step.Core(core.Pin()) & (len(c.shards) - 1)
	s := c.shards[i].Load()
	head, owned := uint64(0), false
	if s != nil {
		head, owned = s.acquire()
	}
	if !owned { // the owner was held up, or could not be pinned
		core.Unpin()
		s, head = c.acquireAny(i)
	}
	step.At(step.Owned)
	at := s.slot(head)
	if c.closed.Load() || at >= uint64(len(s.slots)) { // after the CAS, as Close says
		return c.recordRarely(s, head, o, d, end)
	}
	step.At(step.Acquired)
	stamp := s.newest
	switch solo, own := c.solo.Load(), uint64(s.index)+1; { // after the CAS
	case solo == own && end == 0:
	case (solo == own || solo == 0) && end > 0:
		stamp = uint64(clock.Stamp(end))
	default:
		stamp = c.stamp(s, head, solo, end)
	}
	was := s.sum.Load()
	release.Store(&s.sum, was+d)
	step.At(step.Added)
	if crosses(was, was+d) {
		release.Store(&s.crossings, s.crossings.Load()+1)
	}
	step.At(step.Summed)
	release.Store(&s.outcomes[o], s.outcomes[o].Load()+1)
	step.At(step.Counted)
	next := head
	if slot := &s.slots[at]; stamp >= slot.stamp.Load() {
		s.newest = max(s.newest, stamp)
		release.Store(&slot.stamp, s.newest)
		step.At(step.Stamped)
		release.Store(&slot.sample, uint64(sampleOf(o, d)))
		step.At(step.Stored)
		next = s.after(head)
	} else { // a whole window is newer
		release.Store(&s.unstored, s.unstored.Load()+1)
	}
	due := c.watch != nil && s.countDecisive(c.watch, o, d)
	release.Store(&s.head, next)
	step.At(step.Released)
	core.Unpin()
	if due {
		c.watch.Due(int64(stamp))
	}
	return true
}

// recordRarely is the rest of record in a closed ring or a large window. The
// caller is pinned and owns the shard, whose head was this.
//
//go:noinline
func (c *cores) recordRarely(s *coreShard, head uint64, o Outcome, d uint64, end int64) bool {
	if c.closed.Load() {
		release.Store(&s.head, head)
		core.Unpin()
		return false
	}
	return c.large.record(batchShard{&s.shard, s.geometry, s.batch}, true, head, o, d) || c.record(o, d, end)
}

// acquireAny acquires a shard if the core's own shard is missing or owned, and
// leaves the caller pinned. If every shard is owned, acquireAny makes a new
// shard, again and again.
func (c *cores) acquireAny(own int) (*coreShard, uint64) {
	if c.shards[own].Load() == nil {
		s := c.newShard(own)
		s.head.Store(s.start() | busy) // the caller's from the beginning
		step.At(step.Made)
		core.Pin()
		if c.shards[own].CompareAndSwap(nil, s) {
			step.At(step.Placed)
			return s, s.start()
		}
		core.Unpin()
	}
	core.Pin()
	for range patience {
		for s := range c.all {
			if head, owned := s.acquire(); owned {
				return s, head
			}
		}
	}
	core.Unpin()
	for {
		first := c.extra.Load()
		index := len(c.shards)
		if first != nil {
			index = first.index + 1
		}
		s := c.newShard(index)
		s.next = first
		s.head.Store(s.start() | busy)
		step.At(step.Made)
		if core.Pin(); c.extra.CompareAndSwap(first, s) {
			return s, s.start()
		}
		core.Unpin()
	}
}

// all yields the shards that there are; none of nil cores.
func (c *cores) all(yield func(*coreShard) bool) {
	if c == nil {
		return
	}
	for i := range c.shards {
		if s := c.shards[i].Load(); s != nil && !yield(s) {
			return
		}
	}
	for s := c.extra.Load(); s != nil; s = s.next {
		if !yield(s) {
			return
		}
	}
}
