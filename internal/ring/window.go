package ring

import (
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Reader copies windows into its buffers. The zero value is ready. A Reader is
// for one goroutine at a time.
type Reader struct {
	words  []Sample       // the first shard's slots
	copies []*shardCopy   // by the indices of the shards
	window []Sample       // of a spread ring
	rounds int            // how often the last call of Window copied the slots
	marks  []uint64       // by the index of a shard, decisive at Mark plus 1; 0 for no shard
	large  history.Reader // of a large window
}

// Window returns a copy of the ring's window, in no order, and its newest
// sample. Both are empty if the ring has no sample. The window is the window of
// one moment between the call and its return, even if records overtake the
// copy. Window stops no recorder. It copies again until no core recorded a
// whole window during the copy.
func (b *Reader) Window(r *Ring) (window []Sample, newest Sample) {
	for b.rounds = 1; ; b.rounds++ {
		if r.Sharded() {
			return b.spreadWindow(r)
		}
		words, end, ok := b.copyFirst(r)
		step.At(step.Reading)
		// If a record spread the ring, the first shard is not all of the
		// window.
		if !ok || r.Sharded() {
			continue
		}
		if end == 0 {
			return nil, 0
		}
		return words, words[(end-1)%r.size()]
	}
}

// Owned returns a copy of the window of a ring that is not spread, in no order.
// The caller owns the first shard. If it is a recorder, it has stored its sample
// there. Otherwise the slot under way has an old sample or none.
func (b *Reader) Owned(r *Ring) []Sample {
	b.words = b.words[:0]
	for i := range min(r.begun(r.first.head.Load()), r.size()) {
		if s := Sample(r.slots[i].Load()); s != 0 {
			b.words = append(b.words, s)
		}
	}
	return b.words
}

// copyFirst copies the window of the first shard. Records are numbered from 0,
// and the copy has the newest samples before the ordinal end. copyFirst reports
// false if a whole window of records overtook the copy.
//
// The reader copies all slots, loads the head, and copies the slots again that
// were written meanwhile. The record under way may have overwritten the oldest
// sample. Then its own sample is in the copy. No other slot can change, unless
// the recorders go once around the shard. The last load of the head tells
// whether they did.
func (b *Reader) copyFirst(r *Ring) (words []Sample, end uint64, ok bool) {
	size := r.size()
	begin := r.ended(r.first.head.Load())
	slots := r.slots[:min(begin, size)]
	words = slices.Grow(b.words[:0], int(size))[:len(slots)]
	b.words = words
	for i := range slots {
		step.At(step.Reading)
		words[i] = Sample(slots[i].Load())
	}
	step.At(step.Reading)
	head := r.first.head.Load() &^ flags
	end = r.ended(head)
	if end-begin > size {
		return nil, 0, false
	}
	words = words[:min(end, size)]
	at := begin % size
	for range end - begin {
		step.At(step.Reading)
		words[at] = Sample(r.slots[at].Load())
		if at++; at == size {
			at = 0
		}
	}
	step.At(step.Reading)
	ok = r.begun(r.first.head.Load()) <= begin+size
	if end >= size && words[at].tag() == tagOf(head) {
		end++ // the copy has the sample of the record under way
	}
	return words, end, ok
}

// shardCopy is a copy of a core's samples between two ordinals, in the order of
// records. Records of a shard are numbered from 0.
type shardCopy struct {
	from, to uint64
	settled  uint64 // samples before this ordinal were there before the round's time was read
	samples  []stampedSample
	at       uint64 // the next ordinal to merge is at-1
}

type stampedSample struct {
	stamp  int64 // nanoseconds of the monotonic clock
	sample Sample
}

func (c *shardCopy) sample(ordinal uint64) *stampedSample { return &c.samples[ordinal-c.from] }

// follow copies the samples that the shard got since the last round, at most a
// window of them. The copy keeps the older samples that it has, so it may hold
// more than the shard. follow drops all samples before a gap. A gap arises if
// the shard got more than a window since the last round, or if its recorders
// overwrote slots while the reader copied them.
func (c *shardCopy) follow(s *coreShard, window uint64) {
	size := s.size()
	end := s.ended(s.head.Load())
	begin := max(c.to, end-min(end, window))
	c.settled = c.to
	if begin > c.to {
		c.from, c.samples = begin, c.samples[:0]
	}
	c.samples = slices.Grow(c.samples, int(end-begin))
	at := begin % size
	for range end - begin {
		step.At(step.Reading)
		stamp := int64(s.slots[at].stamp.Load())
		step.At(step.Reading)
		c.samples = append(c.samples, stampedSample{stamp, Sample(s.slots[at].sample.Load())})
		if at++; at == size {
			at = 0
		}
	}
	c.to = end
	step.At(step.Reading)
	// The record with the ordinal i+size overwrites the slot of the record i.
	if begun := s.begun(s.head.Load()); begun > size && begun-size > begin {
		whole := min(begun-size, end)
		// A subslice would give up capacity, and the next read would allocate.
		c.samples = c.samples[:copy(c.samples, c.samples[whole-c.from:])]
		c.from = whole
	}
}

// skip moves on to the newest sample that belongs to the moment now. A sample
// that the reader found before it read the clock belongs to it. Any other
// sample belongs to it if its stamp is not later.
func (c *shardCopy) skip(now int64) {
	for c.at = c.to; c.at > max(c.from, c.settled) && c.sample(c.at-1).stamp > now; c.at-- {
	}
}

// later reports whether the next sample of c is newer than that of d.
func (c *shardCopy) later(d *shardCopy) bool { return c.sample(c.at-1).stamp > d.sample(d.at-1).stamp }

// spreadWindow is Window of a spread ring.
//
// The first round copies every shard. Each round after it reads the clock,
// copies what the shards got since the round before, and leaves out samples
// with later stamps. So the window is that of the moment at which the clock
// was read. Every record that returned before the moment has an earlier stamp,
// and the reader loads the head of its shard after the moment. If the window
// has a record, then the reader also found every record that had returned
// before that one began. See "Stamps" in the package's comment.
//
// The copies hold more samples than the shards do, so that the newest window up
// to the moment is there. If one core recorded a whole window within a round,
// the merge may need a sample that is gone. Then there is another round.
func (b *Reader) spreadWindow(r *Ring) (window []Sample, newest Sample) {
	shards := r.cores.Load()
	for _, c := range b.copies {
		*c = shardCopy{samples: c.samples[:0]}
	}
	b.copyCores(r, shards)
	for ; ; b.rounds++ {
		step.At(step.Reading)
		now := clock.Stamp(clock.Now())
		step.At(step.Reading)
		b.copyCores(r, shards)
		newest, ok := b.merge(now, len(r.slots))
		if !ok {
			continue
		}
		if len(b.window) == len(r.slots) {
			return b.window, newest
		}
		// All samples of the first shard are older than the stamped samples.
		words, end, ok := b.copyFirst(r)
		if !ok {
			continue
		}
		older := min(uint64(len(r.slots)-len(b.window)), end, r.size())
		if len(b.window) == 0 && end > 0 {
			newest = words[(end-1)%r.size()]
		}
		for i := range older {
			b.window = append(b.window, words[(end-1-i)%r.size()])
		}
		return b.window, newest
	}
}

// copyCores brings the copies of all shards up to date.
func (b *Reader) copyCores(r *Ring, shards *cores) {
	for s := range shards.all {
		for s.index >= len(b.copies) {
			b.copies = append(b.copies, new(shardCopy))
		}
		b.copies[s.index].follow(s, uint64(len(r.slots)))
	}
}

// merge makes b.window of the newest samples up to now, at most size of them.
// It reports false if an older sample of a shard may be among them and is gone.
func (b *Reader) merge(now int64, size int) (newest Sample, ok bool) {
	b.window = b.window[:0]
	for _, c := range b.copies {
		c.skip(now)
	}
	for len(b.window) < size {
		var c, next *shardCopy // with the newest sample, and with the newest of the others
		for _, d := range b.copies {
			switch {
			case d.at == d.from && d.from > 0:
				return 0, false
			case d.at == d.from:
			case c == nil || d.later(c):
				c, next = d, c
			case next == nil || d.later(next):
				next = d
			}
		}
		if c == nil {
			break
		}
		for len(b.window) < size && c.at > c.from && (next == nil || !next.later(c)) {
			b.window = append(b.window, c.sample(c.at-1).sample)
			c.at--
		}
	}
	if len(b.window) > 0 {
		newest = b.window[0]
	}
	return newest, true
}
