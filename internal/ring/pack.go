package ring

import (
	"math"
	"math/bits"

	"github.com/influxdata/tdigest"
)

// pack is what a segment, or several, come to. It never changes.
type pack struct {
	centroids tdigest.CentroidList // by mean, in nanoseconds
	raw       []uint64             // in place of centroids, in what peek returns: the durations, in no order
	samples   int
	failures  int
	min, max  uint64
	newest    stamped
}

// note counts a sample.
func (p *pack) note(at stamped) {
	d := at.sample.Duration()
	if p.samples == 0 {
		p.min, p.max = d, d
	}
	p.min, p.max = min(p.min, d), max(p.max, d)
	p.samples++
	if at.sample.Failed() {
		p.failures++
	}
	p.newest = newer(p.newest, at)
}

// packing makes a pack of a segment that has another behind it, in steps of bounded length, so that a recorder who has
// to do it is never held up for long. The samples are copied, sorted digit by digit from the lowest in which they differ
// (a radix sort), and grouped. Several may pack one segment at once: they come to the same. The zero value is ready.
type packing struct {
	segment     *segment // nil when there is nothing to do
	compression float64
	result      *pack

	phase   phase
	next    int      // the first key that the phase has not done
	keys    []uint64 // durations
	other   []uint64 // where sorting puts them
	differ  uint64   // the bits in which some keys differ
	digit   int      // the lowest bit of the digit by which they are being sorted
	places  [1 << digitBits]uint16
	grouped int // keys that are in centroids
}

// phase is what is done with every key in turn.
type phase uint8

const (
	copying  phase = iota
	counting       // how many keys have each digit
	placing        // each key where those with its digit go
	grouping
)

const (
	digitBits = 8
	stepKeys  = 64 // of a step
)

func (p *packing) start(s *segment, compression float64) {
	n := int(s.filled.Load())
	if cap(p.keys) < n {
		p.keys, p.other = make([]uint64, n), make([]uint64, n)
	}
	p.segment, p.compression = s, compression
	p.result = &pack{centroids: make(tdigest.CentroidList, 0, min(n, int(3*compression)))}
	p.phase, p.next, p.keys, p.other, p.differ, p.grouped = copying, 0, p.keys[:n], p.other[:n], 0, 0
}

// step does the next step, if there is something to do.
func (p *packing) step() {
	if p.segment == nil {
		return
	}
	if p.segment.packed.Load() != nil { // by somebody else
		p.segment, p.result = nil, nil
		return
	}
	from, to := p.next, min(p.next+stepKeys, len(p.keys))
	switch p.phase {
	case copying:
		for i := from; i < to; i++ {
			at := p.segment.at(i)
			p.result.note(at)
			p.keys[i] = at.sample.Duration()
			p.differ |= p.keys[i] ^ p.keys[0]
		}
	case counting:
		for _, key := range p.keys[from:to] {
			p.places[uint8(key>>p.digit)]++
		}
	case placing:
		for _, key := range p.keys[from:to] {
			place := &p.places[uint8(key>>p.digit)]
			p.other[*place] = key
			*place++
		}
	case grouping:
		p.group(to)
	}
	if p.next = to; to == len(p.keys) {
		p.turn()
	}
}

// turn goes on to the phase that follows one that is done.
func (p *packing) turn() {
	p.next = 0
	switch p.phase {
	case copying:
		p.digit = 0
	case counting:
		place := uint16(0)
		for i, n := range p.places {
			p.places[i] = place
			place += n
		}
		p.phase = placing
		return
	case placing:
		p.keys, p.other = p.other, p.keys
		p.digit += digitBits
	case grouping:
		p.segment.packed.CompareAndSwap(nil, p.result)
		p.segment, p.result = nil, nil
		return
	}
	if rest := p.differ >> p.digit; rest != 0 {
		p.digit += bits.TrailingZeros64(rest)
		p.phase = counting
		clear(p.places[:])
	} else {
		p.phase = grouping
	}
}

// finish does what is left to do.
func (p *packing) finish() {
	for p.segment != nil {
		p.step()
	}
}

// group makes centroids of the sorted keys, to at least key number to: about half as many as a digest of that compression
// would have, by the same scale function (k1 of Dunning and Ertl, "Computing Extremely Accurate Quantiles Using
// t-Digests", 2019). A segment is little of a generation, so little is lost here beside what the digest of the
// generation loses.
func (p *packing) group(to int) {
	n := float64(len(p.keys))
	for p.grouped < to {
		q := (float64(p.grouped) + 0.5) / n
		size := int(2 * n * math.Pi / p.compression * math.Sqrt(q*(1-q)))
		size = max(1, min(size, len(p.keys)-p.grouped))
		sum := 0.0
		for _, key := range p.keys[p.grouped : p.grouped+size] {
			sum += float64(key)
		}
		p.result.centroids = append(p.result.centroids, tdigest.Centroid{Mean: sum / float64(size), Weight: float64(size)})
		p.grouped += size
	}
}
