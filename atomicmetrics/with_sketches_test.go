package atomicmetrics_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// sketching makes collectors whose windows of any size are exact, with sketches.
func sketching(t testing.TB, windowSize int) *atomicmetrics.Collector {
	t.Helper()
	return newCollector(t, exactly, atomicmetrics.WithSketches(), atomicmetrics.WithWindowSize(windowSize))
}

func TestSnapshotHasSketchesWithTheOptionOnly(t *testing.T) {
	without := newCollector(t)
	without.RecordSuccess("n", 1)
	if s := without.Snapshot(); s.Sketches != nil {
		t.Errorf("without the option: %v", s.Sketches)
	}
	if s := newCollector(t, atomicmetrics.WithSketches()).Snapshot(); s.Sketches == nil || len(s.Sketches) != 0 {
		t.Errorf("without nodes: %#v", s.Sketches)
	}
	var none *atomicmetrics.Collector
	if s := none.Snapshot(); s.Sketches != nil {
		t.Errorf("of a nil collector: %v", s.Sketches)
	}
}

func TestSketchIsTheWindowsSamplesAndTheJSONToo(t *testing.T) {
	c := sketching(t, 4)
	for _, d := range []time.Duration{70, 9, 5, 3, 5} { // 70 has left the window
		c.RecordFailureAs("n", d, atomicmetrics.CategoryOther)
	}
	c.RecordRetry("retried", 1)
	want := map[string]atomicmetrics.Sketch{"n": sketchOf([]time.Duration{9, 5, 3, 5}), "retried": {}}
	if got := c.Snapshot().Sketches; !reflect.DeepEqual(got, want) {
		t.Errorf("snapshot: %v", got)
	}
	parsed, err := atomicmetrics.ParseSnapshot([]byte(c.String()))
	if err != nil || !reflect.DeepEqual(parsed.Sketches, want) {
		t.Errorf("JSON: %v, %v", parsed.Sketches, err)
	}
	if got := c.Reset().Sketches; !reflect.DeepEqual(got, want) {
		t.Errorf("reset: %v", got)
	}
	if got := c.Snapshot().Sketches; len(got) != 0 {
		t.Errorf("after the reset: %v", got)
	}
}

// A sketch keeps 1,024 samples. Of a larger window it has centroids.
func TestSketchOfALargeWindowIsCentroids(t *testing.T) {
	r := rand.New(rand.NewPCG(70, 70))
	c := sketching(t, 65_536)
	for n := 1; n <= 65_536; n++ {
		c.RecordSuccess("n", time.Duration(math.Exp(14+r.NormFloat64())))
		if n != 1024 && n != 1025 && n != 65_536 {
			continue
		}
		s := c.Snapshot()
		sketch, m := s.Sketches["n"], s.Nodes["n"]
		samples := !slices.ContainsFunc(sketch, func(c atomicmetrics.Centroid) bool { return c.Weight != 1 })
		equal(t, "samples themselves", samples, n <= 1024)
		if len(sketch) > 1024 {
			t.Errorf("%d samples: %d pairs", n, len(sketch))
		}
		writtenAndRead(t, s) // which compares the sketch with the node
		if q := sketch.Quantiles(0, 1); q[0] != m.WindowMin || q[1] != m.WindowMax {
			t.Errorf("%d samples: extremes %v", n, q)
		}
	}
}

// Windows that are kept as t-digests: the sketch has their samples, folded or not yet, and merges like any other.
func TestSketchesOfTDigestsMergeWithinTheError(t *testing.T) {
	const window, processes = 70_000, 8
	var windows [][]time.Duration
	var all []atomicmetrics.Snapshot
	for i := range processes {
		r := rand.New(rand.NewPCG(uint64(i), 71))
		c := newCollector(t, atomicmetrics.WithSketches(), atomicmetrics.WithWindowSize(window),
			atomicmetrics.WithPercentiles(digest.TDigest(100)))
		durations := make([]time.Duration, 10_000*(i+1)) // the last are more than a window holds
		for j := range durations {
			durations[j] = time.Duration(math.Exp(14 + float64(i)/4 + r.NormFloat64()))
			c.RecordSuccess("n", durations[j])
			if j == 10 || j == 5000 || j == 9000 {
				writtenAndRead(t, c.Snapshot())
			}
		}
		flush(t, c)
		s := c.Snapshot()
		writtenAndRead(t, s)
		n := s.Nodes["n"].WindowSamples
		windows = append(windows, durations[len(durations)-n:])
		all = append(all, s)
	}
	s := merged(t, all...)
	writtenAndRead(t, s)
	m := s.Nodes["n"]
	lowest, highest := windows[0][0], windows[0][0]
	for _, w := range windows {
		lowest, highest = min(lowest, slices.Min(w)), max(highest, slices.Max(w))
	}
	equal(t, "window minimum", m.WindowMin, lowest)
	equal(t, "window maximum", m.WindowMax, highest)
	for _, c := range []struct {
		q, limit float64
		d        time.Duration
	}{{0.5, 0.01, m.P50}, {0.9, 0.005, m.P90}, {0.99, 0.002, m.P99}} {
		if got := rank(windows, c.d); math.Abs(got-c.q) > c.limit {
			t.Errorf("quantile %v has rank %.5f", c.q, got)
		}
	}
}

func TestCollectorsOfSeveralProcessesMerge(t *testing.T) {
	var all []atomicmetrics.Snapshot
	for i := range 10 {
		c := sketching(t, 100)
		for j := range 100 {
			c.RecordSuccess("n", time.Duration(1+i+10*j))
		}
		all = append(all, c.Snapshot())
	}
	m := merged(t, all...).Nodes["n"]
	got := []time.Duration{m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax}
	if want := []time.Duration{1, 500, 900, 990, 1000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What a snapshot says of a window and its sketch are of one copy, beside recorders and resets too.
func TestSketchesBelongToTheirNodesBesideRecorders(t *testing.T) {
	c := sketching(t, 50)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20_000 {
			c.RecordSuccess("n", time.Duration(i*7919%1000))
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		writtenAndRead(t, c.Snapshot())
		writtenAndRead(t, c.Reset())
	}
}
