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
	unsealed := s.foldAll(b)
	foldBuffers.Put(b)
	if unsealed {
		s.seal()
	}
	if s.owner.Swap(idle) == foldAgain || unsealed {
		s.schedule()
	}
}

// foldAll folds every segment that does not change any more, of all lanes in the order of time, and reports whether the
// newest ones should be sealed and folded too. The caller owns folding.
func (s *stream) foldAll(b *buffers) (unsealed bool) {
	f := newFolder(s, b)
	for l, owner := range s.lanes {
		// Once records go elsewhere, a first shard that nobody owns is final: see Close.
		final := l == s.first && s.ring.cores.Load() != nil && owner.head.Load()&busy == 0
		f.take(l, final)
	}
	if len(f.taken) == 0 {
		return false
	}
	f.sort()
	f.addAll()
	step.At(step.Folding)
	s.folded.Store(f.finish())
	step.At(step.Placed)
	// A reader that still wants what is there begins again: folded has changed.
	for _, at := range f.cuts {
		at.prev.Store(nil)
	}
	if f.ended != nil {
		f.ended.end()
	}
	step.At(step.Placed)
	backlog := s.backlog.Add(-f.samples)
	for _, at := range f.taken {
		if slots := at.empty(); len(slots) == at.lane.size && at.lane != f.ended {
			// With the backlog no more than one and a half batches, and one segment where a batch is less.
			s.spares.push(slots, max(int(s.batch+s.batch/2-backlog), at.lane.size))
		}
	}
	unsealed = f.begun // what idle lanes hold is older than the new generation: it must not be left behind
	if backlog <= s.maxBacklog {
		for l := range s.lanes {
			if l.ahead.Load() != nil { // and its newest segment larger than it need be
				l.ahead.Store(nil) // who is in the middle of a step ends it, in vain
				unsealed = true
			}
		}
	}
	return unsealed
}

// folder makes the next folded of a stream.
type folder struct {
	stream *stream
	*buffers
	next  folded
	open  *pack // the newest generation, the last of next; its centroids are in the digest
	begun bool  // a generation began

	taken   []taken    // segments to be folded
	samples int64      // of them
	cuts    []*segment // behind these nothing is left then
	ended   *lane      // the first lane, when it is taken to its end
}

// taken is a segment of a lane.
type taken struct {
	*segment
	lane *lane
	time uint64 // the stamp of its newest sample
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
		addTo(b.digest, reopened.centroids)
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
		newest, _ := at.newest()
		f.taken = append(f.taken, taken{at, l, newest.stamp})
		f.samples += int64(at.filled.Load())
	}
	if missing := l.index + 1 - len(f.next.upTo); missing > 0 {
		f.next.upTo = append(f.next.upTo, make([]uint64, missing)...)
	}
	f.next.upTo[l.index] = last.seq.Load()
	if !final {
		f.cuts = append(f.cuts, newest)
		return
	}
	f.ended = l
	f.stream.backlog.Add(int64(last.filled.Load())) // it has none behind it, and never will
}

// maxPack is how many samples are packed together at most: many, as folding costs by the centroid; and little of the window.
const maxPack = 2048

// sort puts what was taken into the order of time.
func (f *folder) sort() {
	slices.SortFunc(f.taken, func(a, b taken) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.base.Load(), b.base.Load()))
	})
}

// recent returns what was taken, but for what has a window of newer samples: that is counted and forgotten.
func (f *folder) recent() []taken {
	newer := f.samples
	for i, at := range f.taken {
		n := int64(at.filled.Load())
		if newer -= n; newer < int64(f.stream.window) {
			return f.taken[i:]
		}
		f.next.ever += uint64(n)
	}
	return nil
}

// addAll adds what was taken: what is packed as it is, and the rest packed, as much at a time as there may be.
func (f *folder) addAll() {
	for rest := f.recent(); len(rest) > 0; {
		if p := rest[0].packed.Load(); p != nil {
			f.add(p)
			rest = rest[1:]
			continue
		}
		raw := f.raw(rest)
		f.packing.start(f.stream.compression, raw...)
		p := f.packing.finish()
		step.At(step.Folding)
		if !slices.ContainsFunc(raw, (*segment).isPacked) { // otherwise their slots may have been in use again
			f.add(p)
			rest = rest[len(raw):]
		}
	}
}

// raw returns the first ones that are not packed, as many as may go into one pack.
func (f *folder) raw(rest []taken) (raw []*segment) {
	limit := uint64(min(maxPack, f.stream.window/64))
	n := uint64(0)
	for _, at := range rest {
		n += at.filled.Load()
		if len(raw) > 0 && (n > limit || at.isPacked()) {
			break
		}
		raw = append(raw, at.segment)
	}
	return raw
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
	addTo(f.digest, p.centroids)
	for (next.samples-next.generations[0].samples)*generations >= window*(generations-1) {
		next.samples -= next.generations[0].samples
		next.generations = next.generations[1:]
	}
}

// close gives the newest generation its centroids.
func (f *folder) close() {
	if f.open != nil {
		f.open.centroids, f.scratch = centroidsOf(f.digest, f.scratch)
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
