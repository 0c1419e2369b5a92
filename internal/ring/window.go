package ring

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// Reader copies windows into buffers that it keeps. The zero value is ready; it is for one goroutine at a time.
type Reader struct {
	words   []Sample        // the first shard's slots
	stamped []stampedSample // the cores' samples, the newest first
	window  []Sample        // what both make together
	digest  *tdigest.TDigest
}

// stampedSample is a sample of a core's shard.
type stampedSample struct {
	age    uint64 // nanoseconds before the read
	back   uint64 // how far it is behind its shard's head, in slots
	sample Sample
}

// Window returns a copy of the ring's window, in no order, and its newest sample; the zero Sample when it is empty. It
// never stops a writer. Every record that returned before the call is in it, unless a whole window is newer. While
// records are under way, one that was held up between its ticket and its sample leaves its slot to the sample of a lap
// before; and the slots are not copied at one instant when others are written all the while. The copy is valid until
// the next call.
func (b *Reader) Window(r *Ring) (window []Sample, newest Sample) {
	b.stamped = b.stamped[:0]
	if r.Sharded() {
		b.copyCores(r)
	}
	words, head := b.copyFirst(r)
	if len(b.stamped) == 0 {
		for newest = range newestFirst(words, r.geometry, head) {
			break
		}
		if r.lap(head) < untaggedLaps {
			words = slices.DeleteFunc(words, func(s Sample) bool { return s == 0 })
		}
		return words, newest
	}

	b.window = b.window[:0]
	for _, s := range b.stamped[:min(len(r.slots), len(b.stamped))] {
		b.window = append(b.window, s.sample)
	}
	for sample := range newestFirst(words, r.geometry, head) { // older than everything stamped
		if len(b.window) == len(r.slots) {
			break
		}
		b.window = append(b.window, sample)
	}
	return b.window, b.window[0]
}

// copyFirst copies the slots of the first shard that have had a ticket, again when tickets were taken meanwhile, and
// returns the head behind the copy.
func (b *Reader) copyFirst(r *Ring) (words []Sample, head uint64) {
	for range attempts {
		before := r.first.head.Load() &^ flags
		n := len(r.slots)
		if r.lap(before) == 1 {
			n = int(r.slot(before))
		}
		words = slices.Grow(b.words[:0], n)[:n]
		for i := range words {
			words[i] = Sample(r.slots[i].Load())
		}
		b.words = words
		if head = r.first.head.Load() &^ flags; head == before {
			break
		}
	}
	return words, head
}

// newestFirst yields the samples that a copy of slots has, by their tickets before head, the newest first; behind them
// those of earlier laps in slots whose writers are under way. It skips slots that were never written.
func newestFirst(words []Sample, g geometry, head uint64) iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		for _, ofTicket := range [...]bool{true, false} {
			for at, n := head, uint64(0); n < g.size() && at > g.start(); n++ {
				at = g.before(at)
				i := g.slot(at)
				if i >= uint64(len(words)) || words[i] == 0 && g.lap(at) < untaggedLaps {
					continue
				}
				if (words[i].lapped(g.lap(at)) == 0) == ofTicket && !yield(words[i]) {
					return
				}
			}
		}
	}
}

// copyCores copies the samples of the cores' shards and puts them in order, the newest first.
func (b *Reader) copyCores(r *Ring) {
	for s := range r.coreShards() {
		head := s.head.Load()
		n := s.size()
		if s.lap(head) == 1 {
			n = s.slot(head)
		}
		for i := range n {
			slot := &s.slots[i]
			sample := slot.sample.Load()
			stamp := slot.stamp.Load()
			if stamp == 0 || stamp>>stampShift != uint64(sample)>>lapShift&127 || slot.sample.Load() != sample {
				continue // between two samples: the older is not among the newest, the newer has not been recorded yet
			}
			back := s.slot(head) + s.size() - 1 - i
			if i < s.slot(head) {
				back -= s.size()
			}
			b.stamped = append(b.stamped, stampedSample{age: stamp & timeMask, back: back, sample: Sample(sample)})
		}
	}
	now := uint64(clock.Now()) // after every stamp that was copied, so that no age is negative
	for i := range b.stamped {
		b.stamped[i].age = (now - b.stamped[i].age) & timeMask
	}
	slices.SortFunc(b.stamped, func(x, y stampedSample) int {
		return cmp.Or(cmp.Compare(x.age, y.age), cmp.Compare(x.back, y.back))
	})
}

// Digest returns the window of a ring that is kept as t-digests, and its quantiles. They are valid until the next call.
func (b *Reader) Digest(r *Ring) (View, func(q float64) uint64) {
	if b.digest == nil || b.digest.Compression != r.stream.compression {
		b.digest = tdigest.NewWithCompression(r.stream.compression)
	}
	v := r.stream.view(b.digest)
	return v, func(q float64) uint64 {
		switch {
		case !(q > 0):
			return v.Min
		case q >= 1:
			return v.Max
		}
		return min(max(uint64(math.Round(b.digest.Quantile(q))), v.Min), v.Max)
	}
}
