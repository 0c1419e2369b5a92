package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestEventLine(t *testing.T) {
	for _, test := range []struct {
		event atomicmetrics.Event
		want  string
	}{
		{atomicmetrics.Event{Node: "publish", Breached: true, FailureRate: 0.0625, Samples: 96},
			"   2.35s  publish   failureRate  breached   6.2% of 96 failed"},
		{atomicmetrics.Event{Node: "parse", Kind: atomicmetrics.LatencyEvent, P99: 45_678_901, Samples: 100},
			"   2.35s  parse     latency      recovered  p99 of 100 is 45.679ms"},
		{atomicmetrics.Event{Node: "read", Kind: atomicmetrics.RunningEvent, Breached: true, Running: 1234567890},
			"   2.35s  read      running      breached   the oldest has been running for 1.234568s"},
		{atomicmetrics.Event{Node: "read", Kind: atomicmetrics.RunningEvent},
			"   2.35s  read      running      recovered  it has ended"},
	} {
		if got := eventLine(test.event, 2350*time.Millisecond); got != test.want {
			t.Errorf("%q, want\n%q", got, test.want)
		}
	}
}

func TestPrice(t *testing.T) {
	s := atomicmetrics.Snapshot{Nodes: map[string]atomicmetrics.NodeMetrics{
		"read":    {TotalExecutions: 6000},
		"publish": {TotalExecutions: 4000, RetryCount: 100},
	}}
	p := price{record: 10, timed: 60, retry: 5}
	for _, test := range []struct {
		meter meter
		want  string
	}{
		{meter{wall: 4 * time.Second, cpu: 6 * time.Second}, "601µs: 0.01% of 6s,\n           the CPU time"},
		{meter{wall: 4 * time.Second}, "601µs: 0.015% of 4s,\n           the wall time"},
	} {
		got := p.lines(s, &test.meter)
		for _, want := range []string{
			"60 ns an execution (10 ns its record, 50 ns its timer), 5 ns a retry",
			"10000 executions and 100 retries make " + test.want,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
}

// TestMeasurePrice wants figures that can be: a timed record is more than a record, and none is free.
func TestMeasurePrice(t *testing.T) {
	p, err := measurePrice(defaultPlan.options(100))
	if err != nil {
		t.Fatal(err)
	}
	if p.record <= 0 || p.retry <= 0 || p.timed <= p.record {
		t.Errorf("measured %+v", p)
	}
	if _, err := measurePrice([]atomicmetrics.Option{atomicmetrics.WithWindowSize(0)}); err == nil {
		t.Error("bad options are no error")
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "snapshot.json")
	for _, content := range []string{"old", "new"} {
		if err := replaceFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("the file has %q, error %v, want %q", got, err, content)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "folder", "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(filepath.Join(dir, "folder"), []byte("x")); !errors.As(err, new(*os.LinkError)) {
		t.Errorf("a folder was replaced by a file: error %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("something was left behind: %v", entries)
	}
}
