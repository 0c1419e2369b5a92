package ring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/core"
	"github.com/nodemetrics/nodemetrics/internal/history"
)

var noBounds = history.Bounds{Slow: MaxDuration, Recovering: MaxDuration}

func newLargeRing(window int) *Ring {
	r := new(Ring)
	r.InitDigest(window, 100, noBounds, nil)
	return r
}

// Every seventh record is a failure.
func outcomeOf(i uint64) Outcome {
	if i%7 == 0 {
		return Outcome(1 + i%4)
	}
	return Success
}

func failuresAmong(from, to uint64) int { return int((to+6)/7 - (from+6)/7) }

// putInto records into a core's shard, which nobody owns.
func putInto(cores *cores, s *coreShard, o Outcome, d uint64) {
	core.Pin()
	head, _ := s.acquire()
	cores.large.record(batchShard{&s.shard, s.geometry, s.batch}, true, head, o, d)
}

// checkLarge checks a ring at rest. One goroutine recorded the durations 0, 1,
// 2 and so on. The ring must hold the newest of them, from three quarters of a
// window to a window.
func checkLarge(t *testing.T, r *Ring, n uint64) {
	t.Helper()
	var b Reader
	v, window := b.Digest(r), uint64(r.large.window)
	if uint64(v.Samples) > min(n, window) || uint64(v.Samples) < min(n, window-window/4) || v.Recorded != n {
		t.Fatalf("after %d records the window of %d has %d samples of %d", n, window, v.Samples, v.Recorded)
	}
	if n == 0 {
		return
	}
	oldest := n - uint64(v.Samples)
	if v.Max != n-1 || v.Min != oldest || v.Newest&history.Duration != n-1 || v.Failures != failuresAmong(oldest, n) {
		t.Fatalf("after %d records: %+v, want from %d", n, v.Window, oldest)
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
		want := float64(oldest) + q*float64(v.Samples)
		if got := float64(v.Quantile(q)); math.Abs(got-want) > 0.01*float64(v.Samples)+1 {
			t.Fatalf("after %d records: quantile %v is %v, want %v", n, q, got, want)
		}
	}
}

func TestALargeRingHoldsTheNewest(t *testing.T) {
	for _, window := range []int{8193, 20_000} {
		for _, spread := range []int{0, 1, 4} {
			t.Run(fmt.Sprintf("window=%d/spread=%d", window, spread), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
				r := newLargeRing(window)
				for i := range uint64(3 * window) {
					if spread > 0 && i == 777 {
						r.Spread(spread)
					}
					if i < 10 || i%1013 == 0 {
						checkLarge(t, r, i)
					}
					if !r.Record(outcomeOf(i), i, 0) {
						t.Fatal("an open ring refused a record")
					}
				}
				checkLarge(t, r, uint64(3*window))
			})
		}
	}
}

func TestTheFirstShardsBatchIsLetGoAfterTheSpread(t *testing.T) {
	r := newLargeRing(100_000)
	for i := range uint64(1000) {
		r.Record(outcomeOf(i), i, 0)
	}
	before := r.Size()
	r.Spread(2)
	r.Record(outcomeOf(1000), 1000, 0)
	if r.large.first.Load() != nil {
		t.Errorf("%d bytes before the spread, %d after it", before, r.Size())
	}
	checkLarge(t, r, 1001)
}

func TestAnIdleCoresSamplesAreForgotten(t *testing.T) {
	const window, burst = 8193, 1 << 40
	r := newLargeRing(window)
	r.Spread(4)
	cores := r.cores.Load()
	put := func(i int, d uint64) {
		c := cores.shards[i].Load()
		if c == nil {
			c = cores.newShard(i)
			cores.shards[i].Store(c)
		}
		putInto(cores, c, Success, d)
	}
	for i := range 4 { // a few samples in the batch of every core
		for range 3 {
			put(i, burst)
		}
	}
	for i := range uint64(window) {
		if put(0, i); i == window/2 {
			put(1, i) // which does not make the samples before it newer
		}
	}
	var b Reader
	if v := b.Digest(r); v.Max >= burst || v.Samples > window || v.Samples < window*3/4 {
		t.Errorf("a window later the burst is still there: %+v", v.Window)
	}
	put(1, burst)
	if v := b.Digest(r); v.Newest&history.Duration != burst || v.Max != burst {
		t.Errorf("the newest sample, on a core that was idle, is not there: %+v", v.Window)
	}
}

func TestAClosedLargeRingTakesNothingAndKeepsWhatItTook(t *testing.T) {
	var closed *Ring
	var before history.Window
	closeBesideRecorders(t, 40, func(round int) (*Ring, uint64) {
		return newLargeRing(8193 + round), uint64(50 * round)
	}, func(r *Ring, taken uint64) {
		var b Reader
		v := b.Digest(r).Window
		if v.Recorded != taken {
			t.Fatalf("%d executions were taken, and %d samples kept", taken, v.Recorded)
		}
		if r == closed && v != before {
			t.Fatalf("a closed ring changed: %+v, then %+v", before, v)
		}
		closed, before = r, v
	})
}

// Nothing is forgotten here, so every read has the samples of all records that
// returned before it, and none that had not begun after it.
func TestALargeRingCountsEverySampleOfManyRecorders(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			const recorders, each = 8, 20_000
			var judged atomic.Int64
			r := new(Ring)
			r.InitDigest(1<<20, 100, history.Bounds{Slow: recorders*each/2 - 1, Recovering: recorders*each/4 - 1}, func() {
				judged.Add(1)
			})
			done := make(chan struct{})
			var readers, wg sync.WaitGroup
			var returned atomic.Uint64
			for range 2 {
				readers.Go(func() {
					var b Reader
					last := uint64(0)
					for {
						before := returned.Load()
						v := b.Digest(r)
						if after := r.Counts().Completed(); v.Recorded < max(last, before) || v.Recorded > after ||
							uint64(v.Samples) != v.Recorded {
							t.Errorf("%d samples, %d of them held; %d returned before and %d after; %d in the last read", v.Recorded,
								v.Samples, before, after, last)
							return
						}
						if v.Samples > 0 && (v.Quantile(0.5) < v.Min || v.Quantile(0.99) > v.Max) {
							t.Error("quantiles are beyond the extremes")
							return
						}
						last = v.Recorded
						select {
						case <-done:
							return
						default:
							runtime.Gosched()
						}
					}
				})
			}
			for g := range uint64(recorders) {
				wg.Go(func() {
					for i := range uint64(each) {
						r.Record(outcomeOf(g*each+i), g*each+i, 0)
						returned.Add(1)
					}
				})
			}
			wg.Wait()
			close(done)
			readers.Wait()
			var b Reader
			const all = recorders * each
			v := b.Digest(r)
			want := history.Counts{Tally: history.Tally{Samples: all, Failures: failuresAmong(0, all), Slow: all / 2, Recovering: all * 3 / 4}, Max: all - 1}
			if v.Counts != want {
				t.Errorf("counts %+v, want %+v", v.Counts, want)
			}
			if median := float64(v.Quantile(0.5)); math.Abs(median-all/2) > 0.01*all {
				t.Errorf("the median is %v", median)
			}
			if judged.Load() == 0 {
				t.Error("nobody was told that samples were published")
			}
		})
	}
}

// Shards get their samples in any order, and anybody publishes at any time.
func TestARandomScheduleOfALargeRing(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := newLargeRing(9000)
		r.Spread(1 << random.IntN(5))
		cores := r.cores.Load()
		for i := range cores.shards {
			cores.shards[i].Store(cores.newShard(i))
		}
		n := uint64(0)
		for n < 30_000 {
			switch random.IntN(40) {
			case 0:
				checkLarge(t, r, n)
			case 1, 2:
				r.Publish()
			default:
				c := cores.shards[random.IntN(len(cores.shards))].Load()
				for range random.IntN(30) {
					putInto(cores, c, outcomeOf(n), n)
					n++
				}
			}
		}
		checkLarge(t, r, n)
	}
}
