package atomicmetrics

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/race"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// verdictOf returns the verdict on the node's present window.
func verdictOf(n *Node) verdict.Verdict {
	if s := n.life.State(); s != nil {
		return s.Verdict()
	}
	return 0
}

// breachesAfter records until the node is in breach, at most so many, and
// returns how many records that took. It reads nothing and waits for nothing.
func breachesAfter(n *Node, most int, record func(i int)) int {
	for i := range most {
		if record(i); verdictOf(n)&^verdict.Judged != 0 {
			return i + 1
		}
	}
	return most + 1
}

func TestTDigestThresholdsAreJudgedInTimeWithoutAPause(t *testing.T) {
	for _, window := range []int{8193, 20_000, 1_000_000} {
		for _, spread := range []bool{false, true} {
			late := window / 50
			fail := func(n *Node) func(int) { return func(int) { n.RecordFailureAs(1, CategoryOther) } }

			n := digestCollector(t, window, WithThresholds(Thresholds{FailureRate: 0.5})).Node("n")
			if n.RecordSuccess(1); spread {
				n.life.State().Ring.Spread(1)
			}
			if i := breachesAfter(n, window, fail(n)); i > late {
				t.Errorf("window %d, spread %v: a breach by failures alone was raised after %d records, want at most %d",
					window, spread, i, late)
			}

			n = digestCollector(t, window, WithThresholds(Thresholds{Latency: 100})).Node("n")
			if n.RecordSuccess(1); spread {
				n.life.State().Ring.Spread(1)
			}
			for range window / 2 {
				n.RecordSuccess(100)
			}
			slow := window / 2 / 99 // so many more make the p99 slow
			if i := breachesAfter(n, window, func(int) { n.RecordSuccess(101) }); i < slow || i > slow+late+1 {
				t.Errorf("window %d, spread %v: a breach by latency was raised after %d slow records, want %d to %d", window, spread,
					i, slow, slow+late+1)
			}
		}
	}
}

// While the operating system holds up the recorder that raises the breach, no
// other judges. So only one of several tries must be in time.
func TestTDigestThresholdsAreJudgedInTimeBesideOtherRecorders(t *testing.T) {
	const window, recorders, tries = 100_000, 4, 5
	const most = recorders * window / 50
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var late []int64
	for range tries {
		n := digestCollector(t, window, WithThresholds(Thresholds{FailureRate: 0.5})).Node("n")
		n.RecordSuccess(1)
		n.life.State().Ring.Spread(4)
		var records atomic.Int64
		var wg sync.WaitGroup
		for range recorders {
			wg.Go(func() {
				for verdictOf(n)&verdict.FailureBreach == 0 && records.Add(1) < window {
					n.RecordFailureAs(1, CategoryOther)
				}
			})
		}
		wg.Wait()
		if records.Load() <= most {
			return
		}
		late = append(late, records.Load())
	}
	t.Errorf("breaches were raised after %d records of %d recorders, want at most %d", late, recorders, most)
}

// The window forgets an eighth at a time, so it seldom has its size.
func TestTDigestMinSamplesCountsExecutions(t *testing.T) {
	const window = 9000
	for _, least := range []int{window*7/8 + 1, window} {
		c := digestCollector(t, window, WithThresholds(Thresholds{FailureRate: 0.5, MinSamples: least}))
		n := c.Node("n")
		fail := func(int) { n.RecordFailureAs(1, CategoryOther) }
		for range 2 {
			if i := breachesAfter(n, 3*window, fail); i < least || i > least+window/50 {
				t.Errorf("MinSamples %d: breached after %d records", least, i)
			}
			for i := range 2 * window { // once judged, the node stays judged
				if fail(i); verdictOf(n) != verdict.Judged|verdict.FailureBreach {
					t.Fatalf("MinSamples %d: the verdict is %b after %d more failures", least, verdictOf(n), i)
				}
			}
			n.Reset()
		}
	}
}

func TestFlushJudgesALargeWindowOfANodeThatStopped(t *testing.T) {
	for _, spread := range []bool{false, true} {
		c := digestCollector(t, 1_000_000, WithThresholds(Thresholds{FailureRate: 0.5}))
		n := c.Node("n")
		n.RecordFailureAs(1, CategoryOther)
		if spread {
			n.life.State().Ring.Spread(2)
			n.RecordFailureAs(1, CategoryOther)
		}
		if err := c.Flush(t.Context()); err != nil || !n.Metrics().FailureRateBreached {
			t.Errorf("spread %v: %v, breached %v", spread, err, n.Metrics().FailureRateBreached)
		}
	}
}

func TestTDigestEventsSayAP99BeyondTheThreshold(t *testing.T) {
	const window, latency = 9000, 1 << 20
	var events []Event
	c := digestCollector(t, window, WithThresholds(Thresholds{Latency: latency, Recovery: 0.5}), OnEvent(func(e Event) {
		events = append(events, e)
	}))
	n := c.Node("n")
	for round := range 6 {
		for i := range window {
			d := time.Duration(latency / 2)
			if i%40 == 0 && round%2 == 0 {
				d = latency + 1
			}
			n.RecordSuccess(d)
		}
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(events) < 5 {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		if e.Breached != (i%2 == 0) || e.Breached && e.P99 <= latency || !e.Breached && e.P99 > latency/2 {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}

func TestTDigestQuantilesNeverFall(t *testing.T) {
	c := digestCollector(t, 10_000)
	n := c.Node("n")
	random := rand.New(rand.NewPCG(4, 9))
	for range 15_000 {
		n.RecordSuccess(MaxDuration - time.Duration(random.IntN(1000)))
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var qs []float64
	for i := range 1001 {
		qs = append(qs, float64(i)/1000)
	}
	quantiles := n.Quantiles(qs...)
	if !slices.IsSorted(quantiles) {
		t.Error("quantiles fall as q rises")
	}
	if m := n.Metrics(); quantiles[0] != m.WindowMin || quantiles[1000] != m.WindowMax {
		t.Errorf("from %d to %d, want %d to %d", quantiles[0], quantiles[1000], m.WindowMin, m.WindowMax)
	}
}

// On 32-bit platforms the window times its generations is no int.
func TestTheLargestWindowsKeepEverySample(t *testing.T) {
	for _, window := range []int{306_783_379, 1 << 30} {
		c := digestCollector(t, window)
		n := c.Node("n")
		for i := range 100_000 {
			n.RecordSuccess(time.Duration(i))
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := n.Metrics(); m.WindowSamples != 100_000 || m.WindowMax != 99_999 || n.life.State().Ring.Size() > 64<<10 {
			t.Errorf("window %d: %d samples up to %d, %d bytes", window, m.WindowSamples, m.WindowMax, n.life.State().Ring.Size())
		}
	}
}

// A gap between two modes is at 51 places around each percentile.
func TestTDigestAndItsSketchAreAccurateBesideAGap(t *testing.T) {
	window, positions := 100_000, 25
	if race.Enabled {
		window, positions = 20_000, 3
	}
	limits := map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002}
	worst := map[string]float64{}
	for q, limit := range limits {
		for at := -positions; at <= positions; at++ {
			share := q + 2.5*limit*float64(at)/float64(positions)
			random := rand.New(rand.NewPCG(uint64(at+1000), uint64(1000*q)))
			c := digestCollector(t, window, WithSketches())
			n := c.Node("n")
			samples := make([]uint64, window)
			for i := range samples {
				if samples[i] = 1e9 + random.Uint64N(1e8); random.Float64() < share {
					samples[i] = 1e6 + random.Uint64N(1e6)
				}
				n.RecordSuccess(time.Duration(samples[i]))
			}
			s := c.Snapshot()
			held := samples[window-s.Nodes["n"].WindowSamples:]
			slices.Sort(held)
			for of, d := range map[string]time.Duration{"node": n.Quantiles(q)[0], "sketch": s.Sketches["n"].Quantiles(q)[0]} {
				e := rankError(held, d, q)
				key := fmt.Sprintf("p%v of the %s", 100*q, of)
				worst[key] = max(worst[key], e)
				if e > limit {
					t.Errorf("%s, the gap at %.3f: off by %.3f %% of the ranks, at most %.1f %% are allowed", key, share, 100*e, 100*limit)
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(worst)) {
		t.Logf("%s: off by %.3f %% of the ranks at worst", key, 100*worst[key])
	}
}

// The test asks for the size while the recorders record. They stop only after
// it has asked many times.
func TestTDigestMemoryIsBoundedBesideRecordersThatNeverPause(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has memory of its own")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	const most, atRest, looks = 512 << 10, 64 << 10, 50
	for _, window := range []int{9000, 20_000, 100_000, 1_000_000, 10_000_000} {
		records := min(max(200_000, window*5/4), 1_250_000) // a window and more, or a generation
		for _, recorders := range []int{1, 2, 6, 32} {
			for _, reads := range []bool{false, true} {
				n := digestCollector(t, window).Node("n")
				n.RecordSuccess(1)
				ring := &n.life.State().Ring
				var enough atomic.Bool
				var wg sync.WaitGroup
				for g := range recorders {
					wg.Go(func() {
						random := rand.New(rand.NewPCG(uint64(g), 1))
						for i := 0; i < records/recorders || !enough.Load(); i++ {
							n.RecordSuccess(time.Duration(random.ExpFloat64() * 1e7))
						}
					})
				}
				worst := 0
				for i := 0; i < looks || ring.Counts().Completed() < uint64(records); i++ {
					worst = max(worst, ring.Size())
					if reads {
						n.Metrics()
					}
					runtime.Gosched()
				}
				enough.Store(true)
				wg.Wait()
				// A goroutine may still merge what the recorders left. The test waits
				// for it.
				rest := ring.Size()
				for end := time.Now().Add(10 * time.Second); rest > atRest && time.Now().Before(end); rest = ring.Size() {
					runtime.Gosched()
				}
				if worst > most || rest > atRest {
					t.Errorf("window %d, %d recorders, reads %v: up to %d bytes, %d at rest; want at most %d and %d",
						window, recorders, reads, worst, rest, most, atRest)
				}
			}
		}
	}
}

func TestTDigestThresholdsAreJudgedInEveryState(t *testing.T) {
	for _, window := range []int{9000, 100_000} {
		var mu sync.Mutex
		var events []Event
		c := digestCollector(t, window, WithThresholds(Thresholds{FailureRate: 0.2, Latency: 100, Recovery: 0.5}),
			OnEvent(func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			}))
		n := c.Node("n")
		record := func(many int, failed bool, d time.Duration) {
			for range many {
				if failed {
					n.RecordFailureAs(d, CategoryOther)
				} else {
					n.RecordSuccess(d)
				}
			}
			if err := c.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(want ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			got := []string{}
			for _, e := range events {
				got = append(got, fmt.Sprintf("%v %v", e.Kind, e.Breached))
				if e.Breached && e.Kind == FailureRateEvent && e.FailureRate <= 0.2 || e.Breached && e.Kind == LatencyEvent && e.P99 <= 100 {
					t.Errorf("window %d: a breach that is none: %+v", window, e)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("window %d: events %v, want %v", window, got, want)
			}
		}
		record(window/2, false, 50)
		expect()
		record(window/8, true, 50) // a fifth of five eighths: at the threshold, not above
		expect()
		record(1, true, 50)
		expect("failureRate true")
		if !n.Metrics().FailureRateBreached {
			t.Errorf("window %d: the breach is not in the metrics", window)
		}
		record(2*window, false, 50)
		expect("failureRate true", "failureRate false")
		record(window/50, false, 500) // two in a hundred
		expect("failureRate true", "failureRate false", "latency true")
		n.Reset()
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect("failureRate true", "failureRate false", "latency true", "latency false")
		record(1, true, 500)
		all := []string{"failureRate true", "failureRate false", "latency true", "latency false", "failureRate true", "latency true"}
		expect(all...)
		record(2*window, false, 100) // at the threshold: not above it, and not recovered
		all = append(all, "failureRate false")
		expect(all...)
		record(2*window, false, 50) // at the bound of recovery
		all = append(all, "latency false")
		expect(all...)
		record(2*window, false, 100)
		expect(all...)
	}
}
