package ring

import (
	"math"
	"slices"

	"github.com/influxdata/tdigest"
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

// view walks the stream and returns its window, and gives its samples to the reader. Every record that
// returned before the call is in it, unless seven eighths of a window are newer.
func (s *stream) view(to *Reader) View {
	for {
		f := s.folded.Load()
		v, complete := s.walk(f, to)
		if complete && s.folded.Load() == f {
			if !v.Exact {
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
	to.digest.Reset()
	to.raw = to.raw[:0]
	v = View{Min: math.MaxUint64, Exact: f.ever == 0, ever: f.ever}
	newest := f.newest
	for l := range s.lanes {
		if !s.walkLane(&v, to, l, f.through(l.index), &newest) {
			return v, false
		}
	}
	for _, g := range slices.Backward(f.generations) {
		v.add(g, s.window, to)
	}
	v.Newest = newest.sample
	return v, true
}

// walkLane adds the samples of a lane's segments that have not been folded, the newest first.
func (s *stream) walkLane(v *View, to *Reader, l *lane, through uint64, newest *stamped) (complete bool) {
	at := l.current.Load()
	for seq := at.seq.Load(); seq > through; {
		if p := at.packed.Load(); p != nil {
			v.Exact = false
			v.take(p, nil, s.window, to, newest)
		} else {
			p, raw := at.peek(to)
			v.take(&p, raw, s.window, to, newest)
		}
		if seq--; seq == through {
			return true
		}
		if at = at.prev.Load(); at == nil || at.seq.Load() != seq { // folded meanwhile, and perhaps in use again
			return false
		}
	}
	return true
}

// peek is a pack for a reader, with the durations in the place of centroids: it copies what the slots say now and changes
// nothing. They are valid until the next call.
func (s *segment) peek(to *Reader) (p pack, raw []uint64) {
	raw = to.peeked[:0]
	for i := range int(s.filled.Load()) {
		at := s.at(i)
		p.note(at)
		raw = append(raw, at.sample.Duration())
	}
	to.peeked = raw
	return p, raw
}

// take adds what one segment has.
func (v *View) take(p *pack, raw []uint64, window int, to *Reader, newest *stamped) {
	v.ever += uint64(p.samples)
	*newest = newer(*newest, p.newest)
	if v.add(p, window, to) {
		to.raw = append(to.raw, raw...)
	}
}

// add adds the samples of a pack, unless with them, or with a newer pack, there would be more than a window.
func (v *View) add(p *pack, window int, to *Reader) bool {
	if v.full = v.full || v.Samples+p.samples > window; v.full || p.samples == 0 {
		return false
	}
	v.Samples += p.samples
	v.Failures += p.failures
	v.Min, v.Max = min(v.Min, p.min), max(v.Max, p.max)
	to.digest.AddCentroidList(p.centroids)
	return true
}
