package atomicmetrics_test

import (
	"encoding/json"
	"expvar"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

func TestHandleStaysValidAfterReset(t *testing.T) {
	c := newCollector(t)
	n := c.Node("n")
	for i, reset := range []func(){
		func() { c.Reset() }, func() { c.ResetNode("n") }, func() { n.Reset() }, func() { n.Reset(); n.Reset() },
	} {
		n.RecordSuccess(1)
		reset()
		checkEmpty(t, fmt.Sprintf("reset %d", i), n.Metrics())
		n.RecordFailureAs(millis(i), atomicmetrics.CategoryTimeout)
		n.RecordRetry(1)
		m := c.NodeMetrics("n")
		equal(t, "executions under the name", m.TotalExecutions, 1)
		equal(t, "retries under the name", m.RetryCount, 1)
		equal(t, "last execution under the name", m.LastExecution, millis(i))
		if c.Node("n") != n {
			t.Error("a new handle is another one")
		}
	}
}

func TestResetReturnsWhatItClears(t *testing.T) {
	for name, reset := range map[string]func(c *atomicmetrics.Collector) atomicmetrics.NodeMetrics{
		"Reset":      func(c *atomicmetrics.Collector) atomicmetrics.NodeMetrics { return c.Reset().Nodes["n"] },
		"ResetNode":  func(c *atomicmetrics.Collector) atomicmetrics.NodeMetrics { return c.ResetNode("n") },
		"Node.Reset": func(c *atomicmetrics.Collector) atomicmetrics.NodeMetrics { return c.Node("n").Reset() },
	} {
		c := newEdgy(t)
		c.RecordSuccess("n", millis(1))
		c.RecordFailure("n", millis(3), errRefused)
		c.RecordRetry("n", 2)
		before := c.NodeMetrics("n")
		if !before.FailureRateBreached || before.WindowSamples != 1 {
			t.Fatalf("metrics %+v", before)
		}
		equal(t, name, reset(c), before)
		checkEmpty(t, name+": what is left", c.NodeMetrics("n"))
		checkEmpty(t, name+": once more", reset(c))
	}
}

func TestResetReturnsASnapshotOfTheActiveNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t, atomicmetrics.WithWindowSize(7))
		c.RecordSuccess("a", 1)
		c.RecordRetry("b", 1)
		c.Node("idle")
		want := c.Snapshot()
		// No two moments of a collector are equal.
		want.TakenAt = want.TakenAt.Add(1)
		want.Sources[0].TakenAt = want.TakenAt
		if got := c.Reset(); !reflect.DeepEqual(got, want) || len(got.Nodes) != 2 {
			t.Errorf("Reset: %+v, want %+v", got, want)
		}
		if got := c.Reset(); got.Nodes == nil || len(got.Nodes) != 0 || got.WindowSize != 7 {
			t.Errorf("Reset once more: %+v", got)
		}
		if got := c.Snapshot(); len(got.Nodes) != 0 {
			t.Errorf("Snapshot after it: %+v", got)
		}
	})
}

func TestAllIsInNameOrder(t *testing.T) {
	c := newCollector(t)
	names := []string{"", " ", "(overflow)", "A", "B", "a", "a b", "ab", "b", "é", "\uFFFD", "\U0001F600"}
	slices.Sort(names)
	for _, i := range rand.New(rand.NewPCG(5, 6)).Perm(len(names)) {
		for range i + 1 {
			c.RecordSuccess(names[i], 1)
		}
	}
	for range 2 { // an iterator can be used again
		i := 0
		for name, m := range c.All() {
			equal(t, "name", name, names[i])
			equal(t, "metrics of "+name, m, c.NodeMetrics(name))
			i++
		}
		equal(t, "nodes", i, len(names))
	}
}

func TestAllCanBeLeftEarly(t *testing.T) {
	c := newCollector(t)
	for _, name := range []string{"c", "b", "a"} {
		c.RecordSuccess(name, 1)
	}
	for leave := 1; leave <= 3; leave++ {
		var got []string
		for name := range c.All() {
			if got = append(got, name); len(got) == leave {
				break
			}
		}
		if want := []string{"a", "b", "c"}[:leave]; !slices.Equal(got, want) {
			t.Errorf("names %q, want %q", got, want)
		}
	}
}

func TestAllReadsEachNodeInItsTurn(t *testing.T) {
	c := newCollector(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		c.RecordSuccess(name, 1)
	}
	var got []string
	for name, m := range c.All() {
		got = append(got, fmt.Sprint(name, m.TotalExecutions))
		if name == "a" {
			c.RecordSuccess("b", 1) // in time
			c.ResetNode("c")
			c.RecordSuccess("e", 1) // a new node, which is not among them
		}
	}
	if want := []string{"a1", "b2", "d1"}; !slices.Equal(got, want) {
		t.Errorf("nodes and executions %q, want %q", got, want)
	}
}

func TestOnlyNodesWithActivitySinceTheirResetAreRead(t *testing.T) {
	c := newCollector(t)
	c.Node("idle")
	c.Node("started").Start()
	c.RecordSuccess("success", 1)
	c.RecordFailure("failure", 1, errRefused)
	c.RecordRetry("retry", 1)
	c.RecordSuccess("reset", 1)
	c.RecordRetry("reset", 1)
	c.ResetNode("reset")
	c.RecordSuccess("again", 1)
	c.ResetNode("again")
	c.RecordRetry("again", 1)

	want := map[string]atomicmetrics.NodeMetrics{}
	for _, name := range []string{"again", "failure", "retry", "success"} {
		want[name] = c.NodeMetrics(name)
	}
	parsed, err := atomicmetrics.ParseSnapshot([]byte(c.String()))
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]map[string]atomicmetrics.NodeMetrics{
		"AllNodeMetrics": c.AllNodeMetrics(),
		"All":            maps.Collect(c.All()),
		"Snapshot":       c.Snapshot().Nodes,
		"JSON":           parsed.Nodes,
		"Reset":          c.Reset().Nodes,
	} {
		if !maps.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
}

func TestReadsAreValuesOfTheirOwn(t *testing.T) {
	c := newCollector(t)
	c.RecordSuccess("n", 1)
	all, s := c.AllNodeMetrics(), c.Snapshot()
	clear(all)
	c.RecordSuccess("n", 1)
	equal(t, "executions in the snapshot", s.Nodes["n"].TotalExecutions, 1)
	clear(s.Nodes)
	equal(t, "executions", c.AllNodeMetrics()["n"].TotalExecutions, 2)
}

func TestSnapshotSaysWhenAndOfWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t, atomicmetrics.WithWindowSize(10_000), atomicmetrics.WithPercentiles(digest.TDigest(100)))
		time.Sleep(time.Hour + 1)
		for what, read := range map[string]func() atomicmetrics.Snapshot{"Snapshot": c.Snapshot, "Reset": c.Reset} {
			time.Sleep(time.Nanosecond) // No two moments of a collector are equal.
			s := read()
			if want := time.Now().UTC().Round(0); s.TakenAt != want { // in UTC too, and without a monotonic reading
				t.Errorf("%s: TakenAt %#v, want %#v", what, s.TakenAt, want)
			}
			equal(t, what+": window size", s.WindowSize, 10_000)
			equal(t, what+": percentiles", s.Percentiles, "tdigest")
			equal(t, what+": nodes are nil", s.Nodes == nil, false)
		}
	})
}

func TestSnapshotTimeHasNoMonotonicReading(t *testing.T) {
	s := newCollector(t).Snapshot() // not in a bubble, where no time has one
	if text := s.TakenAt.String(); strings.Contains(text, "m=") || s.TakenAt.Location() != time.UTC {
		t.Errorf("TakenAt: %s", text)
	}
	if age := time.Since(s.TakenAt); age < -time.Minute || age > time.Minute {
		t.Errorf("TakenAt: %v ago", age)
	}
}

func TestCollectorIsAnExpvar(t *testing.T) {
	c := newEdgy(t)
	c.RecordFailure("n", millis(3), errRefused)
	c.RecordRetry("a \"quoted\" <name>\n", 3)
	want := c.Snapshot()
	var v expvar.Var = c
	own, err := c.MarshalJSON()
	byPackage, errByPackage := json.Marshal(c)
	if err != nil || errByPackage != nil {
		t.Fatal(err, errByPackage)
	}
	for what, data := range map[string]string{
		"MarshalJSON": string(own), "String": v.String(), "json.Marshal": string(byPackage),
	} {
		s, err := atomicmetrics.ParseSnapshot([]byte(data))
		if err != nil || len(s.Sources) != 1 || s.TakenAt != s.Sources[0].TakenAt || !s.TakenAt.After(want.TakenAt) {
			t.Fatalf("%s: %s is read as %+v, %v", what, data, s, err)
		}
		s.TakenAt, s.Sources = want.TakenAt, want.Sources // Each read has a moment of its own.
		if !reflect.DeepEqual(s, want) {
			t.Errorf("%s: %+v, want %+v", what, s, want)
		}
	}
}

// nearestRank is the definition, taken literally: the first sample, counted from 1, that is not below q·n by more than
// floating-point excess.
func nearestRank(q float64, sorted []time.Duration) time.Duration {
	for i, d := range sorted {
		if q*float64(len(sorted))-float64(i+1) < 1e-9 {
			return d
		}
	}
	panic("q is above 1")
}

func TestQuantilesAreOfTheNearestRank(t *testing.T) {
	var q []float64
	for i := range 1001 {
		q = append(q, float64(i)/1000)
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		q = append(q, r.Float64())
	}
	n := newCollector(t, atomicmetrics.WithWindowSize(130)).Node("n")
	var window []time.Duration
	for range 300 {
		d := time.Duration(r.Int64N(1000)) // with ties
		n.RecordSuccess(d)
		if window = append(window, d); len(window) > 130 {
			window = window[1:]
		}
		sorted := slices.Sorted(slices.Values(window))
		for i, got := range n.Quantiles(q...) {
			if want := nearestRank(q[i], sorted); got != want {
				t.Fatalf("quantile %v of %d samples: %d, want %d", q[i], len(sorted), got, want)
			}
		}
		m := n.Metrics()
		for i, got := range []time.Duration{m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax} {
			of := []float64{0, 0.50, 0.90, 0.99, 1}[i]
			if want := nearestRank(of, sorted); got != want {
				t.Fatalf("quantile %v of %d samples, in the metrics: %d, want %d", of, len(sorted), got, want)
			}
		}
	}
}

func TestQuantilesOfAHundred(t *testing.T) {
	n := newCollector(t).Node("n")
	for i := range 100 {
		n.RecordSuccess(time.Duration(100 - i))
	}
	for _, row := range []struct {
		q    float64
		want time.Duration
	}{
		{0.07, 7}, // though 0.07 * 100 is 7.000000000000001
		{0.29, 29},
		{0.070001, 8},
		{0, 1}, {0.001, 1}, {0.01, 1}, {0.011, 2}, {0.5, 50}, {0.501, 51}, {0.9, 90}, {0.99, 99}, {0.991, 100}, {1, 100},
		{-0.1, 1}, {math.Inf(-1), 1}, {math.NaN(), 1}, {math.Copysign(0, -1), 1},
		{1.1, 100}, {100, 100}, {math.MaxFloat64, 100}, {math.Inf(1), 100},
	} {
		if got := n.Quantiles(row.q); len(got) != 1 || got[0] != row.want {
			t.Errorf("quantile %v: %d, want %d", row.q, got, row.want)
		}
	}
}

func TestQuantilesAreInTheOrderOfTheArguments(t *testing.T) {
	n := newCollector(t).Node("n")
	for i := range 10 {
		n.RecordSuccess(time.Duration(i))
	}
	if got, want := n.Quantiles(1, 0, 0.5, 1), []time.Duration{9, 0, 4, 9}; !slices.Equal(got, want) {
		t.Errorf("quantiles %d, want %d", got, want)
	}
}

func TestQuantilesOfOneSampleAreAllTheSample(t *testing.T) {
	n := newCollector(t).Node("n")
	n.RecordFailure(42, errRefused)
	if got, want := n.Quantiles(0, 0.001, 0.5, 1), []time.Duration{42, 42, 42, 42}; !slices.Equal(got, want) {
		t.Errorf("quantiles %d, want %d", got, want)
	}
}

func TestQuantilesOfAnEmptyWindowAreNil(t *testing.T) {
	n := newCollector(t).Node("n")
	for what, prepare := range map[string]func(){
		"a new node":           func() {},
		"one that was retried": func() { n.RecordRetry(1) },
		"one that was reset":   func() { n.RecordSuccess(1); n.Reset() },
	} {
		prepare()
		if got := n.Quantiles(0, 0.5, 1); got != nil {
			t.Errorf("quantiles of %s: %v", what, got)
		}
	}
}

func TestFailureRates(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithWindowSize(4))
	for i, step := range []struct {
		fails            bool
		lifetime, window float64
	}{
		{false, 0, 0},
		{true, 1. / 2, 1. / 2},
		{true, 2. / 3, 2. / 3},
		{false, 2. / 4, 2. / 4},
		{false, 2. / 5, 2. / 4},
		{false, 2. / 6, 1. / 4},
		{false, 2. / 7, 0},
	} {
		if step.fails {
			c.RecordFailure("n", 1, errRefused)
		} else {
			c.RecordSuccess("n", 1)
		}
		c.RecordRetry("n", 1) // no execution
		m := c.NodeMetrics("n")
		equal(t, fmt.Sprintf("record %d: failure rate", i), m.FailureRate(), step.lifetime)
		equal(t, fmt.Sprintf("record %d: of the window", i), m.WindowFailureRate(), step.window)
	}
}

func TestFailureRatesOfNoExecutionAreZero(t *testing.T) {
	retried := atomicmetrics.NodeMetrics{RetryCount: 1, RetriesByAttempt: [8]uint64{1}}
	for _, m := range []atomicmetrics.NodeMetrics{{}, retried} {
		equal(t, "failure rate", m.FailureRate(), 0)
		equal(t, "of the window", m.WindowFailureRate(), 0)
	}
}

func TestNodeMetricsAreComparable(t *testing.T) {
	a, b := newCollector(t), newCollector(t)
	for _, c := range []*atomicmetrics.Collector{a, b} {
		c.RecordSuccess("n", 1)
		c.RecordFailure("n", 2, errRefused)
		c.RecordRetry("n", 3)
	}
	if a.NodeMetrics("n") != b.NodeMetrics("n") {
		t.Error("the same records give different metrics")
	}
	b.RecordRetry("n", 4)
	if a.NodeMetrics("n") == b.NodeMetrics("n") {
		t.Error("different records give the same metrics")
	}
	if _, ok := map[atomicmetrics.NodeMetrics]bool{a.NodeMetrics("n"): true}[a.NodeMetrics("n")]; !ok {
		t.Error("metrics are no key of a map")
	}
}
