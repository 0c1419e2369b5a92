package metricstest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/atomicmetrics/metricstest"
)

// fakeTB takes the place of a test, to see it fail.
type fakeTB struct {
	testing.TB // of the real test; what is not replaced below is its
	helper     bool
	failure    string
}

type ended struct{}

func (f *fakeTB) Helper() { f.helper = true }

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
	panic(ended{}) // like a real one, it does not return
}

// failure returns what the assertion says when it fails, and "" when it holds.
func failure(t *testing.T, assertion func(testing.TB)) (text string) {
	t.Helper()
	f := &fakeTB{TB: t}
	defer func() {
		if recovered := recover(); recovered != nil && recovered != (ended{}) {
			panic(recovered)
		}
		if !f.helper {
			t.Error("it did not call Helper: failures would be reported as of a line of metricstest")
		}
		text = f.failure
	}()
	assertion(f)
	return ""
}

func holds(t *testing.T, assertion func(testing.TB)) {
	t.Helper()
	if text := failure(t, assertion); text != "" {
		t.Errorf("it failed: %s", text)
	}
}

func fails(t *testing.T, assertion func(testing.TB), want ...string) {
	t.Helper()
	text := failure(t, assertion)
	if text == "" {
		t.Errorf("it did not fail, with %q", want)
	}
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q: %s", part, text)
		}
	}
}

func TestCountsAreRequired(t *testing.T) {
	c := metricstest.New(t)
	for range 3 {
		c.RecordSuccess("fetch", time.Millisecond)
	}
	failures := []atomicmetrics.Category{
		atomicmetrics.CategoryOther:      1,
		atomicmetrics.CategoryTimeout:    4,
		atomicmetrics.CategoryValidation: 5,
		atomicmetrics.CategoryNetwork:    6,
	}
	for category, n := range failures {
		for range n {
			c.RecordFailureAs("fetch", time.Second, atomicmetrics.Category(category))
		}
	}
	for range 7 {
		c.RecordRetry("fetch", 2)
	}
	for _, test := range []struct {
		what    string
		require func(t testing.TB, node string, want int)
		count   int
	}{
		{"executions", func(t testing.TB, node string, want int) { metricstest.RequireExecutions(t, c, node, want) }, 19},
		{"successes", func(t testing.TB, node string, want int) { metricstest.RequireSuccess(t, c, node, want) }, 3},
		{"retries", func(t testing.TB, node string, want int) { metricstest.RequireRetries(t, c, node, want) }, 7},
		{"failures of category other", requireFailures(c, atomicmetrics.CategoryOther), 1},
		{"failures of category other", requireFailures(c, 77), 1},
		{"failures of category timeout", requireFailures(c, atomicmetrics.CategoryTimeout), 4},
		{"failures of category validation", requireFailures(c, atomicmetrics.CategoryValidation), 5},
		{"failures of category network", requireFailures(c, atomicmetrics.CategoryNetwork), 6},
	} {
		holds(t, func(t testing.TB) { test.require(t, "fetch", test.count) })
		holds(t, func(t testing.TB) { test.require(t, "unknown", 0) })
		for _, wrong := range []int{test.count - 1, test.count + 1, -1, 0} {
			what := test.what
			if test.count == 1 {
				what = strings.Replace(what, "failures", "failure", 1)
			}
			fails(t, func(t testing.TB) { test.require(t, "fetch", wrong) },
				fmt.Sprintf(`node "fetch" has %d %s, want %d`, test.count, what, wrong),
				"the metrics of the node: 19 runs", "7 retries", "max 1s")
		}
		fails(t, func(t testing.TB) { test.require(t, "fecth", 2) },
			fmt.Sprintf(`node "fecth" has 0 %s, want 2`, test.what), `these nodes have some: ["fetch"]`)
	}
	if names := c.AllNodeMetrics(); len(names) != 1 {
		t.Errorf("an assertion made a node: %v", names)
	}
}

func requireFailures(c *atomicmetrics.Collector, category atomicmetrics.Category) func(testing.TB, string, int) {
	return func(t testing.TB, node string, want int) { metricstest.RequireFailures(t, c, node, category, want) }
}

func TestNilCollectorHasNothing(t *testing.T) {
	holds(t, func(t testing.TB) { metricstest.RequireSuccess(t, nil, "fetch", 0) })
	fails(t, func(t testing.TB) { metricstest.RequireSuccess(t, nil, "fetch", 1) }, "the node has no records")
}

func TestNewEndsTheTestOnABadOption(t *testing.T) {
	fails(t, func(t testing.TB) { metricstest.New(t, atomicmetrics.WithWindowSize(-7)) }, "WithWindowSize", "-7")
}

// edgy makes every failure a breach, and every success after one a recovery.
func edgy(t testing.TB, events *metricstest.Events, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	t.Helper()
	return metricstest.New(t, append(opts, events.Option(), atomicmetrics.WithWindowSize(1),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}))...)
}

func TestEventsAreWaitedFor(t *testing.T) {
	var events metricstest.Events
	c := edgy(t, &events)
	go func() {
		for _, node := range []string{"a", "b"} {
			c.RecordFailureAs(node, time.Second, atomicmetrics.CategoryOther)
			c.RecordSuccess(node, time.Second)
		}
	}()
	if e := events.RequireRecovery(t, "b", atomicmetrics.FailureRateEvent); e.Node != "b" || e.Breached || e.Samples != 1 {
		t.Errorf("got %+v", e)
	}
	if e := events.RequireBreach(t, "a", atomicmetrics.FailureRateEvent); e.Node != "a" || !e.Breached {
		t.Errorf("got %+v", e)
	}
	fails(t, func(t testing.TB) { events.RequireNoMore(t, c) },
		`node "a": failureRate recovered, 0% of 1 failed, p99 1s`, `node "b": failureRate breached, 100% of 1`)
	events.RequireBreach(t, "b", atomicmetrics.FailureRateEvent)
	events.RequireRecovery(t, "a", atomicmetrics.FailureRateEvent)
	holds(t, func(t testing.TB) { events.RequireNoMore(t, c) })
}

func TestEventThatNeverComesFailsAtOnceInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events metricstest.Events
		c := edgy(t, &events)
		began := time.Now()
		fails(t, func(t testing.TB) { events.RequireBreach(t, "a", atomicmetrics.FailureRateEvent) },
			`node "a": failureRate breached`, "none")
		if waited := time.Since(began); waited != metricstest.Patience {
			t.Errorf("it waited for %v, by the clock of the bubble", waited)
		}
		c.RecordFailureAs("a", time.Second, atomicmetrics.CategoryOther)
		for _, other := range []func(testing.TB){
			func(t testing.TB) { events.RequireBreach(t, "b", atomicmetrics.FailureRateEvent) },
			func(t testing.TB) { events.RequireBreach(t, "a", atomicmetrics.LatencyEvent) },
			func(t testing.TB) { events.RequireRecovery(t, "a", atomicmetrics.FailureRateEvent) },
		} {
			fails(t, other, `node "a": failureRate breached, 100% of 1 failed`)
		}
		holds(t, func(t testing.TB) { events.RequireBreach(t, "a", atomicmetrics.FailureRateEvent) })
		fails(t, func(t testing.TB) { events.RequireBreach(t, "a", atomicmetrics.FailureRateEvent) }, // it has served
			`node "a": failureRate breached, 100% of 1 failed`)
		go func() {
			time.Sleep(metricstest.Patience / 2) // of the bubble
			c.RecordSuccess("a", time.Second)
		}()
		holds(t, func(t testing.TB) { events.RequireRecovery(t, "a", atomicmetrics.FailureRateEvent) })
	})
}

func TestCallbackThatHangsIsSaidToHoldEventsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events metricstest.Events
		release := make(chan struct{})
		c := edgy(t, &events, atomicmetrics.OnEvent(func(atomicmetrics.Event) { <-release }))
		c.RecordFailureAs("a", time.Second, atomicmetrics.CategoryOther)
		fails(t, func(t testing.TB) { events.RequireNoMore(t, c) }, "has not delivered its events", context.DeadlineExceeded.Error())
		close(release)
	})
}

func TestEventsOfManyCollectorsAndWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events metricstest.Events
		for _, node := range []string{"a", "b", "c"} {
			c := edgy(t, &events)
			go events.RequireBreach(t, node, atomicmetrics.FailureRateEvent) // a failure fails the test
			synctest.Wait()
			c.RecordFailureAs(node, 0, atomicmetrics.CategoryOther)
			synctest.Wait()
			events.RequireNoMore(t, c)
		}
	})
}

// An event that comes from outside while a bubble waits, or after it gave up,
// must not touch the channel of the bubble. The runtime would end the process.
func TestEventsOfOneCollectorAreWaitedForInABubbleAndOutside(t *testing.T) {
	var events metricstest.Events
	c := edgy(t, &events)
	recorded, record := make(chan struct{}), make(chan struct{})
	go func() {
		for range record {
			c.RecordFailure("n", 1, context.DeadlineExceeded)
			if err := c.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			c.RecordSuccess("n", 1)
			recorded <- struct{}{}
		}
	}()
	defer close(record)
	synctest.Test(t, func(t *testing.T) {
		fails(t, func(t testing.TB) { events.RequireBreach(t, "n", atomicmetrics.FailureRateEvent) }, "this event did not come")
		go func() {
			time.Sleep(time.Second) // until the other goroutine waits for the event
			record <- struct{}{}
			<-recorded
		}()
		events.RequireBreach(t, "n", atomicmetrics.FailureRateEvent)
	})
	events.RequireRecovery(t, "n", atomicmetrics.FailureRateEvent)
	synctest.Test(t, func(t *testing.T) {
		c.RecordFailure("n", 1, context.DeadlineExceeded)
		start := time.Now()
		events.RequireBreach(t, "n", atomicmetrics.FailureRateEvent)
		if took := time.Since(start); took != 0 {
			t.Errorf("the bubble's own event took %v", took)
		}
	})
}
