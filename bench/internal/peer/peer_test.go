package peer

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Known executions: their median is 30 ms, in a bucket from 25 to 50 ms where
// buckets are coarse.
var (
	successes = []time.Duration{10 * time.Millisecond, 30 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond}
	failures  = []time.Duration{30 * time.Millisecond, 60 * time.Millisecond}
	errKnown  = errors.New("known")
)

// rounds is how often they are recorded; the windows of 100 have room for all.
const rounds = 15

// check holds what a library says about the node to what was recorded.
func check(t *testing.T, impl Impl, got Reading) {
	t.Helper()
	want := Reading{Successes: uint64(rounds * len(successes)), Failures: uint64(rounds * len(failures))}
	if got.Successes != want.Successes || got.Failures != want.Failures {
		t.Errorf("%d successes and %d failures, not %d and %d", got.Successes, got.Failures, want.Successes, want.Failures)
	}
	if impl.NoPercentiles {
		if got.Durations != 0 {
			t.Errorf("%d durations of an implementation that is said to keep none", got.Durations)
		}
		return
	}
	if want := want.Successes + want.Failures; got.Durations != want {
		t.Errorf("%d durations, not %d", got.Durations, want)
	}
	if got.Median < 29*time.Millisecond || got.Median > 50*time.Millisecond {
		t.Errorf("the median is %v", got.Median)
	}
}

// forEach runs test for every implementation that is a T.
func forEach[T any](t *testing.T, test func(t *testing.T, impl Impl, r T)) {
	n := 0
	for _, impl := range All {
		if r, ok := impl.New().(T); ok {
			n++
			t.Run(impl.Name, func(t *testing.T) { test(t, impl, r) })
		}
	}
	if n < 2 {
		t.Fatalf("%d implementations", n)
	}
}

func TestPeersKeepWhatIsRecordedByHandle(t *testing.T) {
	forEach(t, func(t *testing.T, impl Impl, r Handles) {
		n, other := r.Node("node"), r.Node("other")
		var all sync.WaitGroup
		for range rounds {
			all.Go(func() {
				for _, d := range successes {
					n.RecordSuccess(d)
				}
				for _, d := range failures {
					n.RecordFailure(d, errKnown)
				}
			})
		}
		other.RecordSuccess(time.Second)
		all.Wait()
		check(t, impl, r.(Registry).Read("node"))
		if got := r.(Registry).Read("other"); got.Successes != 1 || got.Failures != 0 {
			t.Errorf("the other node has %+v", got)
		}
	})
}

func TestPeersKeepWhatIsRecordedByName(t *testing.T) {
	forEach(t, func(t *testing.T, impl Impl, r ByName) {
		n := r.Named([]string{"other", "node"})
		var all sync.WaitGroup
		for range rounds {
			all.Go(func() {
				for _, d := range successes {
					n.RecordSuccess(1, d)
				}
				for _, d := range failures {
					n.RecordFailure(1, d, errKnown)
				}
			})
		}
		n.RecordFailure(0, time.Second, errKnown)
		all.Wait()
		check(t, impl, r.(Registry).Read("node"))
		if got := r.(Registry).Read("other"); got.Successes != 0 || got.Failures != 1 {
			t.Errorf("the other node has %+v", got)
		}
	})
}

func TestPeersKeepWhatTheirTimersTime(t *testing.T) {
	forEach(t, func(t *testing.T, impl Impl, r Timers) {
		record := r.Timer("node")
		for range rounds {
			record()
		}
		got := r.(Registry).Read("node")
		if got.Successes != rounds || got.Failures != 0 || !impl.NoPercentiles && got.Durations != rounds {
			t.Errorf("after %d executions: %+v", rounds, got)
		}
		if got.Median > 5*time.Millisecond {
			t.Errorf("the median of nothing is %v", got.Median)
		}
	})
}

func TestPeersCountRetries(t *testing.T) {
	ours := NewNodemetrics()
	ours.Node("node").(Retrier).RecordRetry(1)
	if got := ours.NodeMetrics("node").RetryCount; got != 1 {
		t.Errorf("%d retries of nodemetrics", got)
	}
	var ring RingNode
	ring.RecordRetry(1)
	if got := ring.Metrics().Retries; got != 1 {
		t.Errorf("%d retries of mutex-ring", got)
	}
}

func TestSnapshotsHaveEveryNode(t *testing.T) {
	forEach(t, func(t *testing.T, impl Impl, r Snapshotter) {
		for _, name := range []string{"a", "b", "c"} {
			r.(Handles).Node(name).RecordSuccess(time.Millisecond)
		}
		if got := r.Snapshot(); got != 3 {
			t.Errorf("%d nodes", got)
		}
		if r, ok := r.(JSON); ok {
			if text, err := r.MarshalJSON(); err != nil || strings.Count(string(text), `"p50"`)+strings.Count(string(text), `"P50"`) != 3 {
				t.Errorf("%v, %s", err, text)
			}
		}
	})
}

func TestAMonkitTaskCountsFailures(t *testing.T) {
	r := newMonkitTask().(monkitTask)
	r.Timer("node")()
	ctx, err := t.Context(), errKnown
	r.scope.TaskNamed("node")(&ctx)(&err)
	if got := r.Read("node"); got.Successes != 1 || got.Failures != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAnImplementationHasItsOwnNameAndRegistry(t *testing.T) {
	var names []string
	for _, impl := range All {
		if slices.Contains(names, impl.Name) {
			t.Errorf("%s is there twice", impl.Name)
		}
		names = append(names, impl.Name)
		a, ok := impl.New().(Handles)
		if !ok {
			continue
		}
		a.Node("node").RecordFailure(time.Second, errKnown)
		b := impl.New()
		b.(Handles).Node("node").RecordSuccess(time.Second)
		if got := b.Read("node"); got.Successes != 1 || got.Failures != 0 {
			t.Errorf("%s: a registry of its own has %+v", impl.Name, got)
		}
	}
}
