package ring

import (
	"math"
	"math/bits"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// pack is what a segment, or several, come to. It never changes.
type pack struct {
	centroids []centroid // by mean
	samples   int
	failures  int
	min, max  uint64
	newest    stamped
}

// note counts a sample.
func (p *pack) note(s Sample) {
	d := s.Duration()
	if p.samples == 0 {
		p.min, p.max = d, d
	}
	p.min, p.max = min(p.min, d), max(p.max, d)
	p.samples++
	if s.Failed() {
		p.failures++
	}
}

// packing makes a pack of segments that have others behind them, in steps of bounded length, so that a recorder who has
// to do it is never held up for long. The samples are copied, sorted digit by digit from the lowest in which they differ
// (a radix sort), and grouped. The zero value has nothing to do.
type packing struct {
	segments    []*segment // that are not copied yet
	compression float64
	result      pack

	phase   phase
	next    int      // the first key, or slot of a segment, that the phase has not done
	keys    []uint64 // durations
	other   []uint64 // where sorting puts them
	differ  uint64   // the bits in which some keys differ
	digit   int      // the lowest bit of the digit by which they are being sorted
	places  [1 << digitBits]uint16
	grouped int        // keys that are in groups
	groups  []centroid // of the result
}

// phase is what is done with every key in turn.
type phase uint8

const (
	nothing  phase = iota
	copying        // the samples to keys
	counting       // how many keys have each digit
	placing        // each key where those with its digit go
	grouping
)

const (
	digitBits  = 8
	stepKeys   = 64 // of a step: takes 100 to 300 ns
	stepGroups = 16 // of a step of grouping: takes as long
)

// start begins with segments of at most 65,535 samples in all.
func (p *packing) start(compression float64, segments ...*segment) {
	p.segments, p.compression, p.result = append(p.segments[:0], segments...), compression, pack{}
	p.phase, p.next, p.differ, p.grouped, p.groups = copying, 0, 0, 0, p.groups[:0]
	samples := 0
	for _, s := range segments {
		samples += int(s.filled.Load())
	}
	p.keys = slices.Grow(p.keys[:0], samples)
}

// step does the next step, if there is something to do, and reports whether it was the last: then there is a result.
func (p *packing) step() (done bool) {
	from, to := p.next, min(p.next+stepKeys, len(p.keys))
	switch p.phase {
	case nothing:
		return false
	case copying:
		p.copy()
		return false
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
		to = p.group(to)
	}
	if p.next = to; to < len(p.keys) {
		return false
	}
	return p.turn()
}

// copy copies samples of the first segment.
func (p *packing) copy() {
	s := p.segments[0]
	filled := int(s.filled.Load())
	for end := min(p.next+stepKeys, filled); p.next < end; p.next++ {
		step.At(step.Reading)
		at := Sample(s.slots[p.next].Load())
		p.result.note(at)
		p.keys = append(p.keys, at.Duration())
		p.differ |= p.keys[len(p.keys)-1] ^ p.keys[0]
	}
	if p.next < filled {
		return
	}
	newest, _ := s.newest()
	p.result.newest = newer(p.result.newest, newest)
	p.next = 0
	if p.segments = p.segments[1:]; len(p.segments) > 0 {
		return
	}
	p.other = slices.Grow(p.other[:0], len(p.keys))[:len(p.keys)]
	p.digit = 0
	p.sortOn()
}

// turn goes on to the phase that follows one that is done.
func (p *packing) turn() (done bool) {
	p.next = 0
	switch p.phase {
	case counting:
		place := uint16(0)
		for i, n := range p.places {
			p.places[i] = place
			place += n
		}
		p.phase = placing
	case placing:
		p.keys, p.other = p.other, p.keys
		p.digit += digitBits
		p.sortOn()
	case grouping:
		p.phase = nothing
		return true
	}
	return false
}

// sortOn goes on to the next digit in which keys differ, or to grouping.
func (p *packing) sortOn() {
	if rest := p.differ >> p.digit; rest != 0 {
		p.digit += bits.TrailingZeros64(rest)
		p.phase = counting
		clear(p.places[:])
	} else {
		p.phase = grouping
	}
}

// finish does what is left to do.
func (p *packing) finish() *pack {
	for p.phase != nothing {
		p.step()
	}
	return p.take()
}

// take returns the result.
func (p *packing) take() *pack {
	result := p.result
	result.centroids = slices.Clone(p.groups)
	return &result
}

// group makes centroids of the sorted keys, to key number to, a little farther, or as far as a step goes, and returns up to
// which: about half as many as a digest of that compression would have, by the same scale function (k1 of Dunning and Ertl,
// "Computing Extremely Accurate Quantiles Using t-Digests", 2019). A pack is little of a generation, so little is lost here
// beside what the digest of the generation loses.
func (p *packing) group(to int) int {
	n := float64(len(p.keys))
	for g := 0; g < stepGroups && p.grouped < to; g++ {
		q := (float64(p.grouped) + 0.5) / n
		size := int(2 * n * math.Pi / p.compression * math.Sqrt(q*(1-q)))
		size = max(1, min(size, len(p.keys)-p.grouped))
		sum := 0.0
		for _, key := range p.keys[p.grouped : p.grouped+size] {
			sum += float64(key)
		}
		p.groups = append(p.groups, newCentroid(sum/float64(size), uint32(size)))
		p.grouped += size
	}
	return p.grouped
}
