//go:build nodemetrics_step

package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
		for n.life.State() != nil { // until the reset has taken the state
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

// In a bubble time passes when everybody waits. So when awake returns, looks
// that were planned have come, and their rests have ended.
func awake() { time.Sleep(time.Second) }

func TestARecordBehindTheCopyOfALookIsJudged(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		_, n, _ := heldCollector(t, WithWindowSize(2), WithThresholds(Thresholds{FailureRate: 0.1}))
		fail := func() { n.RecordFailureAs(1, CategoryOther) }
		n.RecordSuccess(1)
		n.life.State().Ring.Spread(2)
		fail()
		awake() // breached
		n.RecordSuccess(1)
		duringTheNextLook(fail)
		n.RecordSuccess(1) // the look copies two successes; the failure comes in behind
		awake()
		step.Hook(nil)
		if m := n.Metrics(); m.WindowFailures != 1 || !m.FailureRateBreached {
			t.Errorf("%d failures of 2, breached: %v", m.WindowFailures, m.FailureRateBreached)
		}
	})
}

func TestRecordsBehindTheCopyOfALookAreCountedForTheNext(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		_, n, _ := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5, MinSamples: 20}))
		n.RecordSuccess(1)
		n.life.State().Ring.Spread(2)
		duringTheNextLook(func() {
			for range 8 {
				n.RecordFailureAs(1, CategoryOther)
			}
		})
		for range 9 {
			n.RecordSuccess(1)
		}
		awake()
		for range 4 {
			n.RecordFailureAs(1, CategoryOther)
		}
		awake()
		if m := n.Metrics(); m.WindowFailures != 12 || m.WindowSamples != 22 || !m.FailureRateBreached {
			t.Errorf("%d failures of %d, breached: %v", m.WindowFailures, m.WindowSamples, m.FailureRateBreached)
		}
	})
}

// A record that is held up before its release, when the look tells its shard
// how many may pass, is found by the look all the same.
func TestARecordUnderWayAtTheEndOfALookIsJudged(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Acquired, step.Counted, step.Stamped, step.Stored, step.Decisive} {
		synctest.Test(t, func(t *testing.T) {
			_, n, _ := heldCollector(t, WithWindowSize(10), WithThresholds(Thresholds{FailureRate: 0.15}))
			n.RecordSuccess(1)
			n.life.State().Ring.Spread(2)
			for range 8 {
				n.RecordSuccess(1)
			}
			awake()
			held, release := step.Hold(at)
			record := inBackground(func() { n.RecordFailureAs(1, CategoryOther) })
			<-held
			n.RecordFailureAs(1, CategoryOther) // in another shard; it has the window looked at
			awake()
			release()
			<-record
			awake()
			if m := n.Metrics(); m.WindowFailures != 2 || !m.FailureRateBreached {
				t.Errorf("step %d: %d failures of %d, breached: %v", at, m.WindowFailures, m.WindowSamples, m.FailureRateBreached)
			}
		})
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

func TestAResetWaitsForALookSoThatRecoveryFollowsBreach(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Looking, step.Copied, step.Judged} {
		synctest.Test(t, func(t *testing.T) {
			c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5, Latency: time.Second}))
			n.RecordRetry(1)
			n.life.State().Ring.Spread(2)
			held, release := step.Hold(at)
			n.RecordFailureAs(2*time.Second, CategoryOther)
			<-held
			reset := inBackground(func() { n.Reset() })
			for n.life.State() != nil { // until the reset has taken the state
				runtime.Gosched()
			}
			n.RecordFailureAs(1, CategoryOther) // the reset has it judged when it ends
			release()
			<-reset
			want := []string{"failureRate breached 1", "latency breached 1", "failureRate recovered 0", "latency recovered 0",
				"failureRate breached 1"}
			if at == step.Looking { // the look finds the reset under way, and leaves the window alone
				want = want[4:]
			}
			if got := log.take(t, c); !slices.Equal(got, want) {
				t.Errorf("step %d: raised %v, want %v", at, got, want)
			}
		})
	}
}

func TestARecordOfTheFirstShardThatEndsAfterTheSpreadIsJudged(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Acquired, step.Summed, step.Counted, step.Stored, step.Judged} {
		synctest.Test(t, func(t *testing.T) {
			c, n, log := heldCollector(t, WithWindowSize(10), WithThresholds(Thresholds{FailureRate: 0.15}))
			for range 10 {
				n.RecordSuccess(1)
			}
			n.RecordFailureAs(1, CategoryOther)
			held, release := step.Hold(at)
			record := inBackground(func() { n.RecordFailureAs(1, CategoryOther) })
			<-held
			n.life.State().Ring.Spread(2)
			for range 3 {
				n.RecordSuccess(1)
			}
			awake()
			release()
			<-record
			awake()
			if got := log.take(t, c); !slices.Equal(got, []string{"failureRate breached 10"}) {
				t.Errorf("step %d: raised %v, want one breach", at, got)
			}
		})
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
		for !n.life.Forgotten() {
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

// A record between the two steps of Forget goes to a successor. Forget leaves the
// successor in the place of the name.
func TestARecordBetweenTheStepsOfForgetKeepsTheNamesPlace(t *testing.T) {
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
	if m := c.NodeMetrics("n"); m.TotalExecutions != 1 || m.RetryCount != 1 || n.Metrics() != m || c.Stats().Nodes != 1 {
		t.Errorf("there is %+v", m)
	}
}

// TestReadsOfAllNodesBesideRegistrationsHeldUp stops registrations between the
// map and the counter of names, while others forget the names.
func TestReadsOfAllNodesBesideRegistrationsHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, _, _ := heldCollector(t)
	c.RecordSuccess("n", 1)
	const registrations = 3
	arrived, proceed := make(chan struct{}), make(chan struct{})
	stopping := registrations
	step.Hook(func(s step.Step) {
		if s == step.Placed && stopping > 0 {
			stopping--
			arrived <- struct{}{}
			<-proceed
		}
	})
	var held []<-chan struct{}
	for i := range registrations {
		held = append(held, inBackground(func() { c.Node(fmt.Sprint(i)) }))
		<-arrived
	}
	step.Hook(yieldNowAndThen)
	for i := range registrations {
		c.Forget(fmt.Sprint(i))
	}
	if got := len(c.AllNodeMetrics()); got != 1 {
		t.Errorf("%d nodes are active, want 1", got)
	}
	if got := c.Stats().Nodes; got < 0 || got > 1 {
		t.Errorf("Stats has %d nodes, want 0 or 1", got)
	}
	if text := c.String(); !strings.Contains(text, `"n"`) {
		t.Errorf("String returned %s", text)
	}
	if got := len(c.Snapshot().Nodes) + len(c.Reset().Nodes); got != 2 {
		t.Errorf("Snapshot and Reset returned %d nodes, want 1 each", got)
	}
	close(proceed)
	for _, done := range held {
		<-done
	}
	checkRegistry(t, c, nil)
}

// TestANodeIsNotIdleBesideAResetHeldUp stops a reset before it takes the state
// away. Snapshots then do not forget the node.
func TestANodeIsNotIdleBesideAResetHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, _ := heldCollector(t, WithIdleForget(1))
	n.RecordSuccess(1)
	held, release := step.Hold(step.Aimed)
	reset := inBackground(func() { n.Reset() })
	<-held
	for range 2 {
		c.Snapshot() // would forget the node by the second look
	}
	if n.life.Forgotten() {
		t.Error("the node is forgotten while a reset is under way")
	}
	release()
	<-reset
}

// TestARecoveryByForgetComesBeforeABreachOfTheSuccessor lets a successor fail as
// soon as the node is forgotten.
func TestARecoveryByForgetComesBeforeABreachOfTheSuccessor(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, times := range []int{1, 2} {
		c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5}))
		n.RecordFailureAs(1, CategoryOther)
		held, release := step.Hold(step.Swapped)
		var forgets []<-chan struct{}
		forgets = append(forgets, inBackground(func() { c.Forget("n") }))
		<-held
		for range times - 1 { // finds the node forgotten, and must not make place for another before the recovery
			forgets = append(forgets, inBackground(func() { c.Forget("n") }))
			for range 100 {
				runtime.Gosched()
			}
		}
		n.RecordFailureAs(1, CategoryOther)
		if m := c.NodeMetrics("n"); m.FailureRateBreached || m.FailureCount != 1 {
			t.Errorf("beside the reset the successor has %v", m)
		}
		release()
		for _, forget := range forgets {
			<-forget
		}
		if m := c.NodeMetrics("n"); !m.FailureRateBreached || m.FailureCount != 1 {
			t.Errorf("after the reset the successor has %v", m)
		}
		want := []string{"failureRate breached 1", "failureRate recovered 0", "failureRate breached 1"}
		if got := log.take(t, c); !slices.Equal(got, want) {
			t.Errorf("raised %v, want %v", got, want)
		}
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
	for n.life.State() != nil { // until the reset has taken the state
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

// A record carries the next window across a threshold while a reset is under
// way. No record is judged then. The reset has the window judged when it ends.
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

// The last execution of a node ends while Forget waits for a record. The name
// keeps its place until the recovery is raised, so its next node has a reset
// under way to inherit.
func TestTheEndOfAnExecutionMakesNoPlaceBeforeForgetHasEnded(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	c, n, log := heldCollector(t, WithInFlight(), WithWindowSize(1), WithThresholds(Thresholds{FailureRate: 0.5}))
	timer := n.Start()
	n.RecordFailureAs(1, CategoryOther)
	held, release := step.Hold(step.Acquired)
	record := inBackground(func() { n.RecordFailureAs(1, CategoryOther) })
	<-held
	forget := inBackground(func() { c.Forget("n") })
	for !n.life.Forgotten() {
		runtime.Gosched()
	}
	timer.Discard()
	c.RecordFailureAs("n", 1, CategoryOther)
	if m := c.NodeMetrics("n"); m.FailureRateBreached || m.FailureCount != 1 {
		t.Errorf("beside Forget the successor has %v", m)
	}
	release()
	<-record
	<-forget
	want := []string{"failureRate breached 1", "failureRate recovered 0", "failureRate breached 1"}
	if got := log.take(t, c); !slices.Equal(got, want) {
		t.Errorf("raised %v, want %v", got, want)
	}
	c.Forget("n")
	if got := c.Stats().Nodes; got != 0 {
		t.Errorf("%d places taken, want 0", got)
	}
}

// A record of the next state is held up, before it is judged or after it could
// not be. The reset ends all the same, and the record is judged.
func TestARecordOfTheNextStateHoldsUpNoReset(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Acquired, step.Stored, step.Unjudged} {
		c, n, log := heldCollector(t, WithThresholds(Thresholds{FailureRate: 0.5}))
		n.RecordFailureAs(1, CategoryOther)
		taken, goOn := step.Hold(step.Swapped)
		reset := inBackground(func() { n.Reset() })
		<-taken
		held, release := step.Hold(at)
		record := inBackground(func() { n.RecordFailureAs(1, CategoryOther) })
		<-held
		goOn()
		select {
		case <-reset:
		case <-time.After(10 * time.Second):
			t.Errorf("step %d: the reset waits for the record", at)
		}
		release()
		<-record
		<-reset
		want := []string{"failureRate breached 1", "failureRate recovered 0", "failureRate breached 1"}
		if got := log.take(t, c); !slices.Equal(got, want) {
			t.Errorf("step %d: raised %v, want %v", at, got, want)
		}
	}
}

// heldLook is a look that found an execution overdue and is held up before it
// raises the breach.
type heldLook struct {
	c       *Collector
	timer   Timer // of the overdue execution
	events  *eventLog
	release func()
}

// holdALook returns a look that is held up. The caller is in a bubble.
func holdALook(t *testing.T) heldLook {
	c, n, events := heldCollector(t, WithInFlight(), WithThresholds(Thresholds{Running: time.Second}))
	l := heldLook{c: c, timer: n.Start(), events: events}
	held, release := step.Hold(step.Looking)
	<-held
	l.release = release
	return l
}

// check flushes while release is still to come. Flush must deliver the events,
// and nothing may follow them.
func (l *heldLook) check(t *testing.T, release func(), want ...string) {
	t.Helper()
	time.AfterFunc(time.Second, release)
	got := l.events.take(t, l.c)
	time.Sleep(2 * time.Second)
	if later := l.events.take(t, l.c); !slices.Equal(got, want) || !slices.Equal(later, want) {
		t.Errorf("Flush delivered %q, and %q after the look, want %q", got, later, want)
	}
}

const runningBreached, runningRecovered = "running breached 0", "running recovered 0"

// The execution ends while the look is held up.
func TestFlushWaitsForALookAtExecutions(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		l := holdALook(t)
		l.timer.Stop(nil)
		l.check(t, l.release, runningBreached, runningRecovered)
	})
}

// The look is held up again after it raised the breach and gave up holding.
func TestFlushWaitsForALookThatMayGoOn(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		l := holdALook(t)
		l.timer.Stop(nil)
		l.release()
		held, release := step.Hold(step.Judged)
		<-held
		l.check(t, release, runningBreached, runningRecovered)
	})
}

// The node was forgotten, and its last execution ends while the look is held up.
func TestAForgottenNodeKeepsItsPlaceWhileALookIsUnderWay(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		l := holdALook(t)
		l.c.Forget("n")
		l.timer.Discard()
		l.check(t, l.release, runningBreached, runningRecovered)
		if synctest.Wait(); l.c.Stats().Nodes != 0 {
			t.Errorf("%d nodes have a place, want none", l.c.Stats().Nodes)
		}
	})
}

// A second execution of the forgotten name is overdue too, so the breach goes on.
func TestAForgottenNameBreachesOnce(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	synctest.Test(t, func(t *testing.T) {
		l := holdALook(t)
		l.c.Forget("n")
		l.timer.Discard()
		again := l.c.Node("n").Start()
		time.Sleep(2 * time.Second)
		l.check(t, l.release, runningBreached)
		again.Discard()
	})
}
