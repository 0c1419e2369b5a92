package ring

import (
	"cmp"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Reader copies windows into buffers that it keeps. The zero value is ready; it is for one goroutine at a time.
type Reader struct {
	words   []Sample        // the first shard's slots
	stamped []stampedSample // the cores' samples, the newest first
	window  []Sample        // what both make together
	large   history.Reader  // of a large window
}

// stampedSample is a sample of a core's shard.
type stampedSample struct {
	age    uint64 // nanoseconds before the read, modulo 2^58
	behind uint64 // how far it is behind its shard's head, in slots
	sample Sample
}

// Window returns a copy of the ring's window, in no order, and its newest sample; the zero Sample when it is empty. It
// never stops a writer. Every record that returned before the call is in it, unless a whole window of records is newer; and
// none of them is newer than the newest sample, unless eight records or more overtake the read. While records overtake it
// again and again, the slots are not copied at one instant.
func (b *Reader) Window(r *Ring) (window []Sample, newest Sample) {
	b.stamped = b.stamped[:0]
	if r.Sharded() {
		b.copyCores(r)
	}
	words, head := b.copyFirst(r)
	if len(b.stamped) == 0 {
		switch under := r.slot(head); { // of the record under way, if there is one: it may be in the copy
		case under < uint64(len(words)) && words[under].of(r.lap(head)):
			newest = words[under]
		case len(words) > 0:
			newest = words[r.newest(head)]
		}
		return words, newest
	}

	b.window = b.window[:0]
	for _, s := range b.stamped[:min(len(r.slots), len(b.stamped))] {
		b.window = append(b.window, s.sample)
	}
	older := uint64(len(r.slots) - len(b.window)) // the first shard's samples are older than everything stamped
	for i, sample := range words {
		if r.behind(head, uint64(i)) <= older {
			b.window = append(b.window, sample)
		}
	}
	return b.window, b.window[0]
}

// copyFirst copies the slots of the first shard, again when records came meanwhile, and returns the head that the copy
// began with: what was behind it then is in the copy, or something newer.
func (b *Reader) copyFirst(r *Ring) (words []Sample, head uint64) {
	for range attempts {
		head = r.first.head.Load() &^ flags
		n := min(int(r.written(head))+1, len(r.slots)) // with that of a record under way
		words = slices.Grow(b.words[:0], n)[:n]
		for i := range words {
			step.At(step.Reading)
			words[i] = Sample(r.slots[i].Load())
		}
		if words[n-1] == 0 {
			words = words[:n-1]
		}
		b.words = words
		step.At(step.Reading)
		if r.first.head.Load()&^flags == head {
			break
		}
	}
	return words, head
}

// copyCores copies the samples of the cores' shards and puts them in order, the newest first.
func (b *Reader) copyCores(r *Ring) {
	for s := range r.cores.Load().all {
		begun := len(b.stamped)
		for range attempts {
			b.stamped = b.stamped[:begun]
			if b.copyCore(s) {
				break
			}
		}
		step.At(step.Reading)
		head := s.head.Load()
		for i := range b.stamped[begun:] {
			at := &b.stamped[begun+i]
			at.behind = s.behind(head, at.behind)
		}
	}
	now := uint64(clock.Now()) << timeShift // after every stamp that was copied, so that no age is negative
	for i := range b.stamped {
		b.stamped[i].age = (now - b.stamped[i].age&^tagMask) >> timeShift
	}
	slices.SortFunc(b.stamped, func(x, y stampedSample) int {
		return cmp.Or(cmp.Compare(x.age, y.age), cmp.Compare(x.behind, y.behind))
	})
}

// copyCore copies the samples of one core's shard, each with its stamp as its age and its slot as how far it is behind. It
// reports false when it could not copy one that was not the oldest: then records came meanwhile, and what was copied before
// may be older than that one.
func (b *Reader) copyCore(s *coreShard) bool {
	head := s.head.Load()
	whole := true
	for i := range s.written(head) {
		step.At(step.Reading)
		if stamp, sample, ok := s.slots[i].load(); ok {
			b.stamped = append(b.stamped, stampedSample{age: stamp, behind: i, sample: sample})
		} else if i != s.slot(head) {
			whole = false
		}
	}
	return whole
}

// load returns a slot's stamp and sample, unless records are being written there all the while. The sample before the first
// of them is not among the newest: the shard has a slot more than the window.
func (s *stampedSlot) load() (stamp uint64, sample Sample, ok bool) {
	for range attempts {
		stamp = s.stamp.Load()
		step.At(step.Reading)
		sample = Sample(s.sample.Load())
		step.At(step.Reading)
		if sample.of(stamp) && s.stamp.Load() == stamp {
			return stamp, sample, true
		}
	}
	return 0, 0, false
}
