package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/race"
)

// shard is a batch with its owner, as a ring has it.
type shard struct {
	*Batch
	h *History
	n uint64 // samples
}

func newShards(h *History, half, shards int, keyed bool) []*shard {
	var all []*shard
	for i := range shards {
		all = append(all, &shard{Batch: NewBatch(i, half, keyed), h: h})
	}
	return all
}

// put records a sample. It publishes if there is no room. It reports whether
// the sample filled a half.
func (s *shard) put(key, sample uint64) (full bool) {
	slot := s.n % (2 * s.half)
	if s.Begins(slot) && !s.h.Room(s.Batch, s.n) {
		s.publish()
	}
	s.Put(slot, key, sample)
	s.n++
	return s.Begins(s.n % (2 * s.half))
}

func (s *shard) publish() { s.h.Publish(s.Batch, s.n) }

var noBounds = Bounds{Duration, Duration}

// Every seventh sample is a failure.
func sampleNumber(i uint64) uint64 {
	if i%7 == 0 {
		return i | Failed
	}
	return i
}

func failuresAmong(from, to uint64) int { return int((to+6)/7 - (from+6)/7) }

// check compares a history whose samples have the durations 0, 1, 2 … in the
// order of their keys with the newest of n samples.
func check(t *testing.T, h *History, n uint64) {
	t.Helper()
	var r Reader
	r.Load(h)
	if r.Recorded != n {
		t.Fatalf("the history has had %d samples of %d", r.Recorded, n)
	}
	if n == 0 {
		return
	}
	least := min(n, uint64(h.window-h.window/4))
	if uint64(r.Samples) < least || r.Samples > h.window {
		t.Fatalf("after %d samples a window of %d has %d", n, h.window, r.Samples)
	}
	oldest := n - uint64(r.Samples)
	if r.Min != oldest || r.Max != n-1 || r.Newest&Duration != n-1 || r.Failures != failuresAmong(oldest, n) ||
		r.Slow != int(n-1)-int(max(oldest, h.bounds.Slow+1))+1 && r.Slow != 0 {
		t.Fatalf("after %d samples the window is %+v, want samples %d to %d", n, r.Window, oldest, n-1)
	}
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		want := float64(oldest) + q*float64(r.Samples)
		if got := float64(r.Quantile(q)); math.Abs(got-want) > 0.01*float64(r.Samples)+1 {
			t.Fatalf("after %d samples the quantile %v is %v, want %v", n, q, got, want)
		}
	}
	weight, sum := 0, 0.0
	for _, c := range r.Centroids() {
		weight += c.Weight
		sum += float64(c.Weight) * float64(c.Mean)
	}
	want := float64(r.Samples) * float64(oldest+n-1) / 2
	if weight != r.Samples || math.Abs(sum-want) > float64(r.Samples) {
		t.Fatalf("the centroids weigh %d and add up to %v, want %d and %v", weight, sum, r.Samples, want)
	}
}

func TestAHistoryHoldsExactlyTheNewestSamples(t *testing.T) {
	for _, window := range []int{8193, 20_000} {
		for _, shards := range []int{1, 2, 16} {
			for _, reads := range []int{0, 5, 1000} { // of so many samples, on average
				if race.Enabled && window > 10_000 {
					continue // one goroutine does all of it
				}
				t.Run(fmt.Sprintf("window=%d/shards=%d/reads=%d", window, shards, reads), func(t *testing.T) {
					r := rand.New(rand.NewPCG(uint64(window), uint64(shards)))
					h := New(window, 300, Bounds{uint64(window), uint64(window) / 2})
					all := newShards(h, max(16, min(256, window/32)/shards), shards, shards > 1)
					busy := 0
					for n := range uint64(3 * window) {
						if r.IntN(500) == 0 {
							busy = r.IntN(shards) // most samples come from one shard for a while
						}
						s := all[busy]
						if r.IntN(4) == 0 {
							s = all[r.IntN(shards)]
						}
						full := s.put(n, sampleNumber(n))
						read := reads > 0 && r.IntN(reads) == 0
						if full && !read {
							s.publish()
						}
						if read || n == uint64(3*window-1) {
							for _, s := range all {
								s.publish()
							}
							if r.IntN(50) == 0 || n < 10 {
								check(t, h, n+1)
							}
						}
					}
					check(t, h, uint64(3*window))
				})
			}
		}
	}
}

func TestAQuietShardsSamplesAreForgotten(t *testing.T) {
	const window, longest = 9000, 1 << 50
	for _, published := range []bool{false, true} {
		h := New(window, 300, noBounds)
		all := newShards(h, 32, 3, true)
		for i := range uint64(3) {
			all[0].put(i, longest)
		}
		if published {
			all[0].publish()
		}
		in := func() bool {
			for _, s := range all {
				s.publish()
			}
			var r Reader
			r.Load(h)
			return r.Max == longest
		}
		for i := range uint64(window) {
			if all[1+i%2].put(3+i, i%100) {
				all[1+i%2].publish()
			}
		}
		if in() {
			t.Errorf("published %v: a sample with a window of newer ones is still there", published)
		}
		all[0].put(window+3, longest)
		if !in() {
			t.Errorf("published %v: the newest sample of a quiet shard is not there", published)
		}
		var r Reader
		if r.Load(h); r.Newest != longest {
			t.Errorf("published %v: the newest sample is %d", published, r.Newest)
		}
	}
}

// A clock that stands still gives all samples one key.
func TestSamplesOfOneKeyAreAWindow(t *testing.T) {
	const window = 9000
	h := New(window, 300, noBounds)
	all := newShards(h, 64, 4, true)
	for i := range uint64(4 * window) {
		if s := all[i%4]; s.put(1<<63, i) {
			s.publish()
		}
	}
	var r Reader
	if r.Load(h); r.Samples > window || r.Samples < window*3/4 {
		t.Errorf("a window of %d has %d samples", window, r.Samples)
	}
}

func TestQuantilesNeverFallAndExtremesAreTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for round := range 20 {
		h := New(9000, 64, noBounds)
		s := newShards(h, 100, 1, false)[0]
		lowest, highest := uint64(Duration), uint64(0)
		base := random.Uint64N(Duration / 2)
		for range 200 + 400*round {
			d := base + random.Uint64N(Duration/2)>>(2*round) // above 2^53 too
			lowest, highest = min(lowest, d), max(highest, d)
			if s.put(0, d) {
				s.publish()
			}
		}
		s.publish()
		var r Reader
		r.Load(h)
		last := r.Quantile(0)
		if last != lowest || r.Quantile(1) != highest {
			t.Fatalf("from %d to %d, want %d to %d", last, r.Quantile(1), lowest, highest)
		}
		for i := range 5001 {
			q := float64(i) / 5000
			if d := r.Quantile(q); d < last {
				t.Fatalf("quantile %v is %d, one before is %d", q, d, last)
			} else {
				last = d
			}
		}
	}
}

func TestFewSamplesAreAnsweredExactly(t *testing.T) {
	h := New(9000, 300, noBounds)
	s := newShards(h, 140, 1, false)[0]
	for i := range uint64(h.due - 1) {
		if s.put(0, Duration-i*i) {
			s.publish()
		}
		if i%50 != 0 {
			continue
		}
		s.publish()
		var r Reader
		r.Load(h)
		if got, want := r.Quantile(0.5), Duration-(i+1)/2*((i+1)/2); got != uint64(want) {
			t.Fatalf("the median of %d samples is %d, want %d", i+1, got, want)
		}
	}
}

// limits are the rank errors of S11, in parts of the samples.
var limits = map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002}

// rankError returns how far d is from the quantile q of samples, in parts of
// them.
func rankError(samples []uint64, d uint64, q float64) float64 {
	below, upTo := 0, 0
	for _, s := range samples {
		if s < d {
			below++
		}
		if s <= d {
			upTo++
		}
	}
	rank := int(math.Ceil(q*float64(len(samples)) - 1e-9))
	return float64(max(0, below+1-rank, rank-upTo)) / float64(len(samples))
}

// gapped are windows with a gap behind a share of the samples.
var gapped = map[string]func(r *rand.Rand, i, n int, share float64) uint64{
	"a thousandfold": func(r *rand.Rand, i, n int, share float64) uint64 {
		return mode(r, r.Float64() < share, 1e6, 1e9)
	},
	"twofold": func(r *rand.Rand, i, n int, share float64) uint64 {
		return mode(r, r.Float64() < share, 1e6, 4e6)
	},
	"as even as it can be": func(r *rand.Rand, i, n int, share float64) uint64 {
		return mode(r, int(float64(i+1)*share) > int(float64(i)*share), 1e6, 1e9)
	},
	"three modes": func(r *rand.Rand, i, n int, share float64) uint64 {
		u := r.Float64()
		return mode(r, u < share, 1e6+1e8*float64(r.IntN(2)), 1e10)
	},
	"five modes close to the gap": func(r *rand.Rand, i, n int, share float64) uint64 {
		switch u := r.Float64() - share; {
		case u < -0.01:
			return mode(r, true, 1e3, 0)
		case u < 0:
			return mode(r, true, 1e5, 0)
		case u < 0.003:
			return mode(r, true, 1e7, 0)
		case u < 0.006:
			return mode(r, true, 1e9, 0)
		}
		return mode(r, true, 1e11, 0)
	},
	"ties": func(r *rand.Rand, i, n int, share float64) uint64 {
		if r.Float64() < share {
			return 5e6
		}
		return 7e9
	},
	"sorted": func(r *rand.Rand, i, n int, share float64) uint64 {
		return uint64(i) + mode(nil, float64(i) < share*float64(n), 0, 1e9)
	},
	"reversed": func(r *rand.Rand, i, n int, share float64) uint64 {
		return uint64(n-i) + mode(nil, float64(n-i) < share*float64(n), 0, 1e9)
	},
	"now fast, now slow": func(r *rand.Rand, i, n int, share float64) uint64 {
		return mode(r, float64(i%3000) < share*3000, 1e6, 1e9)
	},
}

func mode(r *rand.Rand, fast bool, low, high float64) uint64 {
	if !fast {
		low = high
	}
	if r == nil {
		return uint64(low)
	}
	return uint64(low * (1 + r.Float64()))
}

// filled returns the samples of a full window, and a reader of its history. One
// recorder recorded sample(0), sample(1) and so on.
func filled(window, half int, sample func(i int) uint64) (held []uint64, reader *Reader) {
	h := New(window, 300, noBounds)
	s := newShards(h, half, 1, false)[0]
	samples := make([]uint64, 0, window)
	for i := range window {
		d := sample(i)
		samples = append(samples, d)
		if s.put(0, d) {
			s.publish()
		}
	}
	s.publish()
	reader = new(Reader)
	reader.Load(h)
	return samples[window-reader.Samples:], reader
}

func TestTheRankErrorBesideAGapIsWithinTheLimits(t *testing.T) {
	positions := 25 // on either side
	if race.Enabled {
		positions = 2 // one goroutine does all of it
	}
	worst := map[float64]float64{}
	for name, next := range gapped {
		window := 20_000
		if name == "a thousandfold" && !race.Enabled {
			window = 100_000
		}
		for q, limit := range limits {
			for at := -positions; at <= positions; at++ {
				share := q + 2.5*limit*float64(at)/float64(positions)
				r := rand.New(rand.NewPCG(uint64(at+100), math.Float64bits(q)))
				half := []int{min(640, window/100), 16}[at&1]
				held, reader := filled(window, half, func(i int) uint64 { return next(r, i, window, share) })
				e := rankError(held, reader.Quantile(q), q)
				worst[q] = max(worst[q], e/limit)
				if e > limit {
					t.Errorf("%s, %.2f %% before the gap: the quantile %v is off by %.3f %% of the ranks, at most %.1f %% are allowed",
						name, 100*share, q, 100*e, 100*limit)
				}
			}
		}
	}
	for q, part := range worst {
		t.Logf("quantile %v: at worst %.0f %% of the limit", q, 100*part)
	}
}

func TestGenerationsAreAFewAndOfAnEighthOfTheWindow(t *testing.T) {
	const window = 100_000
	h := New(window, 300, noBounds)
	s := newShards(h, 640, 1, false)[0]
	for i := range uint64(3 * window) {
		if !s.put(0, i) {
			continue
		}
		s.publish()
		v := h.now.Load()
		if len(v.generations) > generations+2 || v.words >= h.due || len(v.packs) >= maxPacks {
			t.Fatalf("after %d samples there are %d generations, and %d words in %d packs", i, len(v.generations), v.words,
				len(v.packs))
		}
		for _, g := range v.generations {
			if g.counts.Samples > window/generations+maxPending {
				t.Fatalf("a generation has %d samples", g.counts.Samples)
			}
			if !slices.IsSorted(g.means) || !slices.IsSorted(g.upTo) || len(g.means) > 2*300 {
				t.Fatalf("the %d centroids of a generation are not in order", len(g.means))
			}
		}
	}
}

// Three gaps at once, each at some 27 positions around its percentile. A
// million samples are the merges of many packs.
func TestTheRankErrorBesideGapsIsWithinTheLimitsAtAMillion(t *testing.T) {
	const window, positions = 1_000_000, 13 // on either side
	step := 1
	if race.Enabled {
		step = positions // one goroutine does all of it
	}
	worst := map[float64]float64{}
	for at := -positions; at <= positions; at += step {
		r := rand.New(rand.NewPCG(uint64(at+100), 10))
		share := func(q float64) float64 { return q + 2.5*limits[q]*float64(at)/positions }
		held, reader := filled(window, 640, func(int) uint64 {
			base := 1e12
			switch u := r.Float64(); {
			case u < share(0.5):
				base = 1e3
			case u < share(0.9):
				base = 1e6
			case u < share(0.99):
				base = 1e9
			}
			return uint64(base * (1 + r.Float64()))
		})
		for q, limit := range limits {
			e := rankError(held, reader.Quantile(q), q)
			worst[q] = max(worst[q], e/limit)
			if e > limit {
				t.Errorf("position %d: the quantile %v is off by %.3f %% of the ranks, at most %.1f %% are allowed",
					at, q, 100*e, 100*limit)
			}
		}
	}
	t.Logf("at worst, in parts of the limit: %.2f", worst)
}

// work returns how many packs, samples in packs, generations and centroids the
// reads of r walk.
func work(r *Reader) (packs, samples, generations, centroids int) {
	for _, p := range r.packs {
		samples += len(p.samples)
	}
	for _, g := range r.generations {
		centroids += len(g.means)
	}
	return len(r.packs), samples, len(r.generations), centroids
}

// The reader reads at the start and for as long as the recorders run. No
// recorder pauses.
func TestAReadWalksNoMoreHoweverLongRecordersHaveRun(t *testing.T) {
	const window, compression = 9000, 300
	windows := 30
	if race.Enabled {
		windows = 5
	}
	for _, recorders := range []int{1, 2, 6, 32} {
		h := New(window, compression, noBounds)
		all := newShards(h, max(16, 256/recorders), recorders, true)
		var clock, running atomic.Int64
		var wg sync.WaitGroup
		running.Store(int64(recorders))
		for _, s := range all {
			wg.Go(func() {
				defer running.Add(-1)
				for {
					key := clock.Add(1)
					if key > int64(windows*window) {
						return
					}
					if s.put(uint64(key), uint64(key)) {
						s.publish()
					}
				}
			})
		}
		var r Reader
		look := func() {
			r.Load(h)
			packs, samples, gens, centroids := work(&r)
			if packs > overdue*maxPacks+recorders || samples >= h.overdue ||
				gens > generations+2 || centroids > (generations+2)*2*compression {
				t.Errorf("%d recorders, after %d records: a read walks %d packs with %d samples, and %d generations with %d centroids",
					recorders, r.Recorded, packs, samples, gens, centroids)
			}
		}
		for running.Load() > 0 && !t.Failed() {
			look()
			runtime.Gosched()
		}
		wg.Wait()
		for h.merging.Load() { // another goroutine may merge for the recorders
			runtime.Gosched()
		}
		look()
		if packs, samples, _, _ := work(&r); packs >= maxPacks || samples >= h.due {
			t.Errorf("%d recorders that have stopped left %d packs with %d samples", recorders, packs, samples)
		}
	}
}

func TestTheSizeOfAHistoryIsItsMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has memory of its own")
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // pools of scratch memory survive the first
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	for _, shards := range []int{1, 4} {
		for _, samples := range []uint64{1200, 300_000} { // in packs alone, and in generations too
			before, size := heap(), 0
			var all [20]*History
			for i := range all {
				h := New(100_000, 300, noBounds)
				some := newShards(h, 600/shards, shards, shards > 1)
				for n := range samples {
					if s := some[n%uint64(shards)]; s.put(n, n) {
						s.publish()
					}
				}
				all[i], size = h, size+h.Size()
			}
			// The allocator rounds up.
			if got := heap() - before; math.Abs(float64(got-size)) > 0.15*float64(size) {
				t.Errorf("%d samples of %d shards: histories of %d bytes take %d", samples, shards, size, got)
			}
			runtime.KeepAlive(&all)
		}
	}
}
