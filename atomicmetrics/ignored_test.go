package atomicmetrics_test

import (
	"context"
	"maps"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func ignoreAll(error) bool { return true }

// cancel runs an execution of the node that is cancelled, and ignored.
func cancel(n *atomicmetrics.Node) {
	_ = n.DoIgnoring(ignoreAll, func() error { return context.Canceled })
}

func ignoredAre(t testing.TB, what string, s atomicmetrics.Snapshot, want map[string]uint64) {
	t.Helper()
	if !maps.Equal(s.Ignored, want) || (s.Ignored == nil) != (want == nil) {
		t.Errorf("%s: ignored are %v, want %v", what, s.Ignored, want)
	}
}

func TestIgnoredExecutionsAreCountedBesideTheMetrics(t *testing.T) {
	c := newCollector(t)
	n := c.Node("n")
	n.RecordRetry(1)
	before := n.Metrics()
	for range 3 {
		cancel(n)
	}
	_ = n.DoIgnoring(ignoreAll, func() error { return nil })
	_ = c.Node("never").DoIgnoring(func(error) bool { return false }, func() error { return errRefused })
	c.Node("stream").RecordIgnored()
	before.TotalExecutions, before.SuccessCount = 1, 1
	m := n.Metrics()
	equal(t, "executions", m.TotalExecutions, before.TotalExecutions)
	equal(t, "retries", m.RetryCount, 1)
	equal(t, "ignored", n.Ignored(), 3)
	s := c.Snapshot()
	ignoredAre(t, "snapshot", s, map[string]uint64{"n": 3, "stream": 1})
	if _, among := s.Nodes["stream"]; among {
		t.Error("a node that has only ignored executions is among the nodes")
	}
	writtenAndRead(t, s)

	ignoredAre(t, "reset", c.Reset(), s.Ignored)
	ignoredAre(t, "after the reset", c.Snapshot(), nil)
	cancel(n)
	ignoredAre(t, "after one more", c.Snapshot(), map[string]uint64{"n": 1})
	c.Forget("n")
	equal(t, "ignored by a node that was forgotten", n.Ignored(), 0)
	cancel(n)
	ignoredAre(t, "after Forget", c.Snapshot(), map[string]uint64{"n": 1})
}

func TestIgnoredBetweenTwoSnapshots(t *testing.T) {
	c := newCollector(t)
	for name, ignored := range map[string]int{"a": 3, "idle": 2, "reset": 2, "refilled": 2, "gone": 1, "other": 1} {
		c.RecordRetry(name, 1)
		for range ignored {
			cancel(c.Node(name))
		}
	}
	earlier := c.Snapshot()
	c.ResetNode("reset")
	c.ResetNode("refilled")
	c.Forget("gone")
	c.ResetNode("other")
	for range 3 {
		c.RecordRetry("other", 1) // more than before
		c.RecordRetry("a", 1)
	}
	for name, ignored := range map[string]int{"a": 2, "new": 1, "reset": 1, "refilled": 5} {
		for range ignored {
			cancel(c.Node(name))
		}
	}
	s := since(t, c.Snapshot(), earlier)
	ignoredAre(t, "between", s, map[string]uint64{"a": 2, "new": 1, "reset": 1, "refilled": 5})
	equal(t, "retries of a", s.Nodes["a"].RetryCount, 3)
	equal(t, "retries of a node whose ignored executions are fewer", s.Nodes["other"].RetryCount, 3)
	ignoredAre(t, "between one and itself", since(t, earlier, earlier), nil)
}

func TestMergeAddsIgnored(t *testing.T) {
	of := func(ignored map[string]uint64) atomicmetrics.Snapshot {
		return atomicmetrics.Snapshot{TakenAt: time.Unix(1, 0).UTC(), WindowSize: 5, Percentiles: "exact", Ignored: ignored}
	}
	s := merged(t, of(map[string]uint64{"a": 1, "b": 2}), of(nil), of(map[string]uint64{"b": math.MaxUint64 - 2}))
	ignoredAre(t, "merged", s, map[string]uint64{"a": 1, "b": math.MaxUint64})
	equal(t, "window size", s.WindowSize, 10)
	writtenAndRead(t, s)
	ignoredAre(t, "merged of none", merged(t, of(nil), of(nil)), nil)
	for want, in := range map[string]map[string]uint64{
		`node "b": field "ignored": the sum is above 18446744073709551615`: {"b": 1},
		`node "z": field "ignored": it is 0`:                               {"z": 0},
	} {
		if _, err := atomicmetrics.Merge(s, of(in)); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	refused(t, editDetails(t, "ignored", `13`, `-1`), `node "fetch": field "ignored": -1 is not a count`)
	refused(t, editDetails(t, "ignored", `13`, `0`), `node "fetch": field "ignored": it is 0`)
	refused(t, editDetails(t, "ignored", `"fetch"`, `"cancelled"`), `node "cancelled": field "ignored": given twice`)
}

// Resets race with executions that are ignored. None is lost or counted twice.
func TestIgnoredExecutionsAreConserved(t *testing.T) {
	const goroutines, executions = 4, 2000
	c := newCollector(t)
	var recorders sync.WaitGroup
	for range goroutines {
		recorders.Go(func() {
			for range executions {
				cancel(c.Node("n"))
			}
		})
	}
	done := make(chan struct{})
	go func() { recorders.Wait(); close(done) }()
	sum := uint64(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		sum += c.Reset().Ignored["n"]
	}
	equal(t, "ignored", sum, goroutines*executions)
}
