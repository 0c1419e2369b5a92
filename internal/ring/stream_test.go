package ring

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// newDigestRing returns a ring of t-digests that nobody folds: tests do.
func newDigestRing(window int) *Ring {
	r := new(Ring)
	r.InitDigest(window, 100, func() {})
	return r
}

// spreadOver spreads a ring over so many processors, with a shard for each.
func spreadOver(r *Ring, processors int) *cores {
	r.Spread(processors)
	c := r.cores.Load()
	for i := range c.shards {
		c.shards[i].Store(c.newShard(i))
	}
	return c
}

// putInto records into a shard, which nobody owns.
func putInto(c *coreShard, o Outcome, d uint64) {
	head, _ := c.acquire()
	c.count(o, d)
	c.lane.put(sampleOf(o, d, 0), uint64(clock.Now()))
	c.head.Store(c.after(head))
}

// checkStream compares a stream at rest, in which one goroutine recorded durations 0, 1, 2 …, with what it must hold:
// the newest, at least seven eighths of a window and at most a window of them.
func checkStream(t *testing.T, r *Ring, window int, n uint64) {
	t.Helper()
	var b Reader
	v := b.Digest(r)
	if uint64(v.Samples) > min(n, uint64(window)) || uint64(8*v.Samples) < min(8*n, uint64(7*window)) {
		t.Fatalf("after %d records the window of %d has %d samples", n, window, v.Samples)
	}
	if v.ever != n {
		t.Fatalf("after %d records there are %d samples", n, v.ever)
	}
	backlog := int64(0)
	for l := range r.stream.lanes {
		newest := l.current.Load()
		for at, seq := newest.prev.Load(), newest.seq.Load()-1; seq > r.stream.folded.Load().through(l.index); seq-- {
			backlog += int64(at.filled.Load())
			at = at.prev.Load()
		}
	}
	if got := r.stream.backlog.Load(); got != backlog {
		t.Fatalf("after %d records the backlog is %d, want %d", n, got, backlog)
	}
	if spare := r.stream.spares.top.Load().total(); spare > max(int(r.stream.batch+r.stream.batch/2), r.stream.first.size) {
		t.Fatalf("after %d records there are %d spare slots, with batches of %d", n, spare, r.stream.batch)
	}
	if n == 0 {
		return
	}
	oldest := n - uint64(v.Samples)
	if v.Max != n-1 || v.Min != oldest || v.Newest.Duration() != n-1 {
		t.Fatalf("after %d records: from %d to %d, the newest %d; want from %d", n, v.Min, v.Max, v.Newest.Duration(), oldest)
	}
	if v.Failures != failuresAmong(oldest, n) {
		t.Fatalf("after %d records: %d failures, want %d", n, v.Failures, failuresAmong(oldest, n))
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
		want := float64(oldest) + q*float64(v.Samples)
		if got := float64(b.Quantile(&v, q)); math.Abs(got-want) > 0.01*float64(v.Samples)+1 {
			t.Fatalf("after %d records: quantile %v is %v, want %v", n, q, got, want)
		}
	}
}

// Every seventh record is a failure.
func outcomeOf(i uint64) Outcome {
	if i%7 == 0 {
		return Outcome(1 + i%4)
	}
	return Success
}

func failuresAmong(from, to uint64) int { return int((to+6)/7 - (from+6)/7) }

func TestAStreamHoldsTheNewestSevenEighthsToAWhole(t *testing.T) {
	for _, window := range []int{4097, 5000, 20_000} {
		for _, spread := range []bool{false, true} {
			for _, foldEvery := range []int{1, 37, 1000, 9999} {
				t.Run(fmt.Sprintf("window=%d/spread=%v/fold=%d", window, spread, foldEvery), func(t *testing.T) {
					r := newDigestRing(window)
					for i := range uint64(3 * window) {
						if spread && i == 777 {
							r.Spread(1) // one lane at a time: in order
						}
						if i%uint64(foldEvery) == 0 {
							r.Fold()
						}
						if i < 10 || i%1013 == 0 {
							checkStream(t, r, window, i)
						}
						if !r.Record(outcomeOf(i), i) {
							t.Fatal("an open stream refused a record")
						}
					}
					checkStream(t, r, window, uint64(3*window))
				})
			}
		}
	}
}

func TestAStreamCountsEverySampleOfManyRecorders(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			const recorders, each = 8, 20_000
			r := new(Ring)
			var folds atomic.Int64
			wake := make(chan struct{}, 1)
			r.InitDigest(1<<20, 100, func() {
				select {
				case wake <- struct{}{}:
				default:
				}
			})
			done := make(chan struct{})
			var others, wg sync.WaitGroup
			for range 2 { // two at once, of which one owns it
				others.Go(func() {
					for {
						select {
						case <-wake:
							r.Fold()
							folds.Add(1)
						case <-done:
							return
						}
					}
				})
			}
			others.Go(func() {
				var b Reader
				ever := uint64(0)
				for {
					before := r.Counts().Completed()
					v := b.Digest(r)
					if after := r.Counts().Completed(); v.ever < ever || v.ever > after || uint64(v.Samples) != v.ever ||
						v.ever+recorders < before {
						t.Errorf("%d samples of at least %d and at most %d executions; %d before", v.ever, before, after, ever)
						return
					}
					if v.Samples > 0 && (b.Quantile(&v, 0.5) < v.Min || b.Quantile(&v, 0.99) > v.Max) {
						t.Errorf("quantiles beyond the extremes")
						return
					}
					ever = v.ever
					select {
					case <-done:
						return
					default:
						runtime.Gosched()
					}
				}
			})
			for g := range uint64(recorders) {
				wg.Go(func() {
					for i := range uint64(each) {
						r.Record(Success, g*each+i)
					}
				})
			}
			wg.Wait()
			close(done)
			others.Wait()
			for range 2 { // before and after all is folded
				var b Reader
				v := b.Digest(r)
				if v.Samples != recorders*each || v.Min != 0 || v.Max != recorders*each-1 {
					t.Errorf("%d samples from %d to %d", v.Samples, v.Min, v.Max)
				}
				if median := float64(b.Quantile(&v, 0.5)); math.Abs(median-recorders*each/2) > 0.01*recorders*each {
					t.Errorf("the median is %v", median)
				}
				r.Fold()
			}
			if folds.Load() == 0 {
				t.Error("nobody folded")
			}
		})
	}
}

func TestAStreamOfFewSamplesIsExact(t *testing.T) {
	for _, spread := range []bool{false, true} {
		r := newDigestRing(5000)
		var b Reader
		for i := range uint64(smallWindow) {
			if spread && i == 100 {
				r.Spread(2)
			}
			r.Record(Success, MaxDuration-i*i)
			r.Fold()
			if i > 20 && i%97 != 0 {
				continue
			}
			if v := b.Digest(r); !v.Exact || b.Quantile(&v, 0) != MaxDuration-i*i ||
				b.Quantile(&v, 0.5) != MaxDuration-(i+1)/2*((i+1)/2) {
				t.Fatalf("spread %v, after %d records: exact %v, the median %d", spread, i+1, v.Exact, b.Quantile(&v, 0.5))
			}
		}
		r.Record(Success, 1)
		r.Fold()
		if v := b.Digest(r); v.Exact {
			t.Error("more are exact too: nothing was folded")
		}
	}
}

func TestWhatIdleLanesHoldIsForgotten(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	const window, burst = 8192, 1 << 40
	r := newDigestRing(window)
	r.Spread(4)
	cores := r.cores.Load()
	for i := range cores.shards { // a few samples in the lane of every core
		c := cores.newShard(i)
		cores.shards[i].Store(c)
		for range 3 {
			putInto(c, Success, burst)
		}
	}
	for i := range uint64(window + window/4) {
		r.Record(Success, i)
		if i%100 == 0 {
			r.Fold()
		}
	}
	r.Fold()
	var b Reader
	if v := b.Digest(r); v.Max >= burst || v.Samples > window {
		t.Errorf("a window later the burst is still there: %+v", v)
	}
}

func TestTheNewestSampleIsInTheWindowThoughItsSegmentBeganLongAgo(t *testing.T) {
	const window = 5000
	r := newDigestRing(window) // nobody folds
	cores := spreadOver(r, 2)
	put := func(core int, d uint64) { putInto(cores.shards[core].Load(), Success, d) }
	put(0, 7)
	for i := range uint64(2 * window) {
		put(1, i%100)
	}
	put(0, 1<<50)
	var b Reader
	if v := b.Digest(r); v.Newest.Duration() != 1<<50 || v.Max != 1<<50 {
		t.Errorf("the newest is %d, the longest %d", v.Newest.Duration(), v.Max)
	}
}

func TestTheNewestSamplesAreInTheWindowWhicheverLaneHasTheMost(t *testing.T) {
	const window = 5000
	for crowded := range 2 {
		r := newDigestRing(window) // nobody folds
		cores := spreadOver(r, 2)
		put := func(core int, o Outcome, d uint64) { putInto(cores.shards[core].Load(), o, d) }
		for i := range uint64(2 * window) {
			put(crowded, Success, i%100)
		}
		put(1-crowded, 1, 1<<50)
		var b Reader
		v := b.Digest(r)
		if v.Newest.Duration() != 1<<50 || v.Max != 1<<50 || v.Failures != 1 {
			t.Errorf("lane %d has the most: the newest is %d, the longest %d, of %d samples %d failed", crowded,
				v.Newest.Duration(), v.Max, v.Samples, v.Failures)
		}
		if v.Samples < window*7/8 || v.Samples > window {
			t.Errorf("%d samples", v.Samples)
		}
	}
}

func TestAWindowIsFullWhenNoMorePacksFit(t *testing.T) {
	v := View{Min: math.MaxUint64}
	add := func(samples int) bool { return v.add(&pack{samples: samples, min: 5, max: 6}, 100) }
	if !add(60) || !add(40) || v.Samples != 100 || v.full {
		t.Errorf("a hundred are not a window of a hundred: %+v", v)
	}
	if add(0) || v.full {
		t.Errorf("nothing is a pack: %+v", v)
	}
	if add(1) || !v.full || v.Samples != 100 {
		t.Errorf("a window of a hundred has %+v", v)
	}
	v = View{}
	if !add(60) || add(41) || add(1) || v.Samples != 60 {
		t.Errorf("behind what is left out there is more: %+v", v)
	}
}

// Every lane's newest segment has samples of before, and counts as new.
func TestASampleIsInTheWindowUnlessThreeQuartersAreNewer(t *testing.T) {
	for _, window := range []int{4097, 5000, 20_000, 100_000} {
		for _, lanes := range []int{1, 2, 4, 16, 32, 64} {
			r := newDigestRing(window) // nobody folds
			r.Spread(lanes)
			cores := r.cores.Load().shards
			for i := range cores {
				cores[i].Store(r.cores.Load().newShard(i))
			}
			put := func(core int, d uint64) { putInto(cores[core].Load(), Success, d) }
			for i := range 2 * window {
				put(i%lanes, 1)
			}
			for core := range lanes - 1 { // until one is missing to the end of its segment
				for at := cores[core].Load().lane.current.Load(); int(at.filled.Load()) != len(at.slots)-1; {
					put(core, 1)
					at = cores[core].Load().lane.current.Load()
				}
			}
			put(lanes-1, 1<<50)
			for range window*3/4 - (lanes - 1) {
				put(lanes-1, 2)
			}
			for core := range lanes - 1 {
				put(core, 3)
			}
			var b Reader
			if v := b.Digest(r); v.Max != 1<<50 || v.Samples > window || 8*v.Samples < 7*window {
				t.Errorf("window %d, %d lanes: the longest of %d samples is %d", window, lanes, v.Samples, v.Max)
			}
		}
	}
}

func TestAClosedStreamTakesNothingAndKeepsWhatItTook(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for round := range 100 {
			r := newDigestRing(4097 + round)
			if round%3 == 1 {
				r.Spread(procs)
			}
			var taken, sum atomic.Uint64
			var wg sync.WaitGroup
			for g := range uint64(4) {
				wg.Go(func() {
					for i := uint64(1); r.Record(Outcome(i%Outcomes), i*g); i++ {
						taken.Add(1)
						sum.Add(i * g)
						if i%8 == 0 {
							runtime.Gosched()
						}
					}
				})
			}
			if round%3 == 2 {
				r.Spread(procs)
			}
			for r.Counts().Completed() < uint64(20*round) {
				r.Fold()
				runtime.Gosched()
			}
			r.Close()
			r.Close()
			for !r.Quiet() {
				r.Fold()
				runtime.Gosched()
			}
			c := r.Counts() // final, though the recorders may not have returned yet
			var b Reader
			v := b.Digest(r)
			wg.Wait()
			if r.Spread(4); r.Record(Success, 1) {
				t.Fatal("a closed stream took a record")
			}
			if c.Completed() != taken.Load() || c.Sum.low != sum.Load() || r.Counts() != c || v.ever != taken.Load() {
				t.Fatalf("%d executions and a sum of %d were taken, %d and %d counted, %d samples kept",
					taken.Load(), sum.Load(), c.Completed(), c.Sum.low, v.ever)
			}
			r.Fold()
			if after := b.Digest(r); after.ever != v.ever || after.Newest != v.Newest || !r.Quiet() {
				t.Fatalf("folding a closed stream changed it: %+v, then %+v", v, after)
			}
		}
	}
}

func TestABacklogIsPackedByTheRecordersAndNothingIsLost(t *testing.T) {
	for _, window := range []int{5000, 20_000, 100_000, 1 << 20} {
		for _, spread := range []bool{false, true} {
			r := newDigestRing(window)
			if spread {
				r.Spread(1)
			}
			n := uint64(window / 2)
			for i := range n { // nobody folds
				r.Record(outcomeOf(i), i)
			}
			raw := 0
			for l := range r.stream.lanes {
				for at := l.current.Load(); at != nil; at = at.prev.Load() {
					if at.packed.Load() == nil {
						raw += int(at.filled.Load())
					}
				}
			}
			// Besides, there are the newest segment, and the one before it, which takes a record for each step.
			if most := int(r.stream.maxBacklog) + maxSegment + 2*r.stream.first.longer; raw > max(most, smallWindow+maxSegment) {
				t.Errorf("window %d: %d samples are as they were, want at most %d", window, raw, most)
			}
			if n > 2*smallWindow && raw == int(n) {
				t.Errorf("window %d: nothing is packed", window)
			}
			checkStream(t, r, window, n)
			r.Fold()
			checkStream(t, r, window, n)
		}
	}
}

// However far recorders get ahead, they fill the same slots again and again.
func TestRecordersAheadUseTwoSegmentsSlots(t *testing.T) {
	r := newDigestRing(1 << 20)
	for range 50_000 { // nobody folds
		r.Record(Success, 1)
	}
	used := map[*atomic.Uint64]bool{}
	for range 20 * maxLonger {
		r.Record(Success, 2)
		used[&r.stream.first.current.Load().slots[0]] = true
	}
	if len(used) != 2 {
		t.Errorf("they used %d", len(used))
	}
	r.Fold()
	if r.stream.first.ahead.Load() != nil {
		t.Error("they go on though all is folded")
	}
	checkCounts(t, r, 50_000+20*maxLonger)
}

func TestAFirstLaneIsFoldedToItsEndWhenNobodyOwnsItAfterTheSpread(t *testing.T) {
	r := newDigestRing(100_000)
	for i := range uint64(smallWindow + 100) {
		r.Record(outcomeOf(i), i)
	}
	head, _ := r.first.acquire() // by a recorder that is held up
	r.Spread(1)
	r.Fold()
	if through := r.stream.folded.Load().through(firstLane); through >= r.stream.first.current.Load().seq.Load() {
		t.Error("a segment that has an owner was folded")
	}
	checkStream(t, r, 100_000, smallWindow+100)
	r.first.count(outcomeOf(smallWindow+100), smallWindow+100)
	r.stream.first.put(sampleOf(outcomeOf(smallWindow+100), smallWindow+100, 0), 0)
	r.first.head.Store(r.after(head))
	checkStream(t, r, 100_000, smallWindow+101)
	r.Fold()
	if r.stream.folded.Load().through(firstLane) != r.stream.first.current.Load().seq.Load() {
		t.Error("the first lane was not folded to its end")
	}
	if last := r.stream.first.current.Load(); last.prev.Load() != nil || len(last.slots) != 0 {
		t.Errorf("the first lane keeps %d slots, and more before them: %v", len(last.slots), last.prev.Load() != nil)
	}
	checkStream(t, r, 100_000, smallWindow+101)
	for i := uint64(smallWindow + 101); i < 9000; i++ {
		r.Record(outcomeOf(i), i)
		r.Fold()
	}
	checkStream(t, r, 100_000, 9000)
}

func TestFoldedSegmentsAreUsedAgainAFewOfThem(t *testing.T) {
	r := newDigestRing(1_000_000)
	for range smallWindow + 100 { // fewer are not folded
		r.Record(Success, 1)
	}
	r.Fold()
	if r.stream.first.current.Load().prev.Load() != nil {
		t.Error("folded segments are kept")
	}
	spares := map[*atomic.Uint64]bool{}
	for at := r.stream.spares.top.Load(); at != nil; at = at.below {
		spares[&at.slots[0]] = true
	}
	const most = (maxBatch + maxBatch/2) / maxSegment
	if len(spares) != most || r.stream.spares.top.Load().total() != most*maxSegment {
		t.Errorf("there are %d spare segments, want %d", len(spares), most)
	}
	for range maxSegment + 1 {
		r.Record(Success, 2)
	}
	if !spares[&r.stream.first.current.Load().slots[0]] || r.stream.spares.top.Load().total() != (most-1)*maxSegment {
		t.Error("a spare segment is not used")
	}
	checkCounts(t, r, smallWindow+100+maxSegment+1)
}

// checkCounts looks whether a stream at rest has so many samples.
func checkCounts(t *testing.T, r *Ring, n uint64) {
	t.Helper()
	var b Reader
	if v := b.Digest(r); v.ever != n || r.Counts().Completed() != n {
		t.Errorf("%d samples of %d executions, want %d", v.ever, r.Counts().Completed(), n)
	}
}

// packed returns the pack of durations.
func packed(durations []uint64, compression float64) *pack {
	s := newSegment(newSlots(len(durations)))
	for i, d := range durations {
		s.slots[i].Store(uint64(sampleOf(outcomeOf(uint64(i)), d, 0)))
	}
	s.filled.Store(uint64(len(durations)))
	var p packing
	p.start(compression, s)
	return p.finish()
}

func TestPacksHaveEverySampleInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		n := 1 + random.IntN(maxSegment)
		base, spread := random.Uint64N(MaxDuration/2), uint64(1)<<random.IntN(55)
		durations := make([]uint64, n)
		for i := range durations {
			durations[i] = min(base+random.Uint64N(spread)<<(round%5), MaxDuration)
		}
		p := packed(durations, 1e9) // so fine that each sample is a centroid
		slices.Sort(durations)
		if p.samples != n || p.failures != failuresAmong(0, uint64(n)) || p.min != durations[0] || p.max != durations[n-1] ||
			len(p.centroids) != n {
			t.Fatalf("%d samples are packed as %+v", n, p)
		}
		for i, c := range p.centroids {
			if c.mean() != float64(durations[i]) || c.weight != 1 {
				t.Fatalf("centroid %d of %d is %v, want %d", i, n, c, durations[i])
			}
		}
	}
}

func TestGroupsKeepWeightAndOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 39, 100, 256, maxSegment} {
		sorted := make([]uint64, n)
		for i := range sorted {
			sorted[i] = uint64(i * i)
		}
		groups := packed(sorted, 100).centroids
		weight := 0
		for _, g := range groups {
			weight += int(g.weight)
		}
		if weight != n || groups[0].mean() != 0 || groups[0].weight != 1 || groups[len(groups)-1].weight > 3 || len(groups) > 300 ||
			!slices.IsSortedFunc(groups, func(a, b centroid) int { return cmp.Compare(a.mean(), b.mean()) }) {
			t.Errorf("%d samples make %d groups of weight %v, from %v", n, len(groups), weight, groups[0])
		}
	}
}
