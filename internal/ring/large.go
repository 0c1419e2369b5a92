package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/core"
	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// large keeps a window in the place of slots.
type large struct {
	history   *history.History
	window    int
	published func() // called by a recorder that published a batch; or nil
	// The first shard's; nil once that is frozen and published.
	first atomic.Pointer[history.Batch]
}

// stamped is set in the keys of stamped samples. These are newer than all
// samples of the first shard, whose keys are their numbers.
const stamped = 1 << 63

// Halves of batches. A record that fills a half publishes it and has the
// thresholds judged. If that recorder is held up, the next recorder that fills
// a half does both. So a judgement is at most two halves late, and a half is at
// most a hundredth of the window. All cores' halves are at most a thirty-second
// of the window, unless they are of the smallest size.
const (
	maxHalf     = 640 // of the first shard
	maxCoreHalf = 256 // of all cores together
	minCoreHalf = 16
	halvesInAll = 100
	coresInAll  = 32
)

// digestFactor is how much finer than asked for digests are. With a compression
// of 100, a centroid then has at most 0.63 %, 0.38 % and 0.13 % of the samples
// at p50, p90 and p99.
const digestFactor = 2.5

// InitDigest makes r the empty ring of a large window. A recorder calls
// published, if that is not nil, after it published a batch.
func (r *Ring) InitDigest(window int, compression float64, bounds history.Bounds, published func()) {
	half := min(maxHalf, window/halvesInAll)
	r.geometry = geometryFor(2 * half)
	r.large = &large{
		history:   history.New(window, digestFactor*compression, bounds),
		window:    window,
		published: published,
	}
	r.large.first.Store(history.NewBatch(0, half, false))
	r.first.head.Store(r.start())
}

// Digested reports whether the window is kept as a history.
func (r *Ring) Digested() bool { return r.large != nil }

// newBatch gives a shard a batch, where there are so many cores. A shard that
// no core has was made because owners were held up. On a busy machine there may
// be many, so each is small.
func (l *large) newBatch(s *coreShard, cores int) {
	half := minCoreHalf
	if s.index < cores {
		half = max(half, min(l.window/halvesInAll, min(maxCoreHalf, l.window/coresInAll)/cores))
	}
	s.geometry = geometryFor(2 * half)
	s.batch = history.NewBatch(1+s.index, half, true)
}

// batchShard is a shard with a batch in the place of slots.
type batchShard struct {
	*shard
	geometry
	batch *history.Batch
}

// record records in a shard with a batch. The caller owns the shard, whose head
// was this. The owner of a core's shard is pinned to the core. If record found
// no room, it recorded nothing, made room, and reports false. Then the caller
// begins again.
func (l *large) record(s batchShard, pinned bool, head uint64, o Outcome, d uint64) bool {
	b, slot := s.batch, s.slot(head)
	if b.Begins(slot) && !l.history.Room(b, s.ended(head)) {
		release.Store(&s.head, head)
		step.At(step.Released)
		if pinned {
			core.Unpin()
		}
		l.publish(b, s.ended(head))
		return false
	}
	key := uint64(0) // the batch of the first shard has no keys
	if pinned {
		step.At(step.Acquired)
		// The recorder reads the clock while it owns the shard, so of two
		// records that do not overlap the later record has the later key.
		key = stamped | uint64(clock.Stamp(clock.Now()))
	}
	s.count(o, d)
	b.Put(slot, key, uint64(sampleOf(o, d)))
	next := s.after(head)
	release.Store(&s.head, next)
	step.At(step.Released)
	if pinned {
		core.Unpin()
	}
	if b.Begins(s.slot(next)) {
		l.publish(b, s.ended(next))
	}
	return true
}

// publish publishes a batch up to end, and has the thresholds judged. The
// caller owns nothing.
func (l *large) publish(b *history.Batch, end uint64) {
	l.history.Publish(b, end)
	if l.published != nil {
		l.published()
	}
}

// retire publishes the rest of the first shard, and lets go of its batch. The
// caller has frozen the shard, whose head was this.
func (r *Ring) retire(head uint64) {
	if r.large != nil {
		r.large.publish(r.large.first.Load(), r.ended(head))
		r.large.first.Store(nil)
	}
}

// Publish publishes the batches of all shards of a large window. Every record
// that returned before the call is then in the history.
func (r *Ring) Publish() {
	for s := range r.cores.Load().all {
		step.At(step.Reading)
		r.large.history.Publish(s.batch, s.ended(s.head.Load()))
	}
	if b := r.large.first.Load(); b != nil {
		step.At(step.Reading)
		r.large.history.Publish(b, r.ended(r.first.head.Load()))
	}
}

// Digest returns the large window of a ring, with every record that returned
// before the call. The result is valid until the next call.
func (b *Reader) Digest(r *Ring) *history.Reader {
	r.Publish()
	return b.Published(r)
}

// Published is Digest without the samples that nobody has published yet.
func (b *Reader) Published(r *Ring) *history.Reader {
	b.large.Load(r.large.history)
	return &b.large
}

// size returns the bytes that hang off a large window.
func (l *large) size(c *cores) (bytes int) {
	bytes = int(unsafe.Sizeof(*l)) + l.history.Size()
	if b := l.first.Load(); b != nil {
		bytes += b.Size()
	}
	for s := range c.all {
		bytes += s.batch.Size()
	}
	return bytes
}
