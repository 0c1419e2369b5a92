package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Watch connects a ring with the judge of its window. Records keep the judge
// informed at a bounded cost. No record looks at the window.
//
// If the ring is not spread, the owner of the first shard keeps exact counts
// of the window and calls Judge when they change. If the ring is spread, each
// shard counts the records that may change the verdict. A recorder calls Due
// when its shard reaches the count that [Reader.Allow] set.
type Watch struct {
	Bounds history.Bounds

	// Judge judges the window with these counts. The owner of the first shard
	// calls it, after it stored its sample and before it releases the shard. If
	// Judge reports false, it did not judge, and the next record calls it
	// again.
	Judge func(Stats) (judged bool)

	// Unjudged has the window judged if Judge would judge now. A recorder calls
	// Unjudged if its Judge did not judge. The recorder owns nothing any more,
	// and its release is before the loads of Unjudged in the order of all
	// atomics.
	Unjudged func()

	// Due has the window judged soon, elsewhere. The recorder that calls it
	// owns nothing. now is its stamp.
	Due func(now int64)

	// Calm is set by the judge if only a failed or a slow record can change
	// the verdict.
	Calm atomic.Bool

	// The owner of the first shard alone reads and writes these.
	stats    Stats
	unjudged bool
}

// Stats are counts of a window.
type Stats struct {
	history.Tally
	Recorded int // executions since the ring began, of a large window only
}

// concerns reports whether the window must be judged if a sample replaces the
// old sample in its slot. If both samples are healthy, concerns costs three
// comparisons. The caller owns the first shard.
func (w *Watch) concerns(old, sample Sample) bool {
	return old == 0 || old.above(w.Bounds.Recovering) || sample.above(w.Bounds.Recovering) || w.unjudged
}

// replace counts a sample, and no longer counts the sample that it replaces in
// its slot, if any. It returns the answer of concerns. The caller owns the
// first shard.
func (w *Watch) replace(old, sample Sample) (judge bool) {
	if judge = w.concerns(old, sample); judge {
		w.count(old, sample)
	}
	return judge
}

func (w *Watch) count(old, sample Sample) {
	w.stats.Add(uint64(sample), &w.Bounds, 1)
	if old != 0 {
		w.stats.Add(uint64(old), &w.Bounds, -1)
	}
}

// judge has the window judged, and reports whether Judge did. The caller owns
// the first shard.
func (w *Watch) judge() bool {
	w.unjudged = !w.Judge(w.stats)
	return !w.unjudged
}

// Count returns the counts of a copied window.
func (w *Watch) Count(window []Sample) (s Stats) {
	for _, sample := range window {
		s.Add(uint64(sample), &w.Bounds, 1)
	}
	return s
}

// Rejudge has the window judged if the last record could not have it judged. It
// reports false if Judge does not judge this time either. If the first shard
// has an owner, Rejudge leaves the judgement to the owner and reports true. The
// owner judges after the call began, or calls Unjudged after its release. In a
// spread ring Rejudge does nothing.
func (r *Ring) Rejudge() (done bool) {
	head, owned := r.first.acquire()
	if !owned {
		return true
	}
	done = r.cores.Load() != nil || !r.watch.unjudged || r.watch.judge()
	r.first.head.Store(head) // before the loads of the next try, as Unjudged says
	return done
}

// countDecisive counts a record if it may change the verdict. It reports
// whether a look is due. The caller owns the shard.
//
// No look is missed. The recorder stores decisive and then loads lookAt. The
// looker stores lookAt and then asks Due, which loads the head and then
// decisive. The recorder's store may still be on its way to memory. But the
// recorder acquired the shard by a CAS, and its store reaches memory before its
// release does. So the looker finds the shard owned, and waits for the release,
// or it finds the new decisive. If the recorder acquired the shard after the
// looker loaded the head, the recorder loads the looker's lookAt.
func (s *coreShard) countDecisive(w *Watch, o Outcome, d uint64) (due bool) {
	if o == Success && d <= w.Bounds.Slow && w.Calm.Load() {
		step.At(step.Decisive)
		return false
	}
	decisive := s.decisive.Load() + 1
	release.Store(&s.decisive, decisive)
	step.At(step.Decisive)
	return decisive >= s.lookAt.Load()
}

// Mark notes how many records of each shard the coming copy of the window has.
// A record under way may have counted itself already, or decided not to. If the
// record does not end before the copy, its sample is not part of the copy. So
// Mark leaves a record out.
func (b *Reader) Mark(r *Ring) {
	clear(b.marks)
	for s := range r.cores.Load().all {
		for s.index >= len(b.marks) {
			b.marks = append(b.marks, 0)
		}
		decisive := s.decisive.Load()
		step.At(step.Reading)
		if s.head.Load()&busy != 0 {
			decisive-- // which is not below 0, as newShard says
		}
		b.marks[s.index] = decisive + 1
	}
}

// Allow lets so many records pass, since Mark, before a look is due. Each
// shard gets its part, so that all shards together stay below n. If n is 0, a
// look is due now. A shard that Mark did not see is due with its first record.
func (b *Reader) Allow(r *Ring, n int) {
	shards := 0
	for _, mark := range b.marks {
		if mark != 0 {
			shards++
		}
	}
	for s := range r.cores.Load().all {
		if s.index < len(b.marks) && b.marks[s.index] != 0 {
			s.lookAt.Store(b.marks[s.index] - 1 + uint64(min(n, max(1, n/shards))))
			step.At(step.Allowed)
		}
	}
}

// Due reports whether a look is due in a spread ring. A shard that stays owned
// by one record counts as due.
func (r *Ring) Due() bool {
	if r.Busy() {
		return true
	}
	for s := range r.cores.Load().all {
		head := s.head.Load()
		for range patience {
			if head&busy == 0 || s.head.Load() != head {
				break
			}
		}
		step.At(step.Reading)
		if head&busy != 0 && s.head.Load() == head || s.decisive.Load() >= s.lookAt.Load() {
			return true
		}
	}
	return false
}
