package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// keysOf returns the keys of each line of a log, by the line's message.
func keysOf(t *testing.T, log []byte, messageKey string) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for line := range bytes.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		message := fields[messageKey].(string)
		for _, key := range []string{"time", "level", messageKey} {
			delete(fields, key)
		}
		lines[message] = slices.Sorted(maps.Keys(fields))
	}
	return lines
}

// warnOfEverything makes a collector log each kind of warning that needs no
// blocked queue.
func warnOfEverything(t *testing.T, opts ...atomicmetrics.Option) {
	t.Helper()
	opts = append(opts,
		atomicmetrics.WithMaxNodes(1),
		atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic("boom") }),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { panic("boom") }))
	c := newEdgy(t, opts...)
	c.RecordSuccess("n", -1)
	c.RecordFailure("n", 1, errRefused)
	c.RecordSuccess("m", 1)
	flush(t, c)
}

func TestWarningsGoToSlogWithTheKeysOfZerologAndNotToZerolog(t *testing.T) {
	var z, s bytes.Buffer
	warnOfEverything(t, atomicmetrics.WithLogger(zerolog.New(&z)))
	want := keysOf(t, z.Bytes(), "message")
	equal(t, "kinds of warnings", len(want), 4)
	z.Reset()
	toSlog := atomicmetrics.WithSlog(slog.New(slog.NewJSONHandler(&s, nil)))
	warnOfEverything(t, toSlog, atomicmetrics.WithLogger(zerolog.New(&z)), atomicmetrics.WithSlog(nil))
	if got := keysOf(t, s.Bytes(), "msg"); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q, want %q", got, want)
	}
	equal(t, "zerolog has", z.String(), "")
}

func TestWithoutSlogNothingGoesToItsDefault(t *testing.T) {
	var s bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&s, nil)))
	defer slog.SetDefault(before)
	warnOfEverything(t, atomicmetrics.WithSlog(nil), atomicmetrics.WithLogger(zerolog.New(io.Discard)))
	equal(t, "slog has", s.String(), "")
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 5e6, time.UTC)

// attributesOf returns the attributes of a value, as JSON.
func attributesOf(t *testing.T, v slog.LogValuer) string {
	t.Helper()
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("", "v", v)
	var line struct{ V json.RawMessage }
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return string(line.V)
}

func TestValuesForSlogHaveUnitsInTheirKeys(t *testing.T) {
	event := atomicmetrics.Event{Node: "fetch", Kind: atomicmetrics.LatencyEvent, Breached: true,
		FailureRate: 0.5, P99: time.Millisecond, Samples: 4, At: noon}
	failure := atomicmetrics.LastFailure{At: noon, Category: atomicmetrics.CategoryTimeout, Text: "too slow"}
	for _, row := range []struct {
		value slog.LogValuer
		want  string
	}{
		{event, `{"node":"fetch","kind":"latency","breached":true,"failureRate":0.5,"p99Ns":1000000,"samples":4,` +
			`"at":"2026-01-02T12:00:00.005Z","runningNs":0}`},
		{failure, `{"at":"2026-01-02T12:00:00.005Z","category":"timeout","text":"too slow"}`},
		{atomicmetrics.InFlight{Running: 1, Highest: 3, Oldest: time.Second},
			`{"running":1,"highest":3,"oldestNs":1000000000}`},
		{atomicmetrics.InFlight{Highest: 3}, `{"running":0,"highest":3}`},
		{atomicmetrics.Stats{Nodes: 1, ShardedNodes: 2, OverflowRecords: 3, EventsDropped: 4, DurationsClamped: 5, Bytes: 6},
			`{"nodes":1,"shardedNodes":2,"overflowRecords":3,"eventsDropped":4,"durationsClamped":5,"bytes":6,"forgotten":` +
				attributesOf(t, atomicmetrics.NodeMetrics{}) + `,"forgottenIgnored":0}`},
		{atomicmetrics.Snapshot{TakenAt: noon, WindowSize: 100, Percentiles: "exact"},
			`{"takenAt":"2026-01-02T12:00:00.005Z","windowSize":100,"percentiles":"exact"}`},
	} {
		equal(t, fmt.Sprintf("%T", row.value), attributesOf(t, row.value), row.want)
	}
}

func TestASnapshotForSlogHasItsNodesInNameOrder(t *testing.T) {
	s := atomicmetrics.Snapshot{TakenAt: noon, WindowSize: 100, Percentiles: "exact",
		Nodes:        map[string]atomicmetrics.NodeMetrics{"b": {RetryCount: 1}, "a": {RetryCount: 2}, "": {RetryCount: 3}},
		LastFailures: map[string]atomicmetrics.LastFailure{"a": {Text: "refused"}},
		InFlight:     map[string]atomicmetrics.InFlight{"c": {Running: 1, Highest: 1, Oldest: 7}},
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("hourly", "s", s)
	rest := b.String()
	for _, part := range []string{`"s.nodes.\"\".retryCount"=3 `, "s.nodes.a.retryCount=2 ", "s.nodes.b.retryCount=1 ",
		"s.lastFailures.a.text=refused ", "s.inFlight.c.running=1 ", "s.inFlight.c.oldestNs=7\n"} {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("no %s behind the parts before it in %s", part, &b)
		}
		rest = after
	}
}

func TestMetricsAndEventsPrintReadably(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		value any
		want  string
	}{
		{atomicmetrics.NodeMetrics{}, "0 runs, 0 failed"},
		{atomicmetrics.NodeMetrics{RetryCount: 1, RetriesByAttempt: [8]uint64{1}}, "0 runs, 0 failed, 1 retries [1 0 0 0 0 0 0 0]"},
		{atomicmetrics.NodeMetrics{TotalExecutions: 12, SuccessCount: 10, FailureCount: 2, TimeoutErrors: 1, NetworkErrors: 1,
			LastExecution: 9 * ms, AvgExecution: 7 * ms, TotalDuration: 84 * ms, WindowSamples: 12, WindowFailures: 2,
			WindowMin: 2 * ms, P50: 7 * ms, P90: 9 * ms, P99: 9 * ms, WindowMax: 9*ms + 1,
			FailureRateBreached: true, LatencyBreached: true},
			"12 runs, 2 failed (1 timeout, 0 validation, 1 network, 0 other), last 9ms, avg 7ms, total 84ms; " +
				"newest 12: 2 failed (16.7%), min 2ms, p50 7ms, p90 9ms, p99 9ms, max 9.000001ms; " +
				"failureRate in breach; latency in breach"},
		{map[string]atomicmetrics.NodeMetrics{"a": {}}, "map[a:0 runs, 0 failed]"},
		{atomicmetrics.Event{Node: "a\nb", Kind: atomicmetrics.LatencyEvent, Breached: true, FailureRate: 0.5, P99: ms, Samples: 4, At: noon},
			`node "a\nb": latency breached, 50% of 4 failed, p99 1ms at 2026-01-02T12:00:00.005Z`},
		{atomicmetrics.Event{Node: "a"}, `node "a": failureRate recovered, 0% of 0 failed, p99 0s`},
	} {
		equal(t, "%v", fmt.Sprintf("%v", row.value), row.want)
	}
}
