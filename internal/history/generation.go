package history

import (
	"math"
	"slices"
	"sync"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/quantile"
)

// generation is samples that are next to each other in the order of keys, as
// the centroids of a digest. It never changes.
type generation struct {
	begin  uint64   // the smallest key that it may have
	counts Counts   // of its samples
	means  []uint64 // of the centroids, ascending, in nanoseconds
	upTo   []uint32 // by centroid: the number of samples up to its end
}

// generations is how many make a window. An eighth is forgotten at a time.
const generations = 8

// scratch is the memory that a merge needs.
type scratch struct {
	digest    *tdigest.TDigest
	centroids tdigest.CentroidList
	sorted    quantile.Sorter
	growing   []growing
}

// growing is a generation with samples that its centroids do not have yet.
type growing struct {
	generation
	added []uint64
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// merged returns the generations of v with the samples of its packs, and the
// largest key in them.
func (h *History) merged(v *value) ([]*generation, uint64) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if s.digest == nil || s.digest.Compression != h.compression {
		s.digest = tdigest.NewWithCompression(h.compression)
	}
	s.growing = s.growing[:0]
	for _, g := range v.generations {
		s.grow(*g)
	}
	newest := v.merged
	for _, p := range v.packs {
		s.place(p, &h.bounds)
		newest = max(newest, p.newest)
		if s.growing[len(s.growing)-1].counts.Samples >= h.window/generations {
			s.grow(generation{begin: newest})
		}
	}
	kept := len(s.growing)
	for n := 0; kept > 1; kept-- {
		if n += s.growing[kept-1].counts.Samples; n+s.growing[kept-2].counts.Samples > h.window {
			break
		}
	}
	next := make([]*generation, 0, len(s.growing)-kept+1)
	for i := range s.growing[kept-1:] {
		g := &s.growing[kept-1+i]
		if at := kept - 1 + i; len(g.added) == 0 && at < len(v.generations) {
			next = append(next, v.generations[at])
		} else {
			next = append(next, s.digested(g))
		}
		g.generation = generation{} // the pool must not keep its centroids
	}
	clear(s.growing[:kept-1])
	return next, newest
}

// grow adds a generation to those that grow, behind the others.
func (s *scratch) grow(g generation) {
	n := len(s.growing)
	s.growing = slices.Grow(s.growing, 1)[:n+1]
	s.growing[n].generation = g
	s.growing[n].added = s.growing[n].added[:0]
}

// place adds the samples of a pack to the generations of their keys. It leaves
// out samples that are older than all generations.
func (s *scratch) place(p *pack, b *Bounds) {
	last := &s.growing[len(s.growing)-1]
	if p.oldest >= last.begin {
		last.counts.addAll(p.counts)
		for _, sample := range p.samples {
			last.added = append(last.added, sample&Duration)
		}
		return
	}
	for i, sample := range p.samples {
		for j := range slices.Backward(s.growing) {
			if g := &s.growing[j]; p.key(i) >= g.begin {
				g.counts.add(sample, b)
				g.added = append(g.added, sample&Duration)
				break
			}
		}
	}
}

// digested returns the generation with the centroids of all its samples. The
// digest gets them in ascending order, because it sorts these fastest.
func (s *scratch) digested(g *growing) *generation {
	s.digest.Reset()
	s.sorted.Set(g.added)
	added := s.sorted.All()
	upTo := uint32(0)
	for i, mean := range g.means {
		for len(added) > 0 && added[0] < mean {
			s.digest.Add(float64(added[0]), 1)
			added = added[1:]
		}
		s.digest.Add(float64(mean), float64(g.upTo[i]-upTo))
		upTo = g.upTo[i]
	}
	for _, d := range added {
		s.digest.Add(float64(d), 1)
	}
	s.centroids = s.digest.Centroids(s.centroids[:0])
	next := &generation{
		begin:  g.begin,
		counts: g.counts,
		means:  make([]uint64, len(s.centroids)),
		upTo:   make([]uint32, len(s.centroids)),
	}
	upTo = 0
	for i, c := range s.centroids {
		upTo += uint32(c.Weight)
		next.means[i] = min(max(uint64(math.Round(c.Mean)), g.counts.Min), g.counts.Max)
		next.upTo[i] = upTo
	}
	return next
}
