package ring

import (
	"iter"
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/core"
	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// stream is what a Ring keeps large windows in: the newest samples as they are, the older ones folded into t-digests.
//
// A record takes a ticket in the newest segment of its lane and writes its slot, as in a Ring; but no slot is written
// twice. Whoever finds the segment full puts the next one behind it. There is one lane until its head proves contended,
// then one for each core, with stamps: what is in the first lane is older than everything stamped.
//
// Full segments are packed (sorted, and grouped into centroids) and folded into generations, by one owner at a time,
// which is usually the helper goroutine. What has been folded is one pointer, published by the owner: it says how far
// in each lane it goes. So a reader that finds the pointer unchanged after it has walked the lanes back to there has
// seen every sample exactly once.
//
// Nobody waits for an owner or a writer that is held up. Recorders that get far ahead of the owner pack their own full
// segments, which leaves it little to do; held up for good it costs memory only. A writer held up between its ticket
// and its sample finds its slot absent, and puts the sample among the strays, a lane of segments of one.
type stream struct {
	window      int
	compression float64
	batch       uint64 // full segments of a lane that are left to be folded together
	schedule    func() // called when there is something to fold, by a recorder: it must not wait

	_      [pad.Line]byte
	first  lane
	lanes  atomic.Pointer[[]atomic.Pointer[lane]] // the cores'
	strays atomic.Pointer[segment]                // the newest
	folded atomic.Pointer[folded]
	owner  atomic.Uint32 // of folding: idle, folding, or folding with more to do
}

const (
	idle uint32 = iota
	folding
	foldAgain
)

// lane is a chain of segments and the counters of those who record in it.
type lane struct {
	shard
	_       [(pad.Line - unsafe.Sizeof(shard{})%pad.Line) % pad.Line]byte
	current atomic.Pointer[segment]
	spare   atomic.Pointer[segment] // the next one, made in advance by whoever folds
	lost    atomic.Uint32           // tickets lost to another recorder, of the last contentionSpan or so
	index   int                     // firstLane, or a core's number behind coreLanes
	size    int                     // of a segment
	_       [pad.Line]byte
}

// The indices of lanes.
const (
	strayLane = iota
	firstLane
	coreLanes
)

// The sizes of segments: in all lanes together at most maxSegment slots, so that memory stays small, and little of the
// window, so that thresholds are looked at often enough.
const (
	maxSegment    = 512
	minSegment    = 8
	windowSegment = 128 // parts of a window
)

// init makes l an empty lane, one of so many.
func (l *lane) init(index, window, lanes int) {
	l.index = index
	l.size = max(minSegment, min(maxSegment/lanes, window/windowSegment/lanes))
	s := l.newSegment()
	s.seq = 1
	l.current.Store(s)
}

func (l *lane) newSegment() *segment { return newSegment(l.size, l.index != firstLane) }

// finer is how much finer than asked for the digests inside are: a generation is merged from hundreds of packs and a
// read merges the generations, and each merge loses a little. With 2, no centroid at the median has a hundredth of the
// samples: one that bridges a gap between two modes may be that wrong.
const finer = 2

func newStream(window int, compression float64, schedule func()) *stream {
	s := &stream{window: window, compression: finer * compression, schedule: schedule}
	s.first.init(firstLane, window, 1)
	s.batch = uint64(max(1, min(maxBatch, window/200/s.first.size)))
	s.folded.Store(new(folded))
	return s
}

// closedLane stands in the place of a lane that no core had made when its stream was closed.
var closedLane = func() *lane {
	l := new(lane)
	l.current.Store(&segment{end: endClosed})
	return l
}()

// record is Ring.Record for a stream.
func (s *stream) record(o Outcome, d uint64) bool {
	l := &s.first
	var at *segment
	var slot uint64
	for {
		at = l.current.Load()
		var ok, lost bool
		if slot, ok, lost = at.take(); ok {
			break
		}
		switch {
		case lost:
			l.lost.Add(1)
		case at.end == endClosed:
			return false
		case at.end == endSharded:
			l = s.ownLane()
		default:
			s.extend(l, at)
		}
	}
	step.At(step.Acquired)
	var stamp uint64
	if at.stamps != nil {
		stamp = uint64(clock.Now()) // after the ticket, as in a Ring
		at.stamps[slot].Store(stamp)
		step.At(step.Stamped)
	}
	l.add(o, d)
	sample := sampleOf(o, d)
	if !at.slots[slot].CompareAndSwap(0, uint64(sample)) {
		s.stray(stamped{stamp, at.base + slot, sample})
	}
	step.At(step.Stored)
	return true
}

// stray adds a sample whose slot was packed without it.
func (s *stream) stray(late stamped) {
	one := newSegment(1, true)
	one.base = late.ticket
	one.slots[0].Store(uint64(late.sample))
	one.stamps[0].Store(late.stamp)
	one.head.Store(1 | sealed)
	for {
		top := s.strays.Load()
		one.seq = 1
		if top != nil {
			one.seq = top.seq + 1
		}
		one.prev.Store(top)
		if s.strays.CompareAndSwap(top, one) {
			break
		}
	}
	s.schedule()
}

// Waking whoever folds costs a recorder microseconds, so it does so for several full segments at once, if these are
// little of the window. When more than maxBacklog of a lane wait, recorders pack them.
const (
	maxBatch   = 4
	maxBacklog = 4 * maxBatch
)

// extend puts the next segment behind a full one, if nobody else has.
func (s *stream) extend(l *lane, full *segment) {
	if l.index == firstLane {
		if l.lost.Load() >= contentionLimit {
			if processors := runtime.GOMAXPROCS(0); processors > 1 {
				s.spread(processors)
				return
			}
		}
		if full.seq%uint64(max(1, contentionSpan/l.size)) == 0 {
			l.lost.Store(0)
		}
	}
	next := l.spare.Swap(nil)
	if next == nil {
		next = l.newSegment()
	}
	if !s.append(l, full, next) {
		next.prev.Store(nil) // as a spare it would keep what is behind full
		l.spare.CompareAndSwap(nil, next)
		return
	}
	if full.seq-s.folded.Load().through(l.index) > maxBacklog && !s.small() {
		buffer := packers.Get().(*packer)
		full.pack(buffer, s.compression)
		packers.Put(buffer)
	}
	if full.seq%s.batch == 0 {
		s.schedule()
	}
}

// spread ends the first lane and sends its recorders to lanes for so many processors. Who finds the end finds these.
func (s *stream) spread(processors int) {
	lanes := make([]atomic.Pointer[lane], 1<<bits.Len(uint(processors-1)))
	s.lanes.CompareAndSwap(nil, &lanes)
	s.finish(&s.first, endSharded)
	s.first.spare.Store(nil)
	s.schedule()
}

// finish puts an end behind a lane that has none, and lets no ticket be taken before it any more.
func (s *stream) finish(l *lane, end end) {
	for {
		last := l.current.Load()
		if last.end >= end {
			return
		}
		if s.append(l, last, &segment{end: end}) {
			last.head.Or(sealed)
			return
		}
	}
}

// append puts next behind the last segment of a lane, and reports whether last still was that.
func (s *stream) append(l *lane, last, next *segment) bool {
	next.prev.Store(last)
	next.seq, next.base = last.seq+1, last.base+uint64(len(last.slots))
	return l.current.CompareAndSwap(last, next)
}

// sealAll ends the segments of all lanes that have samples.
func (s *stream) sealAll() {
	for l := range s.all() {
		s.seal(l)
	}
}

// seal ends a segment before it is full.
func (s *stream) seal(l *lane) {
	last := l.current.Load()
	if last.end != open || last.issued() == 0 {
		return
	}
	if s.append(l, last, l.newSegment()) {
		last.head.Or(sealed)
	}
}

// ownLane returns the lane of the core that runs the caller.
func (s *stream) ownLane() *lane {
	lanes := *s.lanes.Load()
	i := core.ID() & (len(lanes) - 1)
	at := &lanes[i]
	if at.Load() == nil {
		l := new(lane)
		l.init(coreLanes+i, s.window, len(lanes))
		at.CompareAndSwap(nil, l)
	}
	return at.Load()
}

// all yields the lanes that there are.
func (s *stream) all() iter.Seq[*lane] {
	return func(yield func(*lane) bool) {
		if !yield(&s.first) {
			return
		}
		lanes := s.lanes.Load()
		if lanes == nil {
			return
		}
		for i := range *lanes {
			if l := (*lanes)[i].Load(); l != nil && l != closedLane && !yield(l) {
				return
			}
		}
	}
}

// close makes every later ticket fail. It is Ring.Close for a stream; what is said there holds for each lane: a ticket
// is taken in a segment that is not CLOSED, and behind an end there is no other segment.
func (s *stream) close() {
	s.finish(&s.first, endClosed)
	lanes := s.lanes.Load() // if any recorder was sent there, they are in place
	if lanes == nil {
		return
	}
	for i := range *lanes {
		at := &(*lanes)[i]
		if at.Load() == nil {
			at.CompareAndSwap(nil, closedLane)
		}
		if l := at.Load(); l != closedLane {
			s.finish(l, endClosed)
		}
	}
}

// quiet is Ring.Quiet for a stream: every ticket has its sample, in a slot or among the strays, and as many executions
// were counted as there are samples. A sample is counted before it is written.
func (s *stream) quiet() bool {
	completed := s.completed()
	v := s.view(nil)
	strays := uint64(0)
	if top := s.strays.Load(); top != nil {
		strays = top.seq
	}
	return v.underWay == 0 && v.absent == strays && v.ever == completed
}

func (s *stream) completed() (n uint64) {
	for l := range s.all() {
		n += l.completed()
	}
	return n
}
