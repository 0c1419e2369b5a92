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
	newest      stamped
}

// through returns the number of the last segment folded of a lane.
func (f *folded) through(lane int) uint64 {
	if lane < len(f.upTo) {
		return f.upTo[lane]
	}
	return 0
}

// buffers are what folding needs in memory.
type buffers struct {
	packing packing
	digest  *tdigest.TDigest
	scratch tdigest.CentroidList
}

var foldBuffers = sync.Pool{New: func() any { return new(buffers) }}

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
		s.seal()
	}
	b := foldBuffers.Get().(*buffers)
	begun := s.foldAll(b)
	foldBuffers.Put(b)
	if begun { // what idle lanes hold is older than the new generation: it must not be left behind
		s.seal()
	}
	if s.owner.Swap(idle) == foldAgain || begun {
		s.schedule()
	}
}

// foldAll folds every segment that does not change any more, of all lanes in the order of time, and reports whether a
// generation began by that. The caller owns folding.
func (s *stream) foldAll(b *buffers) (begun bool) {
	f := newFolder(s, b)
	for l, owner := range s.lanes {
		// Once records go elsewhere, a first shard that nobody owns is final: see Close.
		final := l == s.first && s.ring.cores.Load() != nil && owner.head.Load()&busy == 0
		f.take(l, final)
		if final {
			l.spare.Store(nil)
		}
	}
	if len(f.taken) == 0 {
		return false
	}
	slices.SortFunc(f.taken, func(a, b taken) int {
		return cmp.Or(cmp.Compare(a.time(), b.time()), cmp.Compare(a.base.Load(), b.base.Load()))
	})
	f.addAll()
	step.At(step.Folding)
	s.folded.Store(f.finish())
	for _, at := range f.cuts {
		at.prev.Store(nil) // a reader that still wants what is there begins again: folded has changed
	}
	for _, at := range f.taken {
		at.lane.reuse(at.segment)
	}
	for l := range s.lanes {
		l.ahead.Store(nil) // who is in the middle of a step ends it, in vain
	}
	return f.begun
}

// folder makes the next folded of a stream.
type folder struct {
	stream *stream
	*buffers
	next  folded
	open  *pack // the newest generation, the last of next; its centroids are in the digest
	begun bool  // a generation began

	taken []taken    // segments to be folded
	cuts  []*segment // behind these nothing is left then
}

// taken is a segment of a lane.
type taken struct {
	*segment
	lane *lane
}

func newFolder(s *stream, b *buffers) *folder {
	f := &folder{stream: s, buffers: b, next: *s.folded.Load()}
	f.next.upTo = slices.Clone(f.next.upTo)
	f.next.generations = slices.Clone(f.next.generations)
	if b.digest == nil || b.digest.Compression != s.compression {
		b.digest = tdigest.NewWithCompression(s.compression)
	}
	b.digest.Reset()
	if last := len(f.next.generations) - 1; last >= 0 {
		reopened := *f.next.generations[last]
		b.digest.AddCentroidList(reopened.centroids)
		f.open = &reopened
		f.next.generations[last] = f.open
	}
	return f
}

// take takes a lane's segments behind its newest, and the newest itself if the lane is final.
func (f *folder) take(l *lane, final bool) {
	newest := l.current.Load()
	last := newest
	if !final {
		last = newest.prev.Load()
	}
	through := f.next.through(l.index)
	if last == nil || last.seq.Load() <= through {
		return
	}
	for at := last; at != nil && at.seq.Load() > through; at = at.prev.Load() {
		f.taken = append(f.taken, taken{at, l})
	}
	if missing := l.index + 1 - len(f.next.upTo); missing > 0 {
		f.next.upTo = append(f.next.upTo, make([]uint64, missing)...)
	}
	f.next.upTo[l.index] = last.seq.Load()
	if !final {
		f.cuts = append(f.cuts, newest)
	}
}

// maxPack is how many samples are packed together at most: many, as folding costs by the centroid; and little of the window.
const maxPack = 2048

// addAll adds what was taken: what is packed as it is, and the rest packed, as much at a time as there may be.
func (f *folder) addAll() {
	limit := min(maxPack, f.stream.window/64)
	var raw []*segment
	n := 0
	flush := func() {
		if len(raw) > 0 {
			f.packing.start(f.stream.compression, raw...)
			f.add(f.packing.finish())
			raw, n = raw[:0], 0
		}
	}
	for _, at := range f.taken {
		if p := at.packed.Load(); p != nil {
			flush()
			f.add(p)
			continue
		}
		filled := int(at.filled.Load())
		if n+filled > limit {
			flush()
		}
		raw, n = append(raw, at.segment), n+filled
	}
	flush()
}

// add puts a pack into the newest generation, or into a new one when that would be more than an eighth of the window;
// and forgets the oldest as long as the others are seven eighths.
func (f *folder) add(p *pack) {
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
	f.digest.AddCentroidList(p.centroids)
	for (next.samples-next.generations[0].samples)*generations >= window*(generations-1) {
		next.samples -= next.generations[0].samples
		next.generations = next.generations[1:]
	}
}

// close gives the newest generation its centroids.
func (f *folder) close() {
	if f.open != nil {
		f.scratch = f.digest.Centroids(f.scratch[:0])
		f.open.centroids = slices.Clone(f.scratch)
		f.digest.Reset()
	}
}

// finish returns what has been folded with what the folder was given.
func (f *folder) finish() *folded {
	f.close()
	next := f.next                                    // a copy: a pointer into the folder would keep its buffer
	next.generations = slices.Clone(next.generations) // without those that were forgotten
	return &next
}
