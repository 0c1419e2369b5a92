package history

import (
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// Reader answers from one value of a history. It keeps its buffers. The zero
// Reader is ready. It is for one goroutine at a time.
type Reader struct {
	Window
	generations []*generation   // of the window
	packs       []*pack         // that may have samples of the window
	begin       uint64          // samples in packs are of the window from this key on
	raw         []uint64        // these samples' durations
	ordered     quantile.Sorter // the same
	sorted      bool            // ordered is made
}

// Window is exact counts of the samples of a window.
type Window struct {
	Counts
	Newest   uint64 // the newest sample
	Recorded uint64 // samples that the history has had
}

// Load takes the history's current value. The caller first publishes the
// batches whose samples it wants.
func (r *Reader) Load(h *History) {
	v := h.now.Load()
	for ; v.words >= h.overdue; v = h.now.Load() {
		h.merge(v) // else packs could have more than a window
	}
	r.Window = Window{Newest: v.latest, Recorded: v.recorded}
	r.packs, r.begin, r.sorted = v.packs, 0, false
	at := len(v.generations)
	var older Counts
	for at > 0 {
		g := v.generations[at-1]
		older.addAll(g.counts)
		c := older
		for _, p := range v.packs {
			p.countFrom(g.begin, &c, &h.bounds)
		}
		if c.Samples > h.window {
			break
		}
		at--
		r.Counts, r.begin = c, g.begin
	}
	r.generations = v.generations[at:]
}

// countFrom adds the counts of the pack's samples with at least this key.
func (p *pack) countFrom(key uint64, c *Counts, b *Bounds) {
	switch {
	case p.oldest >= key:
		c.addAll(p.counts)
	case p.newest >= key:
		for i, sample := range p.samples {
			if p.key(i) >= key {
				c.add(sample, b)
			}
		}
	}
}

// sort makes the order of the samples in packs, at the first call after a Load.
func (r *Reader) sort() {
	if r.sorted {
		return
	}
	r.sorted = true
	r.raw = r.raw[:0]
	for _, p := range r.packs {
		for i, sample := range p.samples {
			if p.key(i) >= r.begin {
				r.raw = append(r.raw, sample&Duration)
			}
		}
	}
	r.ordered.Set(r.raw)
	r.raw = append(r.raw[:0], r.ordered.All()...)
}

// Quantile returns a quantile of the window, which must have a sample. The
// quantile is the smallest duration up to which there are as many samples as
// the nearest rank says. So a larger q never has a smaller quantile.
func (r *Reader) Quantile(q float64) uint64 {
	rank := quantile.Rank(q, r.Samples)
	switch rank { // centroids have no true extremes
	case 1:
		return r.Min
	case r.Samples:
		return r.Max
	}
	r.sort()
	low, high := r.Min, r.Max
	for low < high {
		if middle := low + (high-low)/2; r.upTo(middle) >= rank {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// upTo returns how many samples are at most as long as d, each centroid at its
// mean.
func (r *Reader) upTo(d uint64) int {
	n, _ := slices.BinarySearch(r.raw, d+1)
	for _, g := range r.generations {
		if i, _ := slices.BinarySearch(g.means, d+1); i > 0 {
			n += int(g.upTo[i-1])
		}
	}
	return n
}

// Centroids returns the window by mean. Samples in packs have a weight of 1.
func (r *Reader) Centroids() (all sketch.Sketch) {
	r.sort()
	for _, d := range r.raw {
		all = append(all, sketch.Centroid{Mean: time.Duration(d), Weight: 1})
	}
	for _, g := range r.generations {
		before := uint32(0)
		for i, upTo := range g.upTo {
			all = append(all, sketch.Centroid{Mean: time.Duration(g.means[i]), Weight: int(upTo - before)})
			before = upTo
		}
	}
	slices.SortFunc(all, sketch.Compare)
	return all
}
