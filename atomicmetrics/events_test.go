package atomicmetrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// maxWaiting is how many events wait for a callback.
const maxWaiting = 1024

// In a synctest bubble a test whose goroutines all wait for each other fails at once. So tests of what must not wait
// just do it.

func TestCallbackIsNotOnTheRecordingGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorded, called := make(chan struct{}), false
		c := newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) {
			<-recorded
			called = true
		}))
		c.RecordFailure("n", 1, errRefused)
		close(recorded)
		flush(t, c)
		equal(t, "called", called, true)
	})
}

func TestCallbackOfAResetIsNotOnTheResettingGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reset chan struct{}
		c := newEdgy(t, atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			if !e.Breached {
				<-reset
			}
		}))
		for _, f := range []func(){func() { c.Reset() }, func() { c.ResetNode("n") }, func() { c.Node("n").Reset() }} {
			reset = make(chan struct{})
			c.RecordFailure("n", 1, errRefused)
			f()
			close(reset)
			flush(t, c)
		}
	})
}

func TestCallbackHoldsNothingThatTheCollectorNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) { <-release }))
		raise(c, "n", 1)
		synctest.Wait() // the callback is in there
		useEverything(t, c, "n")
		close(release)
		flush(t, c)
	})
}

// useEverything calls every method of the collector but Flush, and of the node's handle, and makes a new node. The
// node ends reset.
func useEverything(t *testing.T, c *atomicmetrics.Collector, node string) {
	t.Helper()
	n := c.Node(node)
	for _, r := range []recorder{n, byName{c, node}, byName{c, "new of " + node}} {
		r.RecordSuccess(1)
		r.RecordFailure(1, errRefused)
		r.RecordFailureAs(1, atomicmetrics.CategoryNetwork)
		r.RecordRetry(1)
	}
	n.Start().Stop(nil)
	if m := c.NodeMetrics(node); m != n.Metrics() || m.TotalExecutions < 7 || m.RetryCount < 2 {
		t.Errorf("metrics %+v", m)
	}
	equal(t, "quantiles", len(n.Quantiles(0.5, 0.9)), 2)
	if all := c.AllNodeMetrics(); all[node] != n.Metrics() {
		t.Errorf("AllNodeMetrics: %+v", all)
	}
	for range c.All() {
	}
	if _, ok := c.Snapshot().Nodes[node]; !ok {
		t.Error("Snapshot: without the node")
	}
	if data, err := c.MarshalJSON(); err != nil || len(data) < 100 || len(c.String()) < 100 {
		t.Errorf("MarshalJSON: %s, %v", data, err)
	}
	if m := n.Reset(); m.TotalExecutions < 7 {
		t.Errorf("Reset: %+v", m)
	}
	c.ResetNode("new of " + node)
	c.Reset()
	equal(t, "executions after the reset", n.Metrics().TotalExecutions, 0)
}

func TestCallbackMayCallAnythingOfTheCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *atomicmetrics.Collector
		var events eventList
		c = newEdgy(t, atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			events.add(e)
			if len(events) == 1 {
				useEverything(t, c, e.Node)
			}
		}))
		c.RecordFailure("n", 1, errRefused)
		flush(t, c)
		flush(t, c) // those that the callback raised
		// Two of each node at least. Those of n are more, unless its first record is still about to return: records that
		// overlap with it are judged together.
		if len(events) < 4 || events[len(events)-1].Breached {
			t.Errorf("events %+v: want those of the callback's records too, and in the end recoveries", events)
		}
	})
}

func TestCallbackMayRaiseEventsForEver(t *testing.T) {
	const rounds = 3 * maxWaiting
	var c *atomicmetrics.Collector
	called := 0
	c = newEdgy(t, atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
		if called++; called < rounds {
			if e.Breached {
				c.RecordSuccess(e.Node, 1)
			} else {
				c.RecordFailure(e.Node, 1, errRefused)
			}
		}
	}))
	c.RecordFailure("n", 1, errRefused)
	for range rounds {
		flush(t, c) // each waits for at least one more
	}
	equal(t, "calls", called, rounds)
}

func TestCallbacksAreCalledOneAtATime(t *testing.T) {
	const recorders, each = 4, 200 // fewer events in all than may wait
	var running atomic.Int32
	calls, last := 0, map[string]bool{} // plain memory, for the race detector
	once := func(atomicmetrics.Event) {
		if running.Add(1) != 1 {
			t.Error("two callbacks at the same time")
		}
		runtime.Gosched()
		calls++
		running.Add(-1)
	}
	c := newEdgy(t, atomicmetrics.OnEvent(once), atomicmetrics.OnEvent(once),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			if last[e.Node] == e.Breached {
				t.Errorf("node %s: Breached %v twice in a row", e.Node, e.Breached)
			}
			last[e.Node] = e.Breached
		}))
	together(recorders, func(i int) { raise(c, fmt.Sprint(i), each) })
	flush(t, c)
	equal(t, "calls", calls, 2*recorders*each)
}

func TestCallbacksAreCalledInTheOrderInWhichEventsWereRaised(t *testing.T) {
	var got []string
	c := newEdgy(t, atomicmetrics.OnEvent(func(e atomicmetrics.Event) { got = append(got, e.Node) }))
	var want []string
	for i := range maxWaiting { // what may wait is not dropped
		node := fmt.Sprint(i * i % 31)
		want = append(want, node)
		if c.NodeMetrics(node).FailureRateBreached {
			c.RecordSuccess(node, 1)
		} else {
			c.RecordFailure(node, 1, errRefused)
		}
	}
	flush(t, c)
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestAllCallbacksAreCalledInTheOrderOfTheOptions(t *testing.T) {
	var got []string
	note := func(name string) { got = append(got, name) }
	c := newCollector(t,
		atomicmetrics.WithWindowSize(1),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { note("1 " + e.Kind.String()) }),
		atomicmetrics.OnLatencyThreshold(func(string, time.Duration) { note("2 latency") }),
		atomicmetrics.OnFailureRateThreshold(func(string, float64) { note("3 failureRate") }),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: 1}),
		atomicmetrics.OnFailureRateThreshold(func(string, float64) { note("4 failureRate") }),
		atomicmetrics.OnLatencyThreshold(func(string, time.Duration) { note("5 latency") }),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { note("6 " + e.Kind.String()) }),
	)
	c.RecordFailure("n", 2, errRefused)
	flush(t, c)
	want := []string{
		"1 failureRate", "3 failureRate", "4 failureRate", "6 failureRate",
		"1 latency", "2 latency", "5 latency", "6 latency",
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestEventSaysWhatCrossedTheThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type event = atomicmetrics.Event
		var events eventList
		c := newCollector(t, atomicmetrics.WithWindowSize(4), atomicmetrics.OnEvent(events.add),
			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: millis(100), MinSamples: 2}))
		n := c.Node("n")
		const rate, latency = atomicmetrics.FailureRateEvent, atomicmetrics.LatencyEvent
		for i, step := range []struct {
			d    time.Duration
			err  error
			want []event
		}{
			{millis(1), errRefused, nil}, // too few to judge
			{millis(2), errRefused, []event{{Kind: rate, Breached: true, FailureRate: 1, P99: millis(2), Samples: 2}}},
			{millis(3), errRefused, nil}, // still in breach
			{millis(101), nil, []event{{Kind: latency, Breached: true, FailureRate: 0.75, P99: millis(101), Samples: 4}}},
			{millis(5), nil, []event{{Kind: rate, FailureRate: 0.5, P99: millis(101), Samples: 4}}},
			{millis(6), nil, nil},
			{millis(7), nil, nil},
			{millis(100), nil, []event{{Kind: latency, FailureRate: 0, P99: millis(100), Samples: 4}}},
		} {
			time.Sleep(time.Second)
			if step.err == nil {
				n.RecordSuccess(step.d)
			} else {
				n.RecordFailure(step.d, step.err)
			}
			for j := range step.want {
				step.want[j].Node, step.want[j].At = "n", time.Now()
			}
			flush(t, c)
			if differ := diff.Lists(events, step.want); differ != "" {
				t.Errorf("record %d: events: %s", i, differ)
			}
			events = nil
		}
	})
}

func TestResetOfABreachedNodeRaisesItsRecovery(t *testing.T) {
	for name, reset := range map[string]func(c *atomicmetrics.Collector){
		"Reset":      func(c *atomicmetrics.Collector) { c.Reset() },
		"ResetNode":  func(c *atomicmetrics.Collector) { c.ResetNode("n") },
		"Node.Reset": func(c *atomicmetrics.Collector) { c.Node("n").Reset() },
	} {
		var events eventList
		c := newEdgy(t, atomicmetrics.OnEvent(events.add))
		c.RecordFailure("n", 1, errRefused)
		reset(c)
		reset(c)
		flush(t, c)
		if len(events) != 2 || events[1].Breached || events[1].Samples != 0 || events[1].At.IsZero() {
			t.Errorf("%s: events %+v, want a breach and a recovery with no samples", name, events)
		}
	}
}

func TestThresholdCallbacksAreCalledForBreachesOnly(t *testing.T) {
	var got []string
	c := newCollector(t,
		atomicmetrics.WithWindowSize(4),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: millis(100), MinSamples: 4}),
		atomicmetrics.OnFailureRateThreshold(func(node string, rate float64) {
			got = append(got, fmt.Sprint(node, " rate ", rate))
		}),
		atomicmetrics.OnLatencyThreshold(func(node string, p99 time.Duration) {
			got = append(got, fmt.Sprint(node, " p99 ", p99))
		}),
	)
	for range 2 {
		for range 3 {
			c.RecordFailure("rate", millis(1), errRefused)
			c.RecordSuccess("p99", millis(1))
		}
		c.RecordSuccess("rate", millis(1)) // completes the samples
		c.RecordSuccess("p99", millis(250))
		for range 4 {
			c.RecordSuccess("rate", millis(1))
			c.RecordSuccess("p99", millis(1))
		}
		c.Reset()
	}
	flush(t, c)
	want := []string{"rate rate 0.75", "p99 p99 250ms"}
	if want = slices.Concat(want, want); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

func TestThresholdsWithoutCallbacksAreReadInTheMetrics(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithWindowSize(1),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: 1}))
	for range 3 {
		c.RecordFailure("n", 2, errRefused)
		m := c.NodeMetrics("n")
		equal(t, "breached", m.FailureRateBreached && m.LatencyBreached, true)
		c.RecordSuccess("n", 1)
		m = c.NodeMetrics("n")
		equal(t, "breached after the recovery", m.FailureRateBreached || m.LatencyBreached, false)
	}
	flush(t, c)
}

func TestCallbacksWithoutThresholdsAreNotCalled(t *testing.T) {
	called := false
	c := newCollector(t, atomicmetrics.WithWindowSize(1),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { called = true }),
		atomicmetrics.OnFailureRateThreshold(func(string, float64) { called = true }),
		atomicmetrics.OnLatencyThreshold(func(string, time.Duration) { called = true }))
	raise(c, "n", 10)
	c.RecordFailure("n", maxDuration, errRefused)
	c.Reset()
	flush(t, c)
	equal(t, "called", called, false)
}

func TestGoroutineExistsOnlyWhileThereIsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		release := make(chan struct{})
		c := newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) { <-release }))
		c.RecordSuccess("n", 1)
		synctest.Wait()
		equal(t, "goroutines of an idle collector", goroutines(), before)
		raise(c, "n", 10)
		synctest.Wait()
		equal(t, "goroutines while a callback runs", goroutines(), before+1)
		close(release)
		synctest.Wait()
		equal(t, "goroutines after all is delivered", goroutines(), before)
		raise(c, "n", 10)
		c.RecordSuccess("n", -1)
		synctest.Wait()
		equal(t, "goroutines after more is delivered", goroutines(), before)
	})
}

// slowLog is a log whose writer waits until it is released.
type slowLog struct {
	warningLog
	release chan struct{}
}

func (l *slowLog) Write(p []byte) (int, error) {
	<-l.release
	return l.warningLog.Write(p)
}

func newSlowLog() (*slowLog, atomicmetrics.Option) {
	l := &slowLog{release: make(chan struct{})}
	return l, atomicmetrics.WithLogger(zerolog.New(l))
}

func TestSlowLogNeverSlowsARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, option := newSlowLog()
		c := newEdgy(t, option, atomicmetrics.WithMaxNodes(2),
			atomicmetrics.OnEvent(func(atomicmetrics.Event) { panic("logged") }),
			atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic("logged too") }))
		for range 3 {
			c.RecordSuccess("n", -1)
			c.RecordFailure("n", -1, errRefused)
			c.RecordSuccess("m", 1)
			c.RecordSuccess("of many", 1)
			synctest.Wait() // the log is being written
			time.Sleep(time.Second)
			useEverything(t, c, "n")
		}
		close(log.release)
		if got := log.warnings(t, c); len(got) < 10 {
			t.Errorf("logged %+v", got)
		}
	})
}

func TestSlowLogNeverSlowsARecordWhoseEventIsOneTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, option := newSlowLog()
		g := newGate()
		c := newEdgy(t, option, atomicmetrics.OnEvent(g.pass))
		raise(c, "n", 1)
		synctest.Wait()
		raise(c, "m", maxWaiting+10)
		close(g.open)
		close(log.release)
		equal(t, "dropped, as logged", droppedIn(t, log.warnings(t, c)), 10)
	})
}

func TestSlowLogHoldsUpNoCallback(t *testing.T) {
	for name, cause := range map[string]func(){
		"of a duration":                 func() {},
		"of a callback that panics":     func() { panic("boom") },
		"of a callback that is no more": runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			log, option := newSlowLog()
			var events eventList
			c := newEdgy(t, option, atomicmetrics.OnEvent(func(atomicmetrics.Event) { cause() }),
				atomicmetrics.OnEvent(events.add))
			c.RecordFailure("n", -1, errRefused)
			synctest.Wait()
			c.RecordSuccess("n", 1)
			synctest.Wait()
			equal(t, "events while the log writes a warning "+name, len(events), 2)
			close(log.release)
			flush(t, c)
		})
	}
}

func TestSlowCallbackHoldsUpNoWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		release := make(chan struct{})
		c := newEdgy(t, log.option(), atomicmetrics.OnEvent(func(atomicmetrics.Event) { <-release }))
		c.RecordFailure("n", -1, errRefused)
		synctest.Wait()
		equal(t, "warnings", len(log.written(t)), 1)
		close(release)
		flush(t, c)
	})
}

func TestLogThatPanicsCostsThatWarningOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		first := true
		panics := zerolog.New(&log).Hook(zerolog.HookFunc(func(*zerolog.Event, zerolog.Level, string) {
			if first {
				first = false
				panic("the log is broken")
			}
		}))
		c := newCollector(t, atomicmetrics.WithLogger(panics))
		c.RecordSuccess("n", -1)
		flush(t, c)
		time.Sleep(time.Second)
		c.RecordSuccess("n", -2)
		if got, want := log.warnings(t, c), []warning{{Node: "n", DurationNs: -2}}; !slices.Equal(got, want) {
			t.Errorf("logged %+v, want %+v", got, want)
		}
	})
}

// unprintable panics when it is printed.
type unprintable struct{}

func (*unprintable) Error() string { panic("no text") }

func thePanickingCallback(value any) { panic(value) }
func theExitingCallback(any)         { runtime.Goexit() }

func TestPanicOfACallbackIsLoggedAndTheNextIsCalled(t *testing.T) {
	for _, row := range []struct {
		callback func(any)
		value    any
		reason   string
		frame    string // of the stack
	}{
		{thePanickingCallback, "boom", "it panicked: boom", "thePanickingCallback"},
		{thePanickingCallback, errors.New("boom"), "it panicked: boom", "thePanickingCallback"},
		{thePanickingCallback, 42, "it panicked: 42", "thePanickingCallback"},
		{thePanickingCallback, nil, "it panicked: panic called with nil argument", "thePanickingCallback"},
		{thePanickingCallback, (*unprintable)(nil), "it panicked: ", "thePanickingCallback"},
		{thePanickingCallback, &unprintable{}, "it panicked: ", "thePanickingCallback"},
		{theExitingCallback, nil, "it called runtime.Goexit", "theExitingCallback"},
	} {
		var log warningLog
		var events eventList
		c := newEdgy(t, log.option(),
			atomicmetrics.OnEvent(func(atomicmetrics.Event) { row.callback(row.value) }), atomicmetrics.OnEvent(events.add))
		raise(c, "n", 1)
		flush(t, c)
		equal(t, fmt.Sprintf("%T: events of the next callback", row.value), len(events), 1)
		if text := log.text.String(); !strings.Contains(text, row.frame) {
			t.Errorf("%T: logged %s without %s", row.value, text, row.frame)
		}
		got := log.written(t)
		if len(got) != 1 || got[0].Node != "n" || got[0].Event != "failureRate" ||
			!strings.HasPrefix(got[0].Reason, row.reason) {
			t.Errorf("%T: logged %+v, want the reason %q", row.value, got, row.reason)
		}
	}
}

// Each callback has a limit of its own, so one that panics hides no other.
func TestCallbackWarningsAreAtMostOneASecondForEachCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		callback := func(text string) atomicmetrics.Option {
			return atomicmetrics.OnEvent(func(atomicmetrics.Event) { panic(text) })
		}
		c := newEdgy(t, log.option(), callback("a"), callback("b"))
		for i, step := range []struct {
			after      time.Duration
			events     int
			suppressed []uint64 // of the two warnings
		}{
			{0, 1, []uint64{0, 0}},
			{0, 1000, nil},
			{time.Second - 1, 1000, nil},
			{1, 1, []uint64{2000, 2000}},
			{time.Second, 5, []uint64{0, 0}},
		} {
			time.Sleep(step.after)
			raise(c, fmt.Sprint(i), step.events)
			var suppressed []uint64
			var reasons string
			for _, w := range log.warnings(t, c) {
				suppressed = append(suppressed, w.Suppressed)
				reasons += w.Reason
			}
			if !slices.Equal(suppressed, step.suppressed) || suppressed != nil && reasons != "it panicked: ait panicked: b" {
				t.Errorf("step %d: suppressed %v, want %v; %s", i, suppressed, step.suppressed, reasons)
			}
		}
	})
}

// The queue is full all the while, and drops one event for each that it delivers.
func TestACallbackSlowerThanTheEventsDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 20
		var log warningLog
		events := 0
		c := newEdgy(t, log.option(), atomicmetrics.OnEvent(func(atomicmetrics.Event) {
			events++
			time.Sleep(2 * time.Millisecond)
		}))
		const raised = seconds * 1000
		for range raised / 2 {
			raise(c, "n", 2)
			time.Sleep(2 * time.Millisecond)
		}
		var logged []warning
		for range 10 {
			time.Sleep(time.Second)
			logged = append(logged, log.written(t)...)
		}
		logged = append(logged, log.warnings(t, c)...)
		if len(logged) > seconds+1 {
			t.Errorf("%d warnings in %d seconds", len(logged), seconds)
		}
		equal(t, "delivered and dropped", uint64(events)+droppedIn(t, logged), raised)
	})
}

// The log takes 20 lines a second. The callbacks panic 64 times a second, evenly.
func TestALogSlowerThanTheWarningsIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callbacks, seconds = 64, 60
		var log delayedLog
		opts := []atomicmetrics.Option{atomicmetrics.WithLogger(zerolog.New(&log))}
		for range callbacks {
			opts = append(opts, atomicmetrics.OnEvent(func(atomicmetrics.Event) {
				time.Sleep(time.Second / callbacks)
				panic("boom")
			}))
		}
		c := newEdgy(t, opts...)
		for i := range seconds {
			raise(c, fmt.Sprint(i), 1)
			time.Sleep(time.Second)
		}
		time.Sleep(2 * maxWaiting * delayOfALine)
		told, warnings := 0, uint64(0)
		for _, w := range log.warnings(t, c) {
			if warnings += w.DroppedWarnings; w.DroppedWarnings > 0 {
				told++
			} else {
				warnings++
			}
		}
		equal(t, "written and dropped", warnings, callbacks*seconds)
		if told > seconds+1 {
			t.Errorf("%d lines tell of warnings that were dropped in %d seconds", told, seconds)
		}
	})
}

const delayOfALine = 50 * time.Millisecond

type delayedLog struct{ warningLog }

func (l *delayedLog) Write(p []byte) (int, error) {
	time.Sleep(delayOfALine)
	return l.warningLog.Write(p)
}

// endings are the ways in which a callback can end.
var endings = []struct {
	name string
	end  func()
}{
	{"return", func() {}},
	{"panic", func() { panic("boom") }},
	{"exit", runtime.Goexit},
}

func TestAllCallbacksAreCalledHoweverTheOthersEnd(t *testing.T) {
	const callbacks, events = 4, 3
	for combination := range int(math.Pow(float64(len(endings)), callbacks)) {
		var name string
		var got, want []string
		var log warningLog
		opts := []atomicmetrics.Option{log.option()}
		abnormal := 0
		for i, rest := 0, combination; i < callbacks; i, rest = i+1, rest/len(endings) {
			ending := endings[rest%len(endings)]
			name += ending.name + " "
			if ending.name != "return" {
				abnormal++
			}
			opts = append(opts, atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
				got = append(got, fmt.Sprint(e.Node, i))
				ending.end()
			}))
		}
		c := newEdgy(t, opts...)
		for event := range events {
			node := fmt.Sprint("node ", event, ", callback ")
			c.RecordFailure(node, 1, errRefused)
			for i := range callbacks {
				want = append(want, fmt.Sprint(node, i))
			}
		}
		logged := log.warnings(t, c)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: calls %q, want %q", name, got, want)
		}
		equal(t, name+": callbacks that are logged", len(logged), abnormal)
	}
}

// gate is a callback that lets one event pass at a time.
type gate struct {
	events eventList     // those that have come in
	open   chan struct{} // a send lets the one that is in pass
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass(e atomicmetrics.Event) {
	g.events.add(e)
	<-g.open
}

func TestEventsBehindACallbackThatHangsWaitAndTheOldestAreDropped(t *testing.T) {
	for _, tooMany := range []int{0, 1, 2, 500, 3 * maxWaiting} {
		synctest.Test(t, func(t *testing.T) {
			var log warningLog
			g := newGate()
			c := newEdgy(t, log.option(), atomicmetrics.OnEvent(g.pass))
			c.RecordFailure("first", 1, errRefused)
			synctest.Wait() // it is being delivered, and hangs
			var want []string
			for i := range tooMany + maxWaiting {
				node := fmt.Sprint(i)
				c.RecordFailure(node, 1, errRefused)
				if i >= tooMany {
					want = append(want, node)
				}
			}
			synctest.Wait()
			equal(t, "events delivered while the callback hangs", len(g.events), 1)
			close(g.open)
			logged := log.warnings(t, c)
			var got []string
			for _, e := range g.events[1:] {
				got = append(got, e.Node)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d too many: delivered %d: %.5q …, want %d: %.5q …", tooMany, len(got), got, len(want), want)
			}
			equal(t, fmt.Sprintf("%d too many: dropped, as logged", tooMany), droppedIn(t, logged), uint64(tooMany))
		})
	}
}

// droppedIn returns the sum of dropped events that warnings tell of. There must be no others.
func droppedIn(t *testing.T, logged []warning) (sum uint64) {
	t.Helper()
	for _, w := range logged {
		if w != (warning{Dropped: w.Dropped}) || w.Dropped == 0 {
			t.Errorf("logged %+v: want dropped events only", w)
		}
		sum += w.Dropped
	}
	return sum
}

func TestDroppedEventsAreLoggedWhileTheCallbackHangsAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		g := newGate()
		c := newEdgy(t, log.option(), atomicmetrics.OnEvent(g.pass))
		raise(c, "n", 1)
		synctest.Wait()
		raise(c, "m", maxWaiting)
		for i, step := range []struct {
			after time.Duration
			drop  int
			want  []warning
		}{
			{0, 1, []warning{{Dropped: 1}}},
			{0, 5, nil},
			{time.Second - 1, 3, nil},
			{1, 2, []warning{{Dropped: 9}}}, // the first of them; the other waits
			{time.Second, 2, []warning{{Dropped: 2}}},
		} {
			time.Sleep(step.after)
			raise(c, fmt.Sprint("step ", i), step.drop)
			synctest.Wait()
			if got := log.written(t); !slices.Equal(got, step.want) {
				t.Errorf("step %d: logged %+v, want %+v", i, got, step.want)
			}
		}
		close(g.open)
		if got, want := log.warnings(t, c), []warning{{Dropped: 1}}; !slices.Equal(got, want) {
			t.Errorf("when the callback goes on: logged %+v, want %+v", got, want)
		}
	})
}

func TestDroppedEventsOfManyRecordersAreAllLogged(t *testing.T) {
	const recorders, each, rounds = 4, 1000, 5
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			var log warningLog
			g := newGate()
			c := newEdgy(t, log.option(), atomicmetrics.OnEvent(g.pass))
			raise(c, "first", 1)
			synctest.Wait()
			together(recorders, func(i int) { raise(c, fmt.Sprint(i), each) })
			close(g.open)
			logged := log.warnings(t, c)
			equal(t, "delivered", len(g.events), 1+maxWaiting)
			equal(t, "dropped, as logged", droppedIn(t, logged), recorders*each-maxWaiting)
		})
	}
}

func TestEveryEventIsDeliveredOrCountedAsDropped(t *testing.T) {
	const recorders, each = 4, 3000
	var log warningLog
	var events eventList
	c := newEdgy(t, log.option(), atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
		events.add(e)
		runtime.Gosched()
	}))
	together(recorders, func(i int) { raise(c, fmt.Sprint(i), each) })
	flush(t, c)
	raise(c, "last", 1) // tells of what was dropped after the last delivery before it
	dropped := droppedIn(t, log.warnings(t, c))
	equal(t, "delivered and dropped", uint64(len(events))+dropped, recorders*each+1)
}

func TestBreachIsReadableWhileTheCallbackHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := newEdgy(t, atomicmetrics.OnEvent(g.pass))
		raise(c, "n", 1)
		synctest.Wait()
		raise(c, "m", 2*maxWaiting+1) // its breach comes last, after others were dropped
		raise(c, "healthy", 2)
		for node, breached := range map[string]bool{"n": true, "m": true, "healthy": false} {
			equal(t, node+" is breached", c.NodeMetrics(node).FailureRateBreached, breached)
			equal(t, node+" is breached in the snapshot", c.Snapshot().Nodes[node].FailureRateBreached, breached)
		}
		close(g.open)
		flush(t, c)
	})
}

// flushing returns a channel that is closed when a Flush that begins now has returned nil.
func flushing(t *testing.T, c *atomicmetrics.Collector) <-chan struct{} {
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		if err := c.Flush(context.Background()); err != nil {
			t.Errorf("Flush: %v", err)
		}
	}()
	synctest.Wait()
	return flushed
}

// closed reports whether a channel is closed, once all goroutines of the bubble wait.
func closed(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestFlushReturnsWhenTheEventsBeforeItAreDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := newEdgy(t, atomicmetrics.OnEvent(g.pass))
		raise(c, "n", 3)
		flushed := flushing(t, c)
		raise(c, "m", 1) // a later one, which is not waited for
		for i := range 3 {
			equal(t, fmt.Sprintf("flushed after %d of 3", i), closed(flushed), false)
			g.open <- struct{}{}
		}
		equal(t, "flushed after all", closed(flushed), true)
		equal(t, "events that have come in", len(g.events), 4)
		close(g.open)
		flush(t, c)
	})
}

func TestFlushReturnsWhenTheEventsBeforeItAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := newEdgy(t, atomicmetrics.OnEvent(g.pass))
		raise(c, "first", 1)
		synctest.Wait()
		raise(c, "n", 10)
		flushed := flushing(t, c)
		raise(c, "m", maxWaiting+1) // the ten before are dropped, and one of these
		equal(t, "flushed while the first is delivered", closed(flushed), false)
		g.open <- struct{}{}
		equal(t, "flushed", closed(flushed), true)
		equal(t, "node of the second event", g.events[1].Node, "m")
		close(g.open)
		flush(t, c)
	})
}

func TestFlushWaitsForWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, option := newSlowLog()
		c := newCollector(t, option)
		c.RecordSuccess("n", -1)
		flushed := flushing(t, c)
		equal(t, "flushed while the log is written", closed(flushed), false)
		close(log.release)
		equal(t, "flushed after that", closed(flushed), true)
		equal(t, "warnings", len(log.written(t)), 1)
	})
}

func TestFlushWithNothingToWaitForReturns(t *testing.T) {
	flush(t, newCollector(t))
	c := newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) {}))
	flush(t, c)
	raise(c, "n", 2)
	flush(t, c)
	flush(t, c)
}

func TestFlushReturnsTheErrorOfItsContext(t *testing.T) {
	hang := map[string]func(t *testing.T) (c *atomicmetrics.Collector, release chan struct{}){
		"a callback": func(t *testing.T) (*atomicmetrics.Collector, chan struct{}) {
			g := newGate()
			c := newEdgy(t, atomicmetrics.OnEvent(g.pass))
			raise(c, "n", 2)
			return c, g.open
		},
		"the log": func(t *testing.T) (*atomicmetrics.Collector, chan struct{}) {
			log, option := newSlowLog()
			c := newCollector(t, option)
			c.RecordSuccess("n", -1)
			return c, log.release
		},
	}
	for what, hang := range hang {
		synctest.Test(t, func(t *testing.T) {
			c, release := hang(t)
			synctest.Wait()

			canceled, cancel := context.WithCancel(context.Background())
			cancel()
			equal(t, what+" hangs: Flush with a canceled context", c.Flush(canceled), context.Canceled)

			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			start := time.Now()
			equal(t, what+" hangs: Flush with a deadline", c.Flush(ctx), context.DeadlineExceeded)
			equal(t, "time that Flush took", time.Since(start), time.Minute)
			close(release)
			flush(t, c)
		})
	}
}

func TestFlushFromACallbackWaitsForItsContextOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *atomicmetrics.Collector
		var errs []error
		var took time.Duration
		c = newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			start := time.Now()
			errs = append(errs, c.Flush(ctx))
			took += time.Since(start)
		}))
		raise(c, "n", 2)
		flush(t, c)
		if want := []error{context.DeadlineExceeded, context.DeadlineExceeded}; !slices.Equal(errs, want) {
			t.Errorf("Flush: %v, want %v", errs, want)
		}
		equal(t, "time that both took", took, 2*time.Second)
	})
}

// The race detector is what fails this test: the callback and the test share plain memory.
func TestWhatCallbacksDidHappensBeforeFlushReturns(t *testing.T) {
	const rounds = 200
	seen := 0
	c := newEdgy(t, atomicmetrics.OnEvent(func(atomicmetrics.Event) { seen++ }))
	for i := range rounds {
		raise(c, "n", 2)
		flush(t, c)
		equal(t, "events seen", seen, 2*(i+1))
	}
}

func TestClassifierThatPanicsCountsAsOther(t *testing.T) {
	for _, value := range []any{"boom", errors.New("boom"), nil, (*unprintable)(nil), &unprintable{}} {
		var log warningLog
		c := newCollector(t, log.option(),
			atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic(value) }))
		c.RecordFailure("n", 1, context.DeadlineExceeded)
		equal(t, fmt.Sprintf("%T: counts", value), countsOf(c.NodeMetrics("n")), oneOther)
		got := log.warnings(t, c)
		if len(got) != 1 || !strings.Contains(got[0].Reason, "panic") {
			t.Errorf("%T: logged %+v, want a warning with the panic", value, got)
		}
	}
}

// ends reports whether f ends its goroutine.
func ends(f func()) bool {
	ended := make(chan bool, 1)
	go func() {
		returned := false
		defer func() { ended <- !returned }()
		f()
		returned = true
	}()
	return <-ended
}

func TestClassifierThatEndsItsGoroutineCountsAsOther(t *testing.T) {
	var log warningLog
	goexit := atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		runtime.Goexit()
		return atomicmetrics.CategoryNetwork
	})
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		equal(t, "ended", ends(func() { r.RecordFailure(1, errRefused) }), true)
		equal(t, "ended by a timer", ends(func() { c.Node("timed").Start().Stop(errRefused) }), true)
		equal(t, "counts", countsOf(c.NodeMetrics("n")), oneOther)
		equal(t, "counts of the timer", countsOf(c.NodeMetrics("timed")), oneOther)
		got := log.warnings(t, c)
		if len(got) != 1 || !strings.Contains(got[0].Reason, "Goexit") {
			t.Errorf("logged %+v, want a warning about Goexit", got)
		}
	}, goexit, log.option())
}

// goexitError ends the goroutine that asks it.
type goexitError struct{}

func (goexitError) Error() string { return "not asked" }
func (goexitError) Timeout() bool {
	runtime.Goexit()
	return true
}

func TestErrorThatEndsTheGoroutineCountsAsOther(t *testing.T) {
	c := newCollector(t)
	equal(t, "ended", ends(func() { c.RecordFailure("n", 1, goexitError{}) }), true)
	equal(t, "counts", countsOf(c.NodeMetrics("n")), oneOther)
}

func TestClassifierWarningsAreAtMostOneASecondWithTheNumberSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		c := newCollector(t, log.option(),
			atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic("boom") }))
		for i, step := range []struct {
			after time.Duration
			want  []warning
		}{
			{0, []warning{{Reason: "it panicked: boom"}}},
			{0, nil},
			{time.Second - 1, nil},
			{1, []warning{{Reason: "it panicked: boom", Suppressed: 2}}},
			{time.Second, []warning{{Reason: "it panicked: boom"}}},
		} {
			time.Sleep(step.after)
			c.RecordFailure(fmt.Sprint(i), 1, errRefused)
			if got := log.warnings(t, c); !slices.Equal(got, step.want) {
				t.Errorf("step %d: logged %+v, want %+v", i, got, step.want)
			}
		}
	})
}

func TestWarningsOfDifferentKindsDoNotSuppressEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		c := newCollector(t, log.option(), atomicmetrics.WithMaxNodes(1),
			atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic("boom") }))
		c.RecordSuccess("n", -1)
		c.RecordFailure("n", 1, errRefused)
		c.RecordSuccess("m", 1)
		want := []warning{{Node: "n", DurationNs: -1}, {Reason: "it panicked: boom"}, {Node: "m"}}
		if got := log.warnings(t, c); !slices.Equal(got, want) {
			t.Errorf("logged %+v, want %+v", got, want)
		}
	})
}

func TestCategoryAndEventKindAsText(t *testing.T) {
	type text interface {
		fmt.Stringer
		MarshalText() ([]byte, error)
	}
	for _, row := range []struct {
		value text
		zero  any // a pointer to unmarshal into
		want  string
	}{
		{atomicmetrics.CategoryOther, new(atomicmetrics.Category), "other"},
		{atomicmetrics.CategoryTimeout, new(atomicmetrics.Category), "timeout"},
		{atomicmetrics.CategoryValidation, new(atomicmetrics.Category), "validation"},
		{atomicmetrics.CategoryNetwork, new(atomicmetrics.Category), "network"},
		{atomicmetrics.FailureRateEvent, new(atomicmetrics.EventKind), "failureRate"},
		{atomicmetrics.LatencyEvent, new(atomicmetrics.EventKind), "latency"},
	} {
		equal(t, "String", row.value.String(), row.want)
		marshaled, err := row.value.MarshalText()
		if string(marshaled) != row.want || err != nil {
			t.Errorf("MarshalText of %v: %q, %v", row.value, marshaled, err)
		}
		data, err := json.Marshal(row.value)
		if string(data) != `"`+row.want+`"` || err != nil {
			t.Errorf("JSON of %v: %s, %v", row.value, data, err)
		}
		if err := json.Unmarshal(data, row.zero); err != nil || reflect.ValueOf(row.zero).Elem().Interface() != row.value {
			t.Errorf("%s is read as %v, %v", data, row.zero, err)
		}
	}
}

func TestNoCategoryAndNoEventKindHaveNoText(t *testing.T) {
	equal(t, "String", atomicmetrics.Category(4).String(), "Category(4)")
	equal(t, "String", atomicmetrics.Category(255).String(), "Category(255)")
	equal(t, "String", atomicmetrics.EventKind(3).String(), "EventKind(3)")
	equal(t, "String", atomicmetrics.EventKind(255).String(), "EventKind(255)")
	for _, value := range []interface{ MarshalText() ([]byte, error) }{
		atomicmetrics.Category(4), atomicmetrics.EventKind(3),
	} {
		if data, err := value.MarshalText(); err == nil || data != nil {
			t.Errorf("MarshalText of %v: %q, %v", value, data, err)
		}
	}
	for _, bad := range []string{"", "Timeout", "timeout ", "Category(4)", "EventKind(3)", "failure rate", "4"} {
		category, kind := atomicmetrics.CategoryTimeout, atomicmetrics.LatencyEvent
		for _, err := range []error{category.UnmarshalText([]byte(bad)), kind.UnmarshalText([]byte(bad))} {
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
				t.Errorf("UnmarshalText of %q: %v", bad, err)
			}
		}
		equal(t, "category after a refused text", category, atomicmetrics.CategoryTimeout)
		equal(t, "kind after a refused text", kind, atomicmetrics.LatencyEvent)
	}
}
