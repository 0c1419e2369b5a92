package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// lane is where a shard keeps its samples for t-digests: a chain of segments, of which the newest is being filled. The
// shard's owner writes it; whoever folds ends segments before they are full, as the owner.
type lane struct {
	stream  *stream
	index   int    // firstLane, or a core's number behind coreLanes
	size    int    // of a segment
	batch   uint64 // full segments that are left to be folded together
	current atomic.Pointer[segment]
	ahead   atomic.Pointer[ahead]   // what recorders do that are ahead of whoever folds; that one takes it away
	spare   atomic.Pointer[segment] // a stack, by prev: whoever folds pushes, the shard's owner pops
}

// The indices of lanes.
const (
	firstLane = iota
	coreLanes
)

// The sizes of segments: in all lanes together at most maxSegment slots, so that memory stays small, and little of the
// window, so that thresholds are looked at often enough.
const (
	maxSegment    = 512
	minSegment    = 8
	windowSegment = 128 // parts of a window
)

// newLane returns an empty lane, one of so many.
func (s *stream) newLane(index, lanes int) *lane {
	l := &lane{stream: s, index: index}
	if index >= coreLanes+lanes { // made while others were held up, and seldom used afterwards
		lanes *= 8
	}
	l.size = max(minSegment, min(maxSegment/lanes, s.window/windowSegment/lanes))
	l.batch = uint64(max(1, min(maxBatch/lanes, s.window/200/lanes/l.size)))
	first := l.newSegment()
	first.seq.Store(1)
	l.current.Store(first)
	return l
}

func (l *lane) newSegment() *segment { return newSegment(l.size, l.index != firstLane) }

// put adds a sample, and reports whether there is something to fold. The caller owns the shard.
func (l *lane) put(sample Sample, stamp uint64) (due bool) {
	at := l.current.Load()
	n := at.filled.Load()
	if n == uint64(len(at.slots)) {
		due = at.seq.Load()%l.batch == 0
		at, n = l.extend(at), 0
	}
	if at.stamps != nil {
		release.Store(&at.stamps[n], stamp)
		step.At(step.Stamped)
	}
	release.Store(&at.slots[n], uint64(sample))
	step.At(step.Aimed)
	release.Store(&at.filled, n+1)
	step.At(step.Stored)
	if a := l.ahead.Load(); a != nil {
		a.step()
		if n == uint64(l.size/2) && l.spare.Load() == nil {
			l.reuse(l.newSegment()) // now, as extending has enough to do
		}
	}
	return due
}

// Waking whoever folds costs a recorder microseconds, so it does so for several full segments at once, if these are
// little of the window. When more than maxBacklog of a lane wait, recorders pack them.
const (
	maxBatch   = 4
	maxBacklog = 4 * maxBatch
)

// extend puts the next segment behind a full one. The caller owns the shard.
func (l *lane) extend(full *segment) *segment {
	next, a := l.pop(), l.ahead.Load()
	if a != nil && a.packs == next { // it was folded meanwhile
		a.phase = nothing
	}
	next.filled.Store(0)
	next.packed.Store(nil)
	l.append(full, next)
	step.At(step.Extending)

	s := l.stream
	switch backlog := full.seq.Load() - s.folded.Load().through(l.index); {
	case backlog <= maxBacklog || s.small():
		l.ahead.Store(nil)
		return next
	case a == nil:
		a = new(ahead)
		l.ahead.Store(a)
	}
	for a.phase != nothing { // a segment so small that it took fewer records than steps
		a.step()
	}
	a.packs = full
	a.start(s.compression, full)
	return next
}

// ahead is the packing of a full segment by the recorders of its lane, a step with every record.
type ahead struct {
	packing
	packs *segment
}

func (a *ahead) step() {
	if a.packing.step() {
		a.packs.packed.Store(a.take())
	}
}

// pop returns an empty segment: a spare one, or a new one. The caller owns the shard: nobody else pops, so the top of the
// stack is not pushed again in between.
func (l *lane) pop() *segment {
	for {
		top := l.spare.Load()
		if top == nil {
			return l.newSegment()
		}
		step.At(step.Aimed)
		if l.spare.CompareAndSwap(top, top.prev.Load()) {
			return top
		}
	}
}

// reuse makes a segment that is new, or has been folded, a spare one, if there are not enough of them. A reader may still
// be at one that was folded: it will find that folded has changed, and begin again.
func (l *lane) reuse(s *segment) {
	missing := max(1, l.batch-1)
	for at := l.spare.Load(); at != nil && missing > 0; at = at.prev.Load() {
		missing--
	}
	if missing == 0 {
		s.prev.Store(nil) // a reader that still wants what is there begins again
		return
	}
	for {
		top := l.spare.Load()
		s.prev.Store(top)
		step.At(step.Aimed)
		if l.spare.CompareAndSwap(top, s) {
			return
		}
	}
}

// append puts next behind the last segment. The caller owns the shard.
func (l *lane) append(last, next *segment) {
	next.prev.Store(last)
	step.At(step.Made)
	next.seq.Store(last.seq.Load() + 1)
	next.base.Store(last.base.Load() + last.filled.Load())
	l.current.Store(next)
}

// seal ends the newest segment of a lane before it is full, unless it is empty, or the shard has another owner: then the
// lane is not idle, or will be sealed the next time.
func (l *lane) seal(s *shard) {
	last := l.current.Load()
	if last.filled.Load() == 0 {
		return
	}
	next := l.newSegment()
	s.whenFree(func() {
		if l.current.Load() == last {
			l.append(last, next)
		}
	})
}

// segment is a run of samples of one lane, in the order of their records.
type segment struct {
	prev atomic.Pointer[segment] // the one before it in its lane; nil once that has been folded
	seq  atomic.Uint64           // its number in the lane, from 1
	base atomic.Uint64           // the number in the lane of its first sample, from 0

	filled atomic.Uint64   // how many slots have their sample: written last
	slots  []atomic.Uint64 // of Sample
	stamps []atomic.Uint64 // of the samples; nil in the first lane, where the place of a sample tells the order

	packed atomic.Pointer[pack] // what its recorders have made of it, if they were ahead of whoever folds
}

func newSegment(size int, stamped bool) *segment {
	s := &segment{slots: make([]atomic.Uint64, wholeLines(size))[:size:size]}
	if stamped {
		s.stamps = make([]atomic.Uint64, wholeLines(size))[:size:size]
	}
	return s
}

// at returns the sample of a slot with its place.
func (s *segment) at(slot int) stamped {
	at := stamped{place: s.base.Load() + uint64(slot), sample: Sample(s.slots[slot].Load())}
	if s.stamps != nil {
		at.stamp = s.stamps[slot].Load()
	}
	return at
}

// time returns the stamp of the oldest sample; 0 in the first lane. Where there is none it is that of a sample before.
func (s *segment) time() uint64 {
	if s.stamps == nil {
		return 0
	}
	return s.stamps[0].Load()
}

// newest returns the stamp of the newest sample; 0 in the first lane, and where there is none.
func (s *segment) newest() uint64 {
	if n := s.filled.Load(); s.stamps != nil && n > 0 {
		return s.stamps[n-1].Load()
	}
	return 0
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
