package ring

import (
	"cmp"
	"slices"

	"github.com/influxdata/tdigest"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/nearest"
)

// Reader copies windows into buffers that it keeps. The zero value is ready; it is for one goroutine at a time.
type Reader struct {
	words   []Sample        // the first shard's slots
	stamped []stampedSample // the cores' samples, the newest first
	window  []Sample        // what both make together
	digest  *tdigest.TDigest
	raw     []uint64 // samples of a stream that are not in the digest yet
}

// stampedSample is a sample of a core's shard.
type stampedSample struct {
	age    uint64 // nanoseconds before the read
	back   uint64 // how far it is behind its shard's head, in slots
	sample Sample
}

// Window returns a copy of the ring's window, in no order, and its newest sample; the zero Sample when it is empty. It
// never stops a writer. Every record that returned before the call is in it, unless a whole window of tickets is newer.
// While records are under way, one that was held up between its ticket and its sample leaves its slot to the sample of
// a lap before; and the slots are not copied at one instant when others are written all the while. The copy is valid
// until the next call.
func (b *Reader) Window(r *Ring) (window []Sample, newest Sample) {
	b.stamped = b.stamped[:0]
	if r.Sharded() {
		b.copyCores(r)
	}
	words, head := b.copyFirst(r)
	if len(b.stamped) == 0 {
		newestFirst(words, r.geometry, head, func(s Sample) bool {
			newest = s
			return false
		})
		return slices.DeleteFunc(words, func(s Sample) bool { return s == 0 }), newest
	}

	b.window = b.window[:0]
	for _, s := range b.stamped[:min(len(r.slots), len(b.stamped))] {
		b.window = append(b.window, s.sample)
	}
	if len(b.window) < len(r.slots) {
		newestFirst(words, r.geometry, head, func(s Sample) bool { // older than everything stamped
			b.window = append(b.window, s)
			return len(b.window) < len(r.slots)
		})
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

// newestFirst calls yield with the samples that a copy of slots has, by their tickets before head, the newest first: those of
// their slots' newest tickets, then those a lap behind, whose slots' writers were under way or came after the copy, and
// so on, until yield returns false. It skips slots that were never written.
func newestFirst(words []Sample, g geometry, head uint64, yield func(Sample) bool) {
	const none = lapCycle
	for behind := uint64(0); behind != none; {
		next := uint64(none)
		for at, n := head, uint64(0); n < g.size() && at > g.start(); n++ {
			at = g.before(at)
			i := g.slot(at)
			if i >= uint64(len(words)) || words[i] == 0 {
				continue
			}
			switch lapped := words[i].lapped(g.lap(at)); {
			case lapped == behind:
				if !yield(words[i]) {
					return
				}
			case lapped > behind:
				next = min(next, lapped)
			}
		}
		behind = next
	}
}

// copyCores copies the samples of the cores' shards and puts them in order, the newest first.
func (b *Reader) copyCores(r *Ring) {
	for s := range r.coreShards() {
		begun := len(b.stamped)
		n := s.size()
		if head := s.head.Load(); s.lap(head) == 1 {
			n = s.slot(head)
		}
		for i := range n {
			if stamp, sample, ok := s.slots[i].load(); ok {
				b.stamped = append(b.stamped, stampedSample{age: stamp & timeMask, back: i, sample: sample})
			}
		}
		head := s.head.Load() // behind everything that was copied
		for j := range b.stamped[begun:] {
			at := &b.stamped[begun+j]
			i := at.back
			at.back = (s.slot(head)+s.size()-1-i)%s.size() + at.sample.lapped(s.owner(head, i))*s.size()
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

// Digest returns the window of a ring that is kept as t-digests.
func (b *Reader) Digest(r *Ring) View {
	if b.digest == nil || b.digest.Compression != r.stream.compression {
		b.digest = tdigest.NewWithCompression(r.stream.compression)
	}
	v := r.stream.view(b)
	if v.Exact {
		slices.Sort(b.raw)
	}
	return v
}

// Raw returns the durations of the window that the last call of Digest returned, if that is Exact, in ascending order.
func (b *Reader) Raw() []uint64 { return b.raw }

// Quantile returns a quantile of the window that the last call of Digest returned; there must be a sample.
func (b *Reader) Quantile(v *View, q float64) uint64 {
	if v.Exact {
		return b.raw[nearest.Rank(q, len(b.raw))-1]
	}
	return v.quantile(b.digest, q)
}

// Centroids returns a copy of the centroids of a window that is not Exact, by mean, in nanoseconds.
func (b *Reader) Centroids() tdigest.CentroidList { return b.digest.Centroids(nil) }

// load returns a slot's stamp and sample. Between two samples they do not belong together: then it tries again, in case
// it was the reader that was held up. A writer that is held up there has not returned yet; the sample before it is not
// among the newest, as long as no more such writers than there are spare slots are in one shard.
func (s *stampedSlot) load() (stamp uint64, sample Sample, ok bool) {
	for range attempts {
		word := s.sample.Load()
		stamp = s.stamp.Load()
		if stamp != 0 && stamp>>stampShift == word>>lapShift&127 && s.sample.Load() == word {
			return stamp, Sample(word), true
		}
	}
	return 0, 0, false
}
