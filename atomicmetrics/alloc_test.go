package atomicmetrics_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

// skipUnderRace skips a test that measures memory, as the race detector has allocations of its own.
func skipUnderRace(t testing.TB) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
}

// checkNoAllocations checks that what record does, over and over again, allocates nothing after the first time.
// testing.AllocsPerRun rounds down: so one run is 100 records, and even one allocation in a hundred is seen. Fewer are
// the runtime's own: it learns the types that Classify asks about, once in a thousand times that it does not know one.
func checkNoAllocations(t *testing.T, what string, record func()) {
	t.Helper()
	record()
	if got := testing.AllocsPerRun(100, func() {
		for range 100 {
			record()
		}
	}); got != 0 {
		t.Errorf("%s: %v allocations in 100 records", what, got)
	}
}

// realErrors are errors as they come, one for each category.
func realErrors() []error {
	_, notANumber := strconv.Atoi("x")
	_, noURL := url.Parse(malformed("http://["))
	return []error{
		errRefused,
		fmt.Errorf("load: %w", context.DeadlineExceeded),
		fmt.Errorf("load: %w", notANumber),
		noURL,
		&url.Error{Op: "Get", URL: "http://a", Err: &net.OpError{
			Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
		}},
		atomicmetrics.Categorize(errRefused, atomicmetrics.CategoryNetwork),
	}
}

func TestRecordsDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	healthy := atomicmetrics.Thresholds{FailureRate: 0.5, Latency: time.Hour, MinSamples: 10, Recovery: 0.5}
	for name, opts := range map[string][]atomicmetrics.Option{
		"without thresholds":     nil,
		"with a window of 1":     {atomicmetrics.WithWindowSize(1)},
		"with a window of 4,096": {atomicmetrics.WithWindowSize(4096)},
		"with thresholds, healthy and breached by turns, without callbacks": {atomicmetrics.WithThresholds(healthy)},
		"with a classifier": {
			atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { return atomicmetrics.CategoryNetwork }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
				checkNoAllocations(t, "success", func() { r.RecordSuccess(millis(1)) })
				for _, err := range append(realErrors(), nil) {
					checkNoAllocations(t, fmt.Sprint("failure ", err), func() { r.RecordFailure(millis(1), err) })
				}
				checkNoAllocations(t, "failure as", func() { r.RecordFailureAs(1, atomicmetrics.CategoryTimeout) })
				checkNoAllocations(t, "retry", func() { r.RecordRetry(2) })
			}, opts...)
		})
	}
}

func TestTimersDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	n := newCollector(t).Node("n")
	checkNoAllocations(t, "success", func() { n.Start().Stop(nil) })
	checkNoAllocations(t, "failure", func() { n.Start().Stop(errRefused) })
}

func TestHealthyRecordsWithThresholdsAndCallbacksDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	c := newCollector(t,
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: time.Second}),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { t.Errorf("event %+v", e) }))
	n, i := c.Node("n"), 0
	n.RecordSuccess(1)
	checkNoAllocations(t, "success", func() { n.RecordSuccess(time.Second) })
	checkNoAllocations(t, "one failure in three", func() {
		if i++; i%3 == 0 {
			n.RecordFailure(1, errRefused)
		} else {
			n.RecordSuccess(1)
		}
	})
	flush(t, c)
}

func TestRecordsInAStandingBreachDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	var events eventList
	c := newCollector(t,
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: time.Second, Recovery: 0.5}),
		atomicmetrics.OnEvent(events.add))
	n, i := c.Node("n"), 0
	for range 100 {
		n.RecordFailure(time.Minute, errRefused)
	}
	checkNoAllocations(t, "failures", func() { n.RecordFailure(time.Minute, errRefused) })
	checkNoAllocations(t, "one success in two", func() {
		if i++; i%2 == 0 {
			n.RecordFailureAs(time.Minute, atomicmetrics.CategoryTimeout)
		} else {
			n.RecordSuccess(millis(1))
		}
	})
	flush(t, c)
	equal(t, "events: the two breaches", len(events), 2)
}

func TestRecordsThatMoveTheVerdictWithoutACallbackDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	c := newEdgy(t)
	i := 0
	checkNoAllocations(t, "breach and recovery by turns", func() {
		if i++; i%2 == 0 {
			c.RecordFailure("n", 1, errRefused)
		} else {
			c.RecordSuccess("n", 1)
		}
	})
}

func TestDurationsOutOfRangeDoNotAllocateAfterTheFirstOfASecond(t *testing.T) {
	skipUnderRace(t)
	synctest.Test(t, func(t *testing.T) { // where the second lasts as long as it takes
		c := newCollector(t)
		c.RecordSuccess("n", -1)
		flush(t, c)
		checkNoAllocations(t, "negative", func() { c.RecordSuccess("n", -1) })
		checkNoAllocations(t, "too long", func() { c.RecordFailure("n", maxDuration+1, errRefused) })
	})
}

func TestRecordsUnderAnInvalidNameDoNotAllocateAfterTheFirst(t *testing.T) {
	skipUnderRace(t)
	for _, row := range invalidNames {
		c := newCollector(t)
		checkNoAllocations(t, fmt.Sprintf("%q", row.name), func() { c.RecordSuccess(row.name, 1) })
		checkNoAllocations(t, fmt.Sprintf("handle of %q", row.name), func() { c.Node(row.name).RecordSuccess(1) })
	}
}

func TestRecordsUnderManySpellingsOfANameDoNotAllocateAfterTheFirst(t *testing.T) {
	skipUnderRace(t)
	spellings := []string{"a\xff", "a\xfe", "a\xfd"}
	c := newCollector(t, atomicmetrics.WithMaxNodes(len(spellings)))
	checkNoAllocations(t, "as many spellings of one node as there may be nodes", func() {
		for _, name := range spellings {
			c.RecordSuccess(name, 1)
		}
	})
}

func TestRecordsOfTheOverflowNodeDoNotAllocateAfterTheFirst(t *testing.T) {
	skipUnderRace(t)
	c, _ := overflow(t)
	for _, name := range []string{"c", "", "a much longer name than the others have", atomicmetrics.OverflowNode} {
		checkNoAllocations(t, fmt.Sprintf("%q", name), func() { c.RecordSuccess(name, 1) })
	}
	i, names := 0, make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint("new ", i)
	}
	checkNoAllocations(t, "new names all the time", func() {
		c.RecordSuccess(names[i%len(names)], 1)
		i++
	})
}

func TestRecordsOfTheOverflowNodeUnderAnInvalidNameDoNotAllocateAfterTheFirst(t *testing.T) {
	skipUnderRace(t)
	c, _ := overflow(t)
	checkNoAllocations(t, "invalid name", func() { c.RecordSuccess("c\xff", 1) })
}

func TestNilCollectorAndNilNodeDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	var c *atomicmetrics.Collector
	for _, r := range []recorder{byName{c, "n"}, c.Node("n")} {
		checkNoAllocations(t, fmt.Sprintf("%T", r), func() {
			r.RecordSuccess(1)
			r.RecordFailure(1, errRefused)
			r.RecordFailureAs(1, atomicmetrics.CategoryTimeout)
			r.RecordRetry(1)
		})
	}
	checkNoAllocations(t, "timer", func() { c.Node("n").Start().Stop(errRefused) })
}

func TestHandlesOfKnownNodesDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	c := newCollector(t)
	c.RecordSuccess("n", 1)
	checkNoAllocations(t, "Node", func() { c.Node("n") })
}

func TestReadsOfANodeDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	n := newCollector(t).Node("n")
	n.RecordSuccess(1)
	n.RecordFailureAs(1, atomicmetrics.CategoryNetwork)
	checkNoAllocations(t, "read", func() { n.Metrics() })
}
