package ring

import (
	"cmp"
	"math"
	"slices"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// View is a window of a stream at a moment.
type View struct {
	Samples, Failures int
	Min, Max          uint64 // nanoseconds, true ones
	Newest            Sample
	Exact             bool // nothing has been packed or folded: the reader has the samples themselves

	full bool   // older samples are left out
	ever uint64 // samples since the stream began
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

// view walks the stream and returns its window, and gives its samples to the reader. Every record that returned before
// the call is in it, unless three quarters of a window are newer (with up to 64 lanes). What takes long, merging the
// digests, comes when what they are of is certain: a walk is short beside the time between two folds, so that it is not
// overtaken for ever.
func (s *stream) view(to *Reader) View {
	var v View
	for {
		f := s.folded.Load()
		walked, complete := s.walk(f, to)
		clear(to.segments) // so that the reader keeps none of them
		if v = walked; complete && s.folded.Load() == f {
			break
		}
		clear(to.packs)
	}
	if v.Exact {
		return v
	}
	to.digest.Reset()
	for _, p := range to.packs {
		addTo(to.digest, p.centroids)
	}
	for _, d := range to.raw {
		to.digest.Add(float64(d), 1)
	}
	clear(to.packs)
	return v
}

// walk is one attempt of view; complete is false if a lane did not reach back to what has been folded.
func (s *stream) walk(f *folded, to *Reader) (v View, complete bool) {
	to.raw, to.packs = to.raw[:0], to.packs[:0]
	v = View{Min: math.MaxUint64, Exact: f.ever == 0, ever: f.ever}
	to.segments = to.segments[:0]
	for l := range s.lanes {
		if complete = to.unfolded(l.current.Load(), f.through(l.index)); !complete {
			return v, false
		}
	}
	segments := to.segments
	// Any lane may have more than a window that has not been folded: those with the newest samples of all lanes go first.
	slices.SortFunc(segments, func(x, y walked) int {
		return cmp.Or(cmp.Compare(y.newest, x.newest), cmp.Compare(y.base.Load(), x.base.Load()))
	})
	var newest stamped // of the window: what is left out may have got a sample since the segments were put in order
	for _, at := range segments {
		if v.full { // what is left is older: counted, and not copied
			v.ever += at.filled.Load()
			continue
		}
		p, raw := at.contents(to)
		v.Exact = v.Exact && raw
		v.ever += uint64(p.samples)
		if !v.add(p, s.window) {
			continue
		}
		newest = newer(newest, p.newest)
		if raw {
			to.raw = append(to.raw, to.durations...)
		} else {
			to.packs = append(to.packs, p)
		}
	}
	for i, g := range slices.Backward(f.generations) {
		if !v.add(g, s.window) {
			break
		}
		if i == len(f.generations)-1 {
			newest = newer(newest, f.newest)
		}
		to.packs = append(to.packs, g)
	}
	v.Newest = newest.sample
	return v, true
}

// walked is a segment with the stamp that its newest sample had when the walk came to it.
type walked struct {
	*segment
	newest uint64
}

// unfolded adds a lane's segments behind number through, of which at is the newest; complete is false if some of them have
// been folded meanwhile.
func (b *Reader) unfolded(at *segment, through uint64) (complete bool) {
	for seq := at.seq.Load(); seq > through; seq-- {
		step.At(step.Reading)
		if at == nil {
			return false
		}
		newest, _ := at.newest()
		b.segments = append(b.segments, walked{at, newest.stamp})
		at = at.prev.Load()
	}
	return true
}

// contents returns the pack of a segment; or if it has none, one without centroids, and the reader has the durations in
// the place of these. Both are valid until the next call.
func (s *segment) contents(to *Reader) (p *pack, raw bool) {
	if p = s.packed.Load(); p != nil {
		return p, false
	}
	newest, filled := s.newest()
	to.peeked, to.durations = pack{newest: newest}, to.durations[:0]
	for i := range filled {
		step.At(step.Reading)
		at := Sample(s.slots[i].Load())
		to.peeked.note(at)
		to.durations = append(to.durations, at.Duration())
	}
	if p = s.packed.Load(); p != nil { // meanwhile: the slots may be in use again
		return p, false
	}
	return &to.peeked, true
}

// add counts the samples of a pack and reports whether they belong to the window: unless with them, or with a newer pack, there would be more than a window.
func (v *View) add(p *pack, window int) bool {
	if v.full = v.full || v.Samples+p.samples > window; v.full || p.samples == 0 {
		return false
	}
	v.Samples += p.samples
	v.Failures += p.failures
	v.Min, v.Max = min(v.Min, p.min), max(v.Max, p.max)
	return true
}
