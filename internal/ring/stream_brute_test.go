//go:build nodemetrics_step

package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// A sample's duration, and its stamp but for 1, is its number in its lane, so that a segment says itself whether it has
// its own samples.

// recordNumber records into a shard, if nobody owns it and records still go there.
func recordNumber(r *Ring, l *lane, s *shard) bool {
	head, owned := s.acquire()
	if !owned {
		return false
	}
	if l.index == firstLane && r.cores.Load() != nil {
		s.head.Store(head | frozen)
		return false
	}
	n, stamp := s.completed(), uint64(0)
	s.count(Success, n)
	if l.index != firstLane {
		stamp = n + 1
	}
	due := l.put(sampleOf(Success, n, 0), stamp)
	s.head.Store(r.after(head))
	r.stream.wake(due)
	return true
}

// checkSegments reads as a reader does, but looks at every segment, and returns how many samples there are.
func checkSegments(t *testing.T, s *stream, to *Reader) uint64 {
	for {
		f := s.folded.Load()
		ever, complete := f.ever, true
		var wrong []string // unless something was folded meanwhile
		for l := range s.lanes {
			to.segments = to.segments[:0]
			if complete = to.unfolded(l.current.Load(), f.through(l.index)); !complete {
				break
			}
			ends := uint64(0)
			for i, at := range to.segments { // the newest first
				p, raw := at.contents(to)
				base, n := at.base.Load(), uint64(p.samples)
				if i > 0 && base+n != ends {
					wrong = append(wrong, fmt.Sprintf("lane %d: behind number %d comes %d", l.index, base+n, ends))
				}
				ends = base
				ever += n
				if n == 0 {
					continue
				}
				sum := 0.0
				for _, c := range p.centroids {
					sum += c.mean() * float64(c.weight)
				}
				if raw {
					for _, d := range to.durations {
						sum += float64(d)
					}
				}
				if l.index != firstLane && p.newest.stamp != p.newest.place+1 {
					wrong = append(wrong, fmt.Sprintf("lane %d: number %d has the stamp of %d", l.index, p.newest.place, p.newest.stamp-1))
				}
				want := float64(n)*float64(base) + float64(n)*float64(n-1)/2
				if p.min != base || p.max != base+n-1 || p.newest.sample.Duration() != base+n-1 || p.newest.place != base+n-1 ||
					sum-want > 0.5 || want-sum > 0.5 {
					wrong = append(wrong, fmt.Sprintf("lane %d: numbers %d to %d, the newest %d at %d, and a sum of %v; want %d to %d and %v",
						l.index, p.min, p.max, p.newest.sample.Duration(), p.newest.place, sum, base, base+n-1, want))
				}
			}
		}
		if s.folded.Load() != f {
			continue
		}
		if !complete {
			wrong = append(wrong, "a chain is cut, and nothing folded")
		}
		for _, what := range wrong {
			t.Error(what)
		}
		return ever
	}
}

func TestEverySegmentHasItsOwnSamples(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		random := func(of ...int) int { return of[rand.IntN(len(of))] }
		yield := uint32(2 << rand.IntN(7))
		step.Hook(func(step.Step) {
			if rand.Uint32N(yield) == 0 {
				runtime.Gosched()
			}
		})
		var due, done atomic.Bool
		r := new(Ring)
		r.InitDigest(1<<22, 100, func() { due.Store(true) })
		s := r.stream
		s.batch = int64(random(8, 16, 32, 64))
		s.maxBacklog = s.batch * int64(random(1, 2, 3))
		shrink := func(l *lane, size int) { // to small segments, so that much happens in few records
			l.size, l.longer = size, max(size, random(8, 12, 24, 64, 256))
			first := newSegment(newSlots(size))
			first.seq.Store(1)
			l.current.Store(first)
		}
		shrink(s.first, random(8, 16, 64))
		size, lanes := random(8, 16, 32), random(1, 2, 4)
		spread := func() {
			r.Spread(lanes)
			cores := r.cores.Load()
			for i := range cores.shards {
				c := cores.newShard(i)
				shrink(c.lane, size)
				cores.shards[i].CompareAndSwap(nil, c)
			}
		}
		const recorders, each = 3, 4000
		spreadAt := rand.IntN(each)
		var records, others sync.WaitGroup
		var total atomic.Uint64
		for g := range recorders {
			records.Go(func() {
				for i := range each {
					if g == 0 && i == spreadAt {
						spread()
					}
					for recorded := false; !recorded; {
						l, owner := s.first, &r.first
						if cores := r.cores.Load(); cores != nil {
							c := cores.shards[rand.IntN(len(cores.shards))].Load()
							if c == nil {
								runtime.Gosched()
								continue
							}
							l, owner = c.lane, &c.shard
						}
						if recorded = recordNumber(r, l, owner); !recorded {
							runtime.Gosched()
						}
					}
					total.Add(1)
				}
			})
		}
		slow := random(0, 1, 100)
		for range random(1, 2) {
			others.Go(func() {
				for !done.Load() || due.Load() {
					if due.Swap(false) {
						r.Fold()
					}
					for range 1 + slow {
						runtime.Gosched()
					}
				}
			})
		}
		for range 2 {
			others.Go(func() {
				var b Reader
				for last := uint64(0); !done.Load() && !t.Failed(); {
					before := total.Load()
					ever := checkSegments(t, s, &b)
					if ever < last || ever < before {
						t.Errorf("%d samples, %d in the read before, %d recorded before it", ever, last, before)
					}
					v := b.Digest(r)
					if v.ever < ever || uint64(v.Samples) != v.ever {
						t.Errorf("%d samples, %d in the window, %d before", v.ever, v.Samples, ever)
					}
					last = v.ever
					r.Size()
				}
			})
		}
		records.Wait()
		done.Store(true)
		others.Wait()
		checkAtRest(t, r, recorders*each)
		if t.Failed() {
			return
		}
	}
}

// checkAtRest looks at a stream that nobody uses: all is there, less than a batch waits, and no slots are in two places.
func checkAtRest(t *testing.T, r *Ring, records uint64) {
	var b Reader
	s := r.stream
	if ever := checkSegments(t, s, &b); ever != records {
		t.Errorf("there are %d samples of %d", ever, records)
	}
	if backlog := s.backlog.Load(); backlog < 0 || backlog >= s.batch {
		t.Errorf("a backlog of %d is left, of batches of %d", backlog, s.batch)
	}
	sum := uint64(0)
	for c := range r.shards {
		n := c.completed()
		sum += n * (n - 1) / 2
	}
	for s.backlog.Load() > 0 { // so that all but the newest segments is folded
		s.foldAll(new(buffers))
	}
	got := 0.0
	for l := range s.lanes {
		for at := l.current.Load(); at != nil; at = at.prev.Load() {
			_, _ = at.contents(&b)
			for _, d := range b.durations[:int(b.peeked.samples)] {
				got += float64(d)
			}
		}
	}
	for _, g := range s.folded.Load().generations {
		for _, c := range g.centroids {
			got += c.mean() * float64(c.weight)
		}
	}
	if difference := got - float64(sum); difference > 1 || difference < -1 {
		t.Errorf("the sum is %v, want %d", got, sum)
	}
	used := map[*atomic.Uint64]bool{}
	use := func(slots []atomic.Uint64) {
		if len(slots) == 0 {
			return
		}
		if used[&slots[0]] {
			t.Error("slots are in two places")
		}
		used[&slots[0]] = true
	}
	for at := s.spares.top.Load(); at != nil; at = at.below {
		use(at.slots)
	}
	for l := range s.lanes {
		use(l.current.Load().slots)
		if a := l.ahead.Load(); a != nil {
			t.Errorf("lane %d is ahead", l.index)
		}
	}
}
