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
	index   int // firstLane, or a core's number behind coreLanes
	size    int // of a segment
	longer  int // of a segment that is filled while recorders are ahead
	current atomic.Pointer[segment]
	ahead   atomic.Pointer[ahead] // what recorders do that are ahead of whoever folds; that one takes it away
}

// The indices of lanes.
const (
	firstLane = iota
	coreLanes
)

// The sizes of segments, for all lanes together: so that memory stays small; and little of the window, so that thresholds
// are looked at often enough, and that few samples count as newer than they are: a segment is as old as its newest sample.
// While recorders are ahead segments are longer, so that packs are few. With very many lanes minSegment decides.
const (
	maxSegment = 1024
	maxLonger  = 1536 // of one lane
	minSegment = 8
	parts      = 128 // of a window
)

// newLane returns an empty lane, one of so many.
func (s *stream) newLane(index, lanes int) *lane {
	l := &lane{stream: s, index: index}
	if index >= coreLanes+lanes { // made while others were held up, and seldom used afterwards
		lanes *= 8
	}
	l.size = max(minSegment, min(maxSegment/lanes, s.window/parts/lanes))
	l.longer = max(l.size, min(maxLonger, s.window/parts/lanes))
	first := newSegment(newSlots(l.size))
	first.seq.Store(1)
	l.current.Store(first)
	return l
}

// put adds a sample, and reports whether there is something to fold. The caller owns the shard.
func (l *lane) put(sample Sample, stamp uint64) (due bool) {
	at := l.current.Load()
	n := at.filled.Load()
	if n == uint64(len(at.slots)) {
		at, due = l.extend(at)
		n = 0
	}
	if l.index != firstLane {
		release.Store(&at.stamps[n%stamps], stamp)
		step.At(step.Stamped)
	}
	release.Store(&at.slots[n], uint64(sample))
	step.At(step.Filling)
	release.Store(&at.filled, n+1)
	step.At(step.Stored)
	if a := l.ahead.Load(); a != nil {
		a.step()
	}
	return due
}

// extend puts the next segment behind a full one, and reports whether there is something to fold. The caller owns the
// shard.
func (l *lane) extend(full *segment) (next *segment, due bool) {
	s := l.stream
	a := l.packer(s.backlog.Load() + int64(len(full.slots)))
	next = newSegment(l.slotsFor(a))
	step.At(step.Extending)
	backlog := l.append(full, next)
	if a != nil {
		a.begin(s.compression, full)
	}
	if l.ahead.Load() != a {
		l.ahead.Store(a)
	}
	// Whoever folds takes a away, and seals next. So with a it is called: it may have folded all just before next was there.
	return next, backlog >= s.batch || a != nil
}

// packer returns what is to pack full segments, with nothing left to do; nil while the backlog is not so large. The caller
// owns the shard.
func (l *lane) packer(backlog int64) *ahead {
	a := l.ahead.Load()
	if a != nil {
		a.finish() // a segment so small that it took fewer records than steps
	}
	switch behind := backlog > l.stream.maxBacklog && !l.stream.small(); {
	case !behind:
		return nil
	case a == nil:
		return new(ahead)
	}
	return a
}

// slotsFor returns slots for the next segment: those of one that was folded or packed, or new ones.
func (l *lane) slotsFor(a *ahead) []atomic.Uint64 {
	if a != nil {
		return a.slots(l.longer)
	}
	if slots := l.stream.spares.pop(); len(slots) == l.size {
		return slots
	}
	return newSlots(l.size)
}

// append puts next behind the last segment, and returns how many samples wait to be folded. The caller owns the shard.
// Next is complete before it is the current one, where others find it. The last one is counted after that: a folder may
// take it before it is counted, and the backlog is too low for a moment; but who counts last sees the whole of it.
func (l *lane) append(last, next *segment) (backlog int64) {
	filled := last.filled.Load()
	next.prev.Store(last)
	next.seq.Store(last.seq.Load() + 1)
	next.base.Store(last.base.Load() + filled)
	step.At(step.Made)
	l.current.Store(next)
	step.At(step.Placed)
	return l.stream.backlog.Add(int64(filled))
}

// seal ends the newest segment of a lane before it is full, unless it is empty, or the shard has another owner: then the
// lane is not idle, or will be sealed the next time.
func (l *lane) seal(s *shard) {
	last := l.current.Load()
	if last.filled.Load() == 0 {
		return
	}
	next := newSegment(newSlots(l.size))
	s.whenFree(func() {
		if l.current.Load() == last {
			l.append(last, next)
		}
	})
}

// end leaves nothing of a lane that is folded to its end, and gets no more samples, but the number of its last segment.
func (l *lane) end() {
	last := newSegment(nil)
	last.seq.Store(l.current.Load().seq.Load())
	l.current.Store(last)
}
