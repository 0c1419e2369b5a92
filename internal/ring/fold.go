package ring

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// generations are how many parts of a window are forgotten one at a time.
const generations = 8

// folded is what has been folded of a stream. It never changes; the owner of folding publishes the next.
type folded struct {
	upTo        []uint64 // by lane: the number of the last segment folded
	generations []*pack  // the newest last, each at most an eighth of the window
	samples     int      // in all generations
	ever        uint64   // samples folded since the stream began, forgotten ones too
	absent      uint64   // tickets of folded segments whose samples are among the strays
	newest      stamped
}

// through returns the number of the last segment folded of a lane.
func (f *folded) through(lane int) uint64 {
	if lane < len(f.upTo) {
		return f.upTo[lane]
	}
	return 0
}

var packers = sync.Pool{New: func() any { return new(packer) }}

// fold folds what there is to fold, unless somebody else is at it. What comes meanwhile is scheduled anew: a stream that
// fills faster than it is folded does not keep its folder from others.
func (s *stream) fold() {
	if s.small() {
		return
	}
	for !s.owner.CompareAndSwap(idle, folding) {
		if s.owner.CompareAndSwap(folding, foldAgain) || s.owner.Load() == foldAgain {
			return
		}
	}
	if s.folded.Load().ever == 0 { // the first time there is much to fold: idle lanes have their part in it
		s.sealAll()
	}
	buffer := packers.Get().(*packer)
	begun := s.foldAll(buffer)
	packers.Put(buffer)
	if begun { // what idle lanes hold is older than the new generation: it must not be left behind
		s.sealAll()
	}
	if s.owner.Swap(idle) == foldAgain || begun {
		s.schedule()
	}
}

// smallWindow is how many samples are kept as they are: up to so many, nothing is packed and nothing folded.
const smallWindow = 4096

func (s *stream) small() bool { return s.folded.Load().ever == 0 && s.completed() <= smallWindow }

// foldAll folds every segment that takes no tickets any more, of all lanes in the order of time, and reports whether a
// generation began by that. The caller owns folding.
func (s *stream) foldAll(buffer *packer) (begun bool) {
	f := newFolder(s, buffer)
	for l := range s.all() {
		current := l.current.Load()
		f.take(l.index, current, current.end == endClosed)
		if current.end == open && l.spare.Load() == nil {
			l.spare.CompareAndSwap(nil, l.newSegment())
		}
	}
	f.take(strayLane, s.strays.Load(), true)
	if len(f.segments) == 0 {
		return false
	}
	slices.SortFunc(f.segments, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.time(), b.time()), cmp.Compare(a.base, b.base))
	})
	for _, at := range f.segments {
		f.add(at.pack(buffer, s.compression))
	}
	step.At(step.Folding)
	s.folded.Store(f.finish())
	for _, at := range append(f.cuts, f.segments...) {
		at.prev.Store(nil) // a reader that still wants what is there begins again: folded has changed
	}
	return f.begun
}

// folder makes the next folded of a stream.
type folder struct {
	stream *stream
	buffer *packer
	next   folded
	open   *pack // the newest generation, the last of next; its centroids are in the buffer's digest
	begun  bool  // a generation began

	segments []*segment // to be folded
	cuts     []*segment // behind these nothing is left then
}

func newFolder(s *stream, buffer *packer) *folder {
	f := &folder{stream: s, buffer: buffer, next: *s.folded.Load()}
	f.next.upTo = slices.Clone(f.next.upTo)
	f.next.generations = slices.Clone(f.next.generations)
	if buffer.digest == nil || buffer.digest.Compression != s.compression {
		buffer.digest = tdigest.NewWithCompression(s.compression)
	}
	buffer.digest.Reset()
	if last := len(f.next.generations) - 1; last >= 0 {
		reopened := *f.next.generations[last]
		buffer.digest.AddCentroidList(reopened.centroids)
		f.open = &reopened
		f.next.generations[last] = f.open
	}
	return f
}

// take takes a lane's segments behind its newest, and the newest itself where that takes no tickets any more.
func (f *folder) take(lane int, newest *segment, itself bool) {
	last := newest
	if last != nil && !itself {
		last = last.prev.Load()
	}
	if last == nil || last.seq <= f.next.through(lane) {
		return
	}
	for at := last; at != nil && at.seq > f.next.through(lane); at = at.prev.Load() {
		f.segments = append(f.segments, at)
	}
	if missing := lane + 1 - len(f.next.upTo); missing > 0 {
		f.next.upTo = append(f.next.upTo, make([]uint64, missing)...)
	}
	f.next.upTo[lane] = last.seq
	f.cuts = append(f.cuts, newest)
}

// add puts a pack into the newest generation, or into a new one when that would be more than an eighth of the window;
// and forgets the oldest as long as the others are seven eighths.
func (f *folder) add(p *pack) {
	f.next.absent += uint64(p.absent)
	if p.samples == 0 {
		return
	}
	window, next := f.stream.window, &f.next
	next.ever += uint64(p.samples)
	next.samples += p.samples
	next.newest = newer(next.newest, p.newest)
	if f.open == nil || f.open.samples+p.samples > (window+generations-1)/generations {
		f.begun = f.open != nil
		f.close()
		f.open = &pack{min: math.MaxUint64}
		next.generations = append(next.generations, f.open)
	}
	f.open.samples += p.samples
	f.open.failures += p.failures
	f.open.min, f.open.max = min(f.open.min, p.min), max(f.open.max, p.max)
	f.buffer.digest.AddCentroidList(p.centroids)
	for (next.samples-next.generations[0].samples)*generations >= window*(generations-1) {
		next.samples -= next.generations[0].samples
		next.generations = next.generations[1:]
	}
}

// close gives the newest generation its centroids.
func (f *folder) close() {
	if f.open != nil {
		f.buffer.scratch = f.buffer.digest.Centroids(f.buffer.scratch[:0])
		f.open.centroids = slices.Clone(f.buffer.scratch)
		f.buffer.digest.Reset()
	}
}

// finish returns what has been folded with what the folder was given.
func (f *folder) finish() *folded {
	f.close()
	next := f.next                                    // a copy: a pointer into the folder would keep its buffer
	next.generations = slices.Clone(next.generations) // without those that were forgotten
	return &next
}

// View is a window of a stream at a moment.
type View struct {
	Samples, Failures int
	Min, Max          uint64 // nanoseconds, true ones
	Newest            Sample
	Exact             bool // nothing has been packed or folded: the reader has the samples themselves

	full     bool   // older samples are left out
	underWay int    // tickets without their sample
	absent   uint64 // tickets whose samples are, or will be, among the strays
	ever     uint64 // samples since the stream began
}

// quantile returns the quantile q of the window that v is of, whose samples the digest has.
func (v *View) quantile(digest *tdigest.TDigest, q float64) uint64 {
	switch { // the digest's own extremes are means of centroids
	case !(q > 0):
		return v.Min
	case q >= 1:
		return v.Max
	}
	return min(max(uint64(math.Round(digest.Quantile(q))), v.Min), v.Max)
}

// view walks the stream and returns its window, and gives its samples to the reader, if there is one. Every record that
// returned before the call is in it, unless seven eighths of a window are newer.
func (s *stream) view(to *Reader) View {
	for {
		f := s.folded.Load()
		v, complete := s.walk(f, to)
		if complete && s.folded.Load() == f {
			if to != nil && !v.Exact {
				for _, d := range to.raw {
					to.digest.Add(float64(d), 1)
				}
			}
			return v
		}
	}
}

// walk is one attempt of view; complete is false if a lane did not reach back to what has been folded.
func (s *stream) walk(f *folded, to *Reader) (v View, complete bool) {
	if to != nil {
		to.digest.Reset()
		to.raw = to.raw[:0]
	}
	v = View{Min: math.MaxUint64, Exact: f.ever == 0, absent: f.absent, ever: f.ever}
	newest := f.newest
	complete = true
	lane := func(index int, current *segment) {
		complete = complete && s.walkLane(&v, to, index, current, f.through(index), &newest)
	}
	for l := range s.all() {
		if l.index != firstLane {
			lane(l.index, l.current.Load())
		}
	}
	lane(strayLane, s.strays.Load())
	lane(firstLane, s.first.current.Load()) // the oldest, where there are others
	for _, g := range slices.Backward(f.generations) {
		v.add(g, s.window, to)
	}
	v.Newest = newest.sample
	return v, complete
}

// walkLane adds the samples of a lane's segments that have not been folded, the newest first.
func (s *stream) walkLane(v *View, to *Reader, lane int, at *segment, through uint64, newest *stamped) bool {
	for ; at != nil && at.seq > through; at = at.prev.Load() {
		p := at.packed.Load()
		if p == nil {
			p = at.peek(v)
		} else {
			v.Exact = false
		}
		v.absent += uint64(p.absent)
		v.ever += uint64(p.samples)
		*newest = newer(*newest, p.newest)
		v.add(p, s.window, to)
		if at.seq == through+1 {
			return true
		}
	}
	return at == nil && through == 0 && lane == strayLane || at != nil && at.seq <= through
}

// peek is pack for a reader: it copies what the slots say now and changes nothing.
func (s *segment) peek(v *View) *pack {
	n := s.issued()
	p := &pack{min: math.MaxUint64, raw: make([]uint64, 0, n)}
	for i := range n {
		word := s.slots[i].Load()
		switch word {
		case 0:
			v.underWay++
		case absent:
			p.absent++
		default:
			sample := Sample(word)
			p.note(s.stamped(i, sample))
			p.min, p.max = min(p.min, sample.Duration()), max(p.max, sample.Duration())
			p.raw = append(p.raw, sample.Duration())
		}
	}
	return p
}

// add adds the samples of a pack, unless with them, or with a newer pack, there would be more than a window.
func (v *View) add(p *pack, window int, to *Reader) {
	if v.full = v.full || v.Samples+p.samples > window; v.full || p.samples == 0 {
		return
	}
	v.Samples += p.samples
	v.Failures += p.failures
	v.Min, v.Max = min(v.Min, p.min), max(v.Max, p.max)
	if to != nil {
		to.raw = append(to.raw, p.raw...)
		to.digest.AddCentroidList(p.centroids)
	}
}
