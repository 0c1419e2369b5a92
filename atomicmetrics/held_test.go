//go:build nodemetrics_step

package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// TestMain runs every test of the package with goroutines that yield at random steps of a record, a look and a reset.
func TestMain(m *testing.M) {
	step.Hook(yieldNowAndThen)
	os.Exit(m.Run())
}

func yieldNowAndThen(step.Step) {
	if rand.Uint32N(16) == 0 {
		runtime.Gosched()
	}
}

// events collects what a collector raises.
type eventLog struct {
	mu  sync.Mutex
	all []string
}

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := "recovered"
	if e.Breached {
		what = "breached"
	}
	l.all = append(l.all, fmt.Sprintf("%v %s %d", e.Kind, what, e.Samples))
}

// take returns the events so far, after a flush.
func (l *eventLog) take(t *testing.T, c *Collector) []string {
	t.Helper()
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func heldCollector(t *testing.T, opts ...Option) (*Collector, *Node, *eventLog) {
	t.Helper()
	log := new(eventLog)
	c, err := New(append(opts, WithLogger(zerolog.Nop()), OnEvent(log.add))...)
	if err != nil {
		t.Fatal(err)
	}
	return c, c.Node("n"), log
}

// inBackground runs f and returns a channel that is closed when it has ended.
func inBackground(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}

func TestARecordHeldUpBeforeItOwnsAShardGoesToTheStateAfterAReset(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	_, n, _ := heldCollector(t)
	n.RecordSuccess(1)
	held, release := step.Hold(step.Loaded)
	done := inBackground(func() { n.RecordSuccess(2) })
	<-held
	if m := n.Reset(); m.TotalExecutions != 1 || m.LastExecution != 1 {
		t.Errorf("the reset returned %+v, want the first record alone", m)
	}
	release()
	<-done
	if m := n.Metrics(); m.TotalExecutions != 1 || m.LastExecution != 2 {
		t.Errorf("after the reset there is %+v, want the record that was held up", m)
	}
}

func TestOnlyAResetWaitsForARecordHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Acquired, step.Summed, step.Counted, step.Stored} {
		_, n, _ := heldCollector(t)
		n.RecordSuccess(1)
		held, release := step.Hold(at)
		record := inBackground(func() { n.RecordFailureAs(5, CategoryNetwork) })
		<-held
		for range 3 {
			n.RecordSuccess(7) // waits for nobody, nor does the read
			if err := checkInvariants(n.Metrics(), DefaultWindowSize); err != nil {
				t.Error(err)
			}
		}
		var cleared NodeMetrics
		reset := inBackground(func() { cleared = n.Reset() })
		for n.state.Load() != nil { // until the reset has taken the state
			runtime.Gosched()
		}
		n.RecordSuccess(9)
		if m := n.Metrics(); m.TotalExecutions != 1 || m.LastExecution != 9 {
			t.Errorf("beside a waiting reset there is %+v, want one record", m)
		}
		select {
		case <-reset:
			t.Errorf("step %d: the reset did not wait", at)
		default:
		}
		release()
		<-record
		<-reset
		if cleared.TotalExecutions != 5 || cleared.NetworkErrors != 1 || cleared.TotalDuration != 27 ||
			cleared.WindowSamples != 5 || cleared.WindowFailures != 1 {
			t.Errorf("step %d: the reset returned %+v", at, cleared)
		}
	}
}

func TestARetryHeldUpGoesToTheStateAfterAReset(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	_, n, _ := heldCollector(t)
	n.RecordRetry(1)
	held, release := step.Hold(step.Loaded)
	done := inBackground(func() { n.RecordRetry(2) })
	<-held
	if m := n.Reset(); m.RetryCount != 1 {
		t.Errorf("the reset returned %d retries, want 1", m.RetryCount)
	}
	release()
	<-done
	if m := n.Metrics(); m.RetryCount != 1 || m.RetriesByAttempt[1] != 1 {
		t.Errorf("after the reset there is %+v, want the retry that was held up", m)
	}
}

func TestABreachThatALookMissedIsRaisedByTheSameLookOrTheNextRecord(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, spread := range []bool{false, true} {
		for _, at := range []step.Step{step.Looking, step.Judged} {
			c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5, MinSamples: 2}))
			n.RecordSuccess(1)
			if spread {
				n.state.Load().ring.Spread(2)
			}
			held, release := step.Hold(at) // in the look that finds MinSamples reached
			look := inBackground(func() { n.RecordSuccess(1) })
			<-held
			for range 8 {
				n.RecordFailureAs(1, CategoryOther) // cannot look, and does not wait
			}
			if got := log.take(t, c); len(got) != 0 {
				t.Errorf("spread %v: raised while the look was held up: %v", spread, got)
			}
			release()
			<-look
			if got := log.take(t, c); len(got) != 1 {
				t.Errorf("spread %v: raised %v, want one breach", spread, got)
			}
			if !n.Metrics().FailureRateBreached {
				t.Errorf("spread %v: the breach is not in the metrics", spread)
			}
		}
	}
}

func TestWhatManyLooksOweIsLeftToTheNextRecord(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, log := heldCollector(t, WithWindowSize(1), WithThresholds(Thresholds{FailureRate: 0.5}))
	n.RecordSuccess(1)
	nested, rounds := false, 0
	step.Hook(func(s step.Step) { // every look is overtaken by a record that changes the verdict again
		if s != step.Judged || nested {
			return
		}
		nested = true
		if rounds++; rounds%2 == 1 {
			n.RecordSuccess(1)
		} else {
			n.RecordFailureAs(1, CategoryOther)
		}
		nested = false
	})
	n.RecordFailureAs(1, CategoryOther)
	step.Hook(nil)
	if rounds != looks {
		t.Errorf("one record looked %d times, want %d", rounds, looks)
	}
	n.RecordSuccess(1)
	if got := log.take(t, c); len(got)%2 != 0 || len(got) < looks || n.Metrics().FailureRateBreached {
		t.Errorf("raised %v, want as many recoveries as breaches", got)
	}
}

func TestABreachBehindTheCopyOfARecoveringLookIsNotMissed(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	_, n, _ := heldCollector(t, WithWindowSize(2), WithThresholds(Thresholds{FailureRate: 0.1}))
	fail := func() { n.RecordFailureAs(1, CategoryOther) }
	fail()
	n.RecordSuccess(1)
	duringTheNextLook(fail)
	n.RecordSuccess(1) // copies two successes; the failure comes in behind
	step.Hook(nil)
	n.RecordSuccess(1)
	if m := n.Metrics(); m.WindowFailures != 1 || !m.FailureRateBreached {
		t.Errorf("%d failures of 2, breached: %v", m.WindowFailures, m.FailureRateBreached)
	}
}

func TestRecordsBehindTheCopyOfALookPayTheirDebt(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	_, n, _ := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5, MinSamples: 20}))
	n.RecordSuccess(1)
	n.state.Load().ring.Spread(2)
	for range 9 {
		n.RecordSuccess(1)
	}
	n.watch.edge.Or(owed)
	duringTheNextLook(func() {
		for range 8 {
			n.RecordFailureAs(1, CategoryOther)
		}
	})
	for range 4 {
		n.RecordFailureAs(1, CategoryOther)
	}
	if m := n.Metrics(); m.WindowFailures != 12 || m.WindowSamples != 22 || !m.FailureRateBreached {
		t.Errorf("%d failures of %d, breached: %v", m.WindowFailures, m.WindowSamples, m.FailureRateBreached)
	}
}

// duringTheNextLook calls f behind the copy of the next look.
func duringTheNextLook(f func()) {
	called := false
	step.Hook(func(s step.Step) {
		if s == step.Copied && !called {
			called = true
			f()
		}
	})
}

func TestAResetDoesNotWaitForLooksThatBeginAfterIt(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	_, n, _ := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5}))
	n.RecordSuccess(1)
	n.watch.edge.Or(wanted) // as a reset does that found somebody looking
	looked := false
	step.Hook(func(s step.Step) { looked = looked || s == step.Looking })
	for range 5 { // breaches, and would look
		n.RecordFailureAs(1, CategoryOther)
	}
	if edge := n.watch.edge.Load(); looked || edge&owed == 0 {
		t.Errorf("a look began while a reset waited: %v; owed: %v", looked, edge&owed != 0)
	}
	if m := n.Reset(); m.TotalExecutions != 6 || n.watch.edge.Load()&wanted != 0 {
		t.Errorf("the reset returned %+v, and wanted is left in %b", m, n.watch.edge.Load())
	}
}

func TestAResetWaitsForALookSoThatRecoveryFollowsBreach(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5, Latency: time.Second}))
	held, release := step.Hold(step.Looking)
	look := inBackground(func() { n.RecordFailureAs(2*time.Second, CategoryOther) })
	<-held
	reset := inBackground(func() { n.Reset() })
	for range 100 {
		runtime.Gosched()
	}
	release()
	<-look
	<-reset
	n.RecordFailureAs(1, CategoryOther)
	want := []string{"failureRate breached 1", "latency breached 1", "failureRate recovered 0", "latency recovered 0",
		"failureRate breached 1"}
	if got := log.take(t, c); !slices.Equal(got, want) {
		t.Errorf("raised %v, want %v", got, want)
	}
}

func TestARecordOfTheFirstShardThatEndsAfterTheSpreadIsJudged(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Acquired, step.Summed, step.Counted, step.Stored} {
		c, n, log := heldCollector(t, WithWindowSize(10), WithThresholds(Thresholds{FailureRate: 0.15}))
		for range 10 {
			n.RecordSuccess(1)
		}
		n.RecordFailureAs(1, CategoryOther)
		held, release := step.Hold(at)
		record := inBackground(func() { n.RecordFailureAs(1, CategoryOther) })
		<-held
		n.state.Load().ring.Spread(2)
		for range 3 {
			n.RecordSuccess(1)
		}
		release()
		<-record
		n.RecordSuccess(1)
		if got := log.take(t, c); !slices.Equal(got, []string{"failureRate breached 10"}) {
			t.Errorf("step %d: raised %v, want one breach", at, got)
		}
	}
}

// Whatever step of a record a Forget meets: the record is in what it returned, or there under its name afterwards.
func TestARecordHeldUpIsInWhatForgetReturnedOrThereAfterIt(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Loaded, step.Acquired, step.Summed, step.Counted, step.Stored} {
		c, n, _ := heldCollector(t, WithMaxNodes(1))
		n.RecordSuccess(1)
		held, release := step.Hold(at)
		record := inBackground(func() { n.RecordFailureAs(5, CategoryNetwork) })
		<-held
		var forgotten NodeMetrics
		forget := inBackground(func() { forgotten = c.Forget("n") })
		for n.state.Load() != gone {
			runtime.Gosched()
		}
		release()
		<-record
		<-forget
		after := c.NodeMetrics("n")
		if late := at == step.Loaded; late != (after.NetworkErrors == 1) || late == (forgotten.NetworkErrors == 1) {
			t.Errorf("step %d: forgotten %+v, there %+v", at, forgotten, after)
		}
		if got, want := c.Stats().Nodes, int(after.TotalExecutions); got != want {
			t.Errorf("step %d: %d places taken, want %d", at, got, want)
		}
	}
}

// Between the two steps of a Forget a record takes the node in again, and then it stays where it is.
func TestARecordBetweenTheStepsOfForgetKeepsTheNodeInItsPlace(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, _ := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5}))
	n.RecordFailureAs(1, CategoryOther)
	held, release := step.Hold(step.Closed)
	forget := inBackground(func() { c.Forget("n") })
	<-held
	c.RecordSuccess("n", 1)
	n.RecordRetry(1)
	release()
	<-forget
	if m := c.NodeMetrics("n"); m.TotalExecutions != 1 || m.RetryCount != 1 || c.Node("n") != n || c.Stats().Nodes != 1 {
		t.Errorf("there is %+v", m)
	}
}

// A reset waits for a failure that was counted and not noted yet, as its note is a part of it.
func TestAResetWaitsForTheNoteOfAFailureHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, _ := heldCollector(t, WithLastFailure())
	n.RecordFailureAs(1, CategoryTimeout)
	held, release := step.Hold(step.Stored)
	record := inBackground(func() { n.RecordFailure(5, Categorize(fmt.Errorf("late"), CategoryNetwork)) })
	<-held
	var cleared Snapshot
	reset := inBackground(func() { cleared = c.Reset() })
	for n.state.Load() != nil { // until the reset has taken the state
		runtime.Gosched()
	}
	n.RecordFailure(7, fmt.Errorf("newer"))
	for range 100 {
		runtime.Gosched()
	}
	select {
	case <-reset:
		t.Error("the reset did not wait")
	default:
	}
	release()
	<-record
	<-reset
	if f := cleared.LastFailures["n"]; f.Text != "late" || f.Category != CategoryNetwork || cleared.Nodes["n"].FailureCount != 2 {
		t.Errorf("the reset returned %v, want the failure that was held up", cleared)
	}
	if f := n.LastFailure(); f.Text != "newer" {
		t.Errorf("after the reset there is %v, want the failure of after it", f)
	}
}

// A record that carries the next window across a threshold while a reset clears the verdict on the last: it compares
// with the old verdict.
func TestARecordBesideAResetIsJudged(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5}))
	n.RecordFailureAs(1, CategoryOther)
	held, release := step.Hold(step.Swapped)
	reset := inBackground(func() { n.Reset() })
	<-held
	n.RecordFailureAs(1, CategoryOther)
	release()
	<-reset
	want := []string{"failureRate breached 1", "failureRate recovered 0", "failureRate breached 1"}
	if got := log.take(t, c); !slices.Equal(got, want) {
		t.Errorf("raised %v, want %v", got, want)
	}
	if m := n.Metrics(); !m.FailureRateBreached {
		t.Errorf("not breached, with %d failures of %d", m.WindowFailures, m.WindowSamples)
	}
}
