package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestASoakOfHalfASecondFindsNothing(t *testing.T) {
	var out strings.Builder
	if err := soak(&out, 500*time.Millisecond, 1); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "peak memory") {
		t.Errorf("reported %q", out.String())
	}
}

func TestChecksFindWhatIsWrong(t *testing.T) {
	good := atomicmetrics.NodeMetrics{
		TotalExecutions: 3, SuccessCount: 1, FailureCount: 2, TimeoutErrors: 2, RetryCount: 1,
		RetriesByAttempt: [8]uint64{0, 1}, LastExecution: 2, P50: 2, P90: 3, P99: 3, WindowMin: 1, WindowMax: 3,
		WindowSamples: 3, WindowFailures: 2,
	}
	if err := check(good, 3); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(m *atomicmetrics.NodeMetrics){
		"executions":   func(m *atomicmetrics.NodeMetrics) { m.TotalExecutions++ },
		"failures":     func(m *atomicmetrics.NodeMetrics) { m.TimeoutErrors++ },
		"retries":      func(m *atomicmetrics.NodeMetrics) { m.RetryCount++ },
		"p50":          func(m *atomicmetrics.NodeMetrics) { m.P50 = 4 },
		"p90":          func(m *atomicmetrics.NodeMetrics) { m.P90 = 4 },
		"p99":          func(m *atomicmetrics.NodeMetrics) { m.P99 = 4 },
		"min":          func(m *atomicmetrics.NodeMetrics) { m.WindowMin = 3 },
		"last":         func(m *atomicmetrics.NodeMetrics) { m.LastExecution = 4 },
		"window":       func(m *atomicmetrics.NodeMetrics) { m.WindowSamples = 4 },
		"few":          func(m *atomicmetrics.NodeMetrics) { m.WindowSamples = 1 },
		"few failures": func(m *atomicmetrics.NodeMetrics) { m.TotalExecutions, m.SuccessCount = 2, 0 },
	} {
		m := good
		spoil(&m)
		if check(m, 3) == nil {
			t.Errorf("%s: nothing found in %+v", name, m)
		}
	}
	if later := good; wentBack(good, later) {
		t.Error("went back, and is the same")
	}
	if later := (atomicmetrics.NodeMetrics{TotalExecutions: 4}); !wentBack(good, later) {
		t.Error("did not go back")
	}
	if err := roundTrip(atomicmetrics.Snapshot{TakenAt: time.Unix(1, 0).UTC(), WindowSize: 1, Percentiles: "exact",
		Nodes: map[string]atomicmetrics.NodeMetrics{"n": {TotalExecutions: 1}}}); err == nil {
		t.Error("a snapshot that makes no sense went through JSON and back")
	}
}

func TestEventsMustAlternate(t *testing.T) {
	e := edges{breached: map[edge]bool{}}
	for _, breached := range []bool{true, false, true} {
		e.add(atomicmetrics.Event{Node: "n", Breached: breached})
		e.add(atomicmetrics.Event{Node: "n", Kind: atomicmetrics.LatencyEvent, Breached: breached})
	}
	if e.wrong != nil || e.events != 6 {
		t.Errorf("%v after %d events", e.wrong, e.events)
	}
	e.add(atomicmetrics.Event{Node: "n", Breached: true})
	if e.wrong == nil {
		t.Error("two breaches in a row")
	}
}

// newPool returns a pool, with one record in its collector.
func newPool(t *testing.T) *pool {
	t.Helper()
	c, err := atomicmetrics.New(atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}))
	if err != nil {
		t.Fatal(err)
	}
	c.RecordFailureAs("n", 5, atomicmetrics.CategoryOther)
	p := &pool{kind: kind{windowSize: 100}, Collector: c, edges: edges{breached: map[edge]bool{{node: "n"}: true}}}
	p.recorded.add(c.NodeMetrics("n"))
	return p
}

func TestTheEndMustSettle(t *testing.T) {
	if err := newPool(t).settle(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(p *pool){
		"a record too many":  func(p *pool) { p.RecordFailureAs("n", 0, atomicmetrics.CategoryOther) },
		"a retry too many":   func(p *pool) { p.RecordRetry("n", 1) },
		"a record too few":   func(p *pool) { p.recorded.sum.TotalExecutions++ },
		"another duration":   func(p *pool) { p.recorded.sum.TotalDuration++ },
		"no event":           func(p *pool) { clear(p.edges.breached) },
		"an event too many":  func(p *pool) { p.edges.wrong = errors.New("twice") },
		"a smaller window":   func(p *pool) { p.windowSize = 0 },
		"a reset not called": func(p *pool) { p.Reset() },
	} {
		p := newPool(t)
		spoil(p)
		if p.settle() == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
}

func TestTheFirstFailureEndsARun(t *testing.T) {
	ctx, fail := context.WithCancelCause(t.Context())
	r := &run{ctx: ctx, fail: fail}
	p := newPool(t)
	p.windowSize = 0 // every read is wrong
	for range hotNodes {
		p.hot = append(p.hot, p.Node("n"))
	}
	p.read(r, r.random())
	if err := context.Cause(ctx); err == nil || !strings.Contains(err.Error(), "size") {
		t.Errorf("ended with %v", err)
	}
}
