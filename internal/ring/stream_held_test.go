//go:build nodemetrics_step

package ring

import (
	"fmt"
	"math"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

func TestAStreamLosesNoSampleOfARecorderHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, spread := range []bool{false, true} {
		for _, at := range []step.Step{step.Acquired, step.Summed, step.Counted, step.Stamped} {
			for _, between := range []uint64{0, 10, 600, 6000} {
				for _, closeIt := range []bool{false, true} {
					if at == step.Stamped && !spread {
						continue
					}
					t.Run(fmt.Sprintf("spread=%v/step=%d/between=%d/close=%v", spread, at, between, closeIt), func(t *testing.T) {
						r := newDigestRing(100_000)
						if spread {
							r.Spread(1)
						}
						held, release := step.Hold(at)
						done := make(chan bool)
						go func() { done <- r.Record(1, 1<<50) }()
						<-held
						var b Reader
						for i := range between {
							r.Record(Success, i)
							if i%100 == 0 {
								r.Fold()
							}
							if i%53 != 0 && i+1 != between {
								continue
							}
							if v := b.Digest(r); v.ever != i+1 || v.Samples != int(i+1) || v.Max != i ||
								v.Newest.Duration() != i {
								t.Fatalf("after %d records beside one held up: %+v", i+1, v)
							}
						}
						if closeIt {
							r.Close()
							if r.Quiet() {
								t.Fatal("quiet with a record under way")
							}
							if r.Fold(); r.Quiet() {
								t.Fatal("quiet after folding with a record under way")
							}
						}
						release()
						if !<-done {
							t.Fatal("a record that owned its shard was refused")
						}
						if closeIt && !r.Quiet() {
							t.Fatal("never quiet")
						}
						for range 2 {
							v := b.Digest(r)
							if v.ever != between+1 || v.Samples != int(between+1) || v.Max != 1<<50 || v.Failures != 1 {
								t.Fatalf("at the end: %+v", v)
							}
							if r.Counts().Completed() != between+1 {
								t.Fatalf("%d executions", r.Counts().Completed())
							}
							r.Fold()
						}
					})
				}
			}
		}
	}
}

func TestNobodyWaitsForAFolderHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, spread := range []bool{false, true} {
		r := newDigestRing(100_000)
		if spread {
			r.Spread(1)
		}
		n := uint64(6000) // fewer than smallWindow would not be folded
		for i := range n {
			r.Record(outcomeOf(i), i)
		}
		held, release := step.Hold(step.Folding)
		done := make(chan struct{})
		go func() { defer close(done); r.Fold() }()
		<-held
		for range 20_000 { // many times the slots that recorders ahead need
			r.Record(outcomeOf(n), n)
			n++
			if n%500 == 0 {
				r.Fold() // somebody is at it: comes back at once
				checkStream(t, r, 100_000, n)
			}
		}
		release()
		<-done
		checkStream(t, r, 100_000, n)
		r.Fold()
		checkStream(t, r, 100_000, n)
	}
}

// A segment that began long ago gets a sample after a reader has put the segments in order, and before it copies it.
func TestTheNewestSampleOfAReadIsOfItsWindow(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const window, longest = 5000, 1 << 50
	// A read of two lanes of which the first has one sample, an old one. It gets the longest one at a step of the read.
	read := func(at int) (v View, steps int) {
		step.Hook(nil)
		r := newDigestRing(window) // nobody folds
		r.Spread(2)
		cores := r.cores.Load()
		put := func(core int, d uint64) { putInto(cores.shards[core].Load(), Success, d) }
		for i := range cores.shards {
			cores.shards[i].Store(cores.newShard(i))
		}
		put(0, 7)
		for i := range uint64(2 * window) {
			put(1, i%100)
		}
		step.Hook(func(step.Step) {
			if steps++; steps == at {
				put(0, longest)
			}
		})
		var b Reader
		return b.Digest(r), steps
	}
	_, steps := read(0)
	seen, missed := 0, 0
	for at := 1; at <= steps; at += max(1, steps/40) {
		v, _ := read(at)
		if v.Newest.Duration() > v.Max || v.Samples > window || 8*v.Samples < 7*window {
			t.Fatalf("step %d: the newest is %d, the longest %d, of %d samples", at, v.Newest.Duration(), v.Max, v.Samples)
		}
		if v.Newest.Duration() == longest {
			seen++
		} else {
			missed++
		}
	}
	if seen == 0 || missed == 0 {
		t.Fatalf("the sample came in time for %d reads and too late for %d: both are to be tried", seen, missed)
	}
}

// At one step of a read after the other, records fill again the slots that the reader is about to read.
func TestAReaderTakesNoSampleForAnother(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const window, before = 20_000, 12_000
	for _, fold := range []bool{false, true} {
		read := func(at int) (again bool, steps int) {
			step.Hook(nil)
			r := newDigestRing(window) // nobody folds: recorders are ahead
			r.Spread(1)
			n := uint64(0)
			record := func(records int) {
				for range records {
					r.Record(outcomeOf(n), n)
					n++
				}
			}
			record(before)
			reading := true
			step.Hook(func(step.Step) {
				if steps++; reading && steps == at {
					reading = false
					if fold {
						r.Fold()
					}
					record(4 * r.stream.first.longer)
				}
			})
			var b Reader
			v := b.Digest(r)
			step.Hook(nil)
			oldest := v.ever - uint64(v.Samples)
			if v.ever < before || v.ever > n || 8*v.Samples < 7*before || v.Min != oldest || v.Max != v.ever-1 ||
				v.Newest.Duration() != v.ever-1 || v.Failures != failuresAmong(oldest, v.ever) {
				t.Fatalf("step %d, fold %v: %+v, want %d to %d", at, fold, v, oldest, v.ever-1)
			}
			return v.ever > before, steps
		}
		_, steps := read(0)
		seen := 0
		for at := 1; at <= steps; at += max(1, steps/150) {
			if again, _ := read(at); again {
				seen++
			}
		}
		if seen == 0 {
			t.Fatalf("records during %d of the reads are in it", seen)
		}
	}
}

// At one step of folding after the other, records fill again the slots that are being packed.
func TestAFolderTakesNoSampleForAnother(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const window, before = 20_000, 12_000
	fold := func(at int) (steps int) {
		step.Hook(nil)
		r := newDigestRing(window) // nobody folds: recorders are ahead
		r.Spread(1)
		n := 0
		for ; n < before || r.cores.Load().shards[0].Load().lane.current.Load().filled.Load() != 1; n++ {
			r.Record(Success, 1) // until a segment has just been filled, and is not packed
		}
		failures := 0
		step.Hook(func(step.Step) {
			if steps++; failures == 0 && steps >= at {
				for failures < 4*r.stream.first.longer {
					failures++
					r.Record(1, 2)
				}
			}
		})
		r.Fold()
		step.Hook(nil)
		var b Reader
		if v := b.Digest(r); v.Samples != n+failures || v.Failures != failures {
			t.Fatalf("step %d: %d of %d samples failed, want %d of %d", at, v.Failures, v.Samples, failures, n+failures)
		}
		return steps
	}
	steps := fold(math.MaxInt)
	for at := 1; at <= steps; at += max(1, steps/150) {
		fold(at)
	}
}

// A folder that folds all just before a segment is put behind a full one does not know that there will be another one.
func TestALaneIsNotLeftAhead(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	step.Hook(nil)
	r := newDigestRing(100_000)
	r.Spread(16) // so that a segment is less than a batch
	scheduled := false
	r.stream.schedule = func() { scheduled = true }
	fold := func() {
		for scheduled = true; scheduled; {
			scheduled = false
			r.Fold()
		}
	}
	c := r.cores.Load().newShard(0)
	r.cores.Load().shards[0].Store(c)
	record := func() {
		head, _ := c.acquire()
		c.count(Success, 1)
		due := c.lane.put(sampleOf(Success, 1, 0), 1)
		c.head.Store(head)
		r.stream.wake(due)
	}
	for c.lane.ahead.Load() == nil { // nobody folds
		record()
	}
	extending := false
	step.Hook(func(at step.Step) {
		if at == step.Extending {
			extending = true
			step.Hook(nil)
			fold()
		}
	})
	for !extending {
		scheduled = false
		record()
	}
	if !scheduled {
		t.Fatal("nobody is called to end it")
	}
	fold()
	if l := c.lane; l.ahead.Load() != nil || len(l.current.Load().slots) != l.size || r.stream.backlog.Load() != 0 {
		t.Errorf("ahead %v, %d slots, backlog %d", l.ahead.Load() != nil, len(l.current.Load().slots), r.stream.backlog.Load())
	}
}

// A reader that begins again forgets what it had.
func TestAReaderKeepsNoSegments(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []int{20, 100, 200, 1000} {
		step.Hook(nil)
		r := newDigestRing(1 << 20)
		for range 100_000 { // nobody folds
			r.Record(Success, 1)
		}
		steps := 0
		step.Hook(func(step.Step) {
			if steps++; steps == at {
				step.Hook(nil)
				r.Fold()
			}
		})
		var b Reader
		b.Digest(r)
		for i, w := range b.segments[:cap(b.segments)] {
			if w.segment != nil {
				t.Fatalf("fold at step %d: segment %d is kept", at, i)
			}
		}
		for i, p := range b.packs[:cap(b.packs)] {
			if p != nil {
				t.Fatalf("fold at step %d: pack %d is kept", at, i)
			}
		}
	}
}

func TestAFoldThatCameMeanwhileIsScheduled(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	step.Hook(nil)
	scheduled := 0
	r := new(Ring)
	r.InitDigest(1<<20, 100, func() { scheduled++ })
	for range smallWindow + 100 {
		r.Record(Success, 1)
	}
	step.Hook(func(at step.Step) {
		if at == step.Folding {
			step.Hook(nil)
			scheduled = 0
			r.Fold()
		}
	})
	if r.Fold(); scheduled != 1 {
		t.Errorf("scheduled %d times", scheduled)
	}
}
