package ring

import (
	"math"
	"slices"
	"sync/atomic"

	"github.com/influxdata/tdigest"
)

// segment is a run of samples of one lane, in the order of their tickets. A lane is a chain of them: the newest takes
// tickets, the others wait to be folded.
type segment struct {
	prev atomic.Pointer[segment] // the one before it in its lane; nil once that has been folded
	seq  uint64                  // its number in the lane, from 1
	base uint64                  // the number in the lane of its first ticket
	end  end

	head   atomic.Uint64   // the next slot to be ticketed; SEALED when there will be none
	slots  []atomic.Uint64 // of Sample; 0 while the ticket's writer is under way, absent if it was too late
	stamps []atomic.Uint64 // of the samples; written before them. nil in the first lane, where tickets tell the order.

	packed atomic.Pointer[pack] // what pack has made of a segment that takes no tickets any more
}

// end tells what a segment without slots stands for, at the end of a lane.
type end uint8

const (
	open       end = iota // not an end
	endSharded            // the recorders have gone to the cores' lanes
	endClosed             // the stream is closed
)

// absent is in the slot of a writer that was under way when its segment was packed. It puts its sample among the strays.
const absent = ^uint64(0)

// sealed in the head of a segment says that no ticket will be taken any more.
const sealed = 1 << 63

func newSegment(size int, stamped bool) *segment {
	s := &segment{slots: make([]atomic.Uint64, wholeLines(size))[:size:size]}
	if stamped {
		s.stamps = make([]atomic.Uint64, wholeLines(size))[:size:size]
	}
	return s
}

// issued returns how many tickets of the segment have been taken.
func (s *segment) issued() int { return int(min(s.head.Load()&^sealed, uint64(len(s.slots)))) }

// take takes a ticket; ok is false when there is none left, and lost when another recorder was faster.
func (s *segment) take() (slot uint64, ok, lost bool) {
	slot = s.head.Load()
	if slot >= uint64(len(s.slots)) {
		return 0, false, false
	}
	if !s.head.CompareAndSwap(slot, slot+1) {
		return 0, false, true
	}
	return slot, true, false
}

// pack is what a folded segment, or several, come to. It never changes.
type pack struct {
	centroids tdigest.CentroidList // by mean, in nanoseconds
	raw       []uint64             // in place of centroids, in what peek returns: the durations, in no order
	samples   int
	failures  int
	absent    int // tickets whose samples are among the strays
	min, max  uint64
	newest    stamped
}

// stamped is a sample with its place in the order of all: by its stamp, which is 0 in the first lane, and where stamps
// are equal by its ticket.
type stamped struct {
	stamp, ticket uint64
	sample        Sample
}

// newer returns the newer of two, of which either may be none.
func newer(a, b stamped) stamped {
	if a.sample == 0 || b.sample != 0 && (b.stamp > a.stamp || b.stamp == a.stamp && b.ticket >= a.ticket) {
		return b
	}
	return a
}

// pack returns the samples of a segment that has another behind it, as centroids. It takes no tickets from now on; slots
// whose writers are under way are made absent. Several may pack one segment at once: what its slots say in the end is
// the same for all.
func (s *segment) pack(buffer *packer, compression float64) *pack {
	if p := s.packed.Load(); p != nil {
		return p
	}
	s.head.Or(sealed) // before issued: whoever put the next segment there may not have come to it yet
	p := &pack{}
	buffer.sorted = buffer.sorted[:0]
	for i := range s.issued() {
		sample := s.slots[i].Load()
		if sample == 0 {
			s.slots[i].CompareAndSwap(0, absent)
			sample = s.slots[i].Load()
		}
		if sample == absent {
			p.absent++
			continue
		}
		p.note(s.stamped(i, Sample(sample)))
		buffer.sorted = append(buffer.sorted, Sample(sample).Duration())
	}
	if p.samples > 0 {
		slices.Sort(buffer.sorted)
		p.min, p.max = buffer.sorted[0], buffer.sorted[p.samples-1]
		p.centroids = group(buffer.sorted, compression)
	}
	s.packed.CompareAndSwap(nil, p)
	return s.packed.Load()
}

// stamped returns the sample of a slot with its place.
func (s *segment) stamped(slot int, sample Sample) stamped {
	at := stamped{ticket: s.base + uint64(slot), sample: sample}
	if s.stamps != nil {
		at.stamp = s.stamps[slot].Load()
	}
	return at
}

// time returns the stamp of the oldest sample; 0 in the first lane, and where there is none.
func (s *segment) time() uint64 {
	for i := range s.stamps {
		if stamp := s.stamps[i].Load(); stamp != 0 {
			return stamp
		}
	}
	return 0
}

// note counts a sample.
func (p *pack) note(at stamped) {
	p.samples++
	if at.sample.Failed() {
		p.failures++
	}
	p.newest = newer(p.newest, at)
}

// packer has the buffers of packing and folding.
type packer struct {
	sorted  []uint64
	digest  *tdigest.TDigest
	scratch tdigest.CentroidList
}

// group makes centroids of sorted durations: about half as many as a digest of that compression would have, by the same
// scale function (k1 of Dunning and Ertl, "Computing Extremely Accurate Quantiles Using t-Digests", 2019). A segment is
// little of a generation, so little is lost here beside what the digest of the generation loses.
func group(sorted []uint64, compression float64) tdigest.CentroidList {
	n := float64(len(sorted))
	groups := make(tdigest.CentroidList, 0, min(len(sorted), int(3*compression)))
	for i := 0; i < len(sorted); {
		q := (float64(i) + 0.5) / n
		size := max(1, min(int(2*n*math.Pi/compression*math.Sqrt(q*(1-q))), len(sorted)-i))
		sum := 0.0
		for _, d := range sorted[i : i+size] {
			sum += float64(d)
		}
		groups = append(groups, tdigest.Centroid{Mean: sum / float64(size), Weight: float64(size)})
		i += size
	}
	return groups
}
