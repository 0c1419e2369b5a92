package atomicmetrics

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// names returns the names of a snapshot's nodes.
func nodesOf(s Snapshot) string { return strings.Join(sortedKeys(s.Nodes), " ") }

func TestIdleNodesAreForgottenWhenASnapshotFindsThemSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(time.Minute), WithMaxNodes(3))
		n := c.Node("handle alone")
		c.RecordSuccess("once", 3)
		c.RecordFailureAs("once", 5, CategoryNetwork)
		want := c.NodeMetrics("once")
		snapshot := func(after time.Duration, nodes string, places int) Snapshot {
			t.Helper()
			time.Sleep(after)
			c.RecordRetry("busy", 1)
			s := c.Snapshot()
			if got := nodesOf(s); got != nodes || c.Stats().Nodes != places {
				t.Errorf("the snapshot has %q and leaves %d places taken, want %q and %d", got, c.Stats().Nodes, nodes, places)
			}
			return s
		}
		snapshot(time.Hour, "busy once", 3) // the first look: nothing is known yet
		snapshot(time.Minute-1, "busy once", 3)
		last := snapshot(1, "busy once", 1) // is the one that forgets
		if last.Nodes["once"] != want {
			t.Errorf("the last it showed was:%s", diff.Fields(last.Nodes["once"], want))
		}
		snapshot(time.Second, "busy", 1)
		want.P50, want.P90, want.P99, want.WindowMin, want.WindowMax, want.WindowSamples, want.WindowFailures = 0, 0, 0, 0, 0, 0, 0
		checkForgotten := func(want NodeMetrics) {
			t.Helper()
			if got := c.Stats().Forgotten; got != want {
				t.Errorf("forgotten was:%s", diff.Fields(got, want))
			}
			if got := c.NodeMetrics(OverflowNode); got != (NodeMetrics{}) {
				t.Errorf("the overflow node has:%s", diff.Fields(got, NodeMetrics{}))
			}
			if data, err := want.MarshalJSON(); err != nil {
				t.Error(err)
			} else if err := new(NodeMetrics).UnmarshalJSON(data); err != nil {
				t.Error(err)
			}
		}
		checkForgotten(want)
		c.ResetNode(OverflowNode) // takes nothing of it
		c.Reset()
		checkForgotten(want)

		n.RecordSuccess(10)
		snapshot(time.Second, "busy handle alone", 2)
		snapshot(time.Minute, "busy handle alone", 1)
		want.TotalExecutions, want.SuccessCount, want.TotalDuration = 3, 2, 3+5+10
		want.LastExecution, want.AvgExecution = 10, (3+5+10)/3
		checkForgotten(want)
	})
}

// Stats counts the ignored executions of an idle node, even if the node has
// nothing else. An ignored execution is activity.
func TestIgnoredExecutionsOfIdleNodesAreInStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(time.Minute))
		c.Node("both").RecordSuccess(1)
		c.Node("both").RecordIgnored()
		for range 3 {
			c.Node("ignored").RecordIgnored()
			c.Snapshot()
			time.Sleep(time.Minute - 1)
		}
		if c.Snapshot(); c.Stats().Nodes != 1 || c.Stats().ForgottenIgnored != 1 {
			t.Errorf("after the first: %+v", c.Stats())
		}
		time.Sleep(time.Nanosecond)
		if s := c.Snapshot(); s.Ignored["ignored"] != 3 {
			t.Errorf("the last it showed was %v", s.Ignored)
		}
		if got := c.Stats(); got.Nodes != 0 || got.ForgottenIgnored != 4 || got.Forgotten.TotalExecutions != 1 {
			t.Errorf("after both: %+v", got)
		}
		c.Reset()
		if got := c.Stats().ForgottenIgnored; got != 4 {
			t.Errorf("after a reset: %d", got)
		}
	})
}

// What lies between two snapshots of a collector that forgets nodes.
func TestSinceOfIdleNodesThatWereForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(time.Minute))
		c.RecordSuccess("gone", 1)
		c.RecordSuccess("back", 1)
		c.RecordSuccess("back", 1)
		earlier := c.Snapshot()
		time.Sleep(time.Minute)
		c.RecordRetry("busy", 1)
		c.Snapshot()
		c.RecordFailureAs("back", 7, CategoryTimeout)
		later := c.Snapshot()
		between, err := later.Since(earlier)
		if err != nil || nodesOf(between) != "back busy" || between.Nodes["back"] != later.Nodes["back"] {
			t.Errorf("got %+v, %v, want back and busy as in\n%+v", between.Nodes, err, later.Nodes)
		}
	})
}

// Who resets gets everything under its own name, though snapshots are taken beside.
func TestResetsReturnEverythingBesideIdleForgetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(3*time.Second), WithMaxNodes(4))
		total := map[string]uint64{}
		for i := range 40 {
			name := string(rune('a' + i%8))
			if i%3 == 0 {
				name = "steady"
			}
			for range 10 { // the same number each time: only that it was reset tells that there was something
				c.RecordSuccess(name, 1)
			}
			time.Sleep(time.Second)
			c.Snapshot()
			for name, m := range c.Reset().Nodes {
				total[name] += m.TotalExecutions
			}
		}
		sum := uint64(0)
		for name, n := range total {
			sum += n
			if name == "steady" && n != 140 {
				t.Errorf("steady has %d", n)
			}
		}
		if sum != 400 {
			t.Errorf("%d executions returned, want 400: %v", sum, total)
		}
		if c.Node("steady").name != "steady" || c.Stats().Nodes > 4 {
			t.Errorf("%+v", c.Stats())
		}
		if _, overflowed := total[OverflowNode]; overflowed {
			t.Errorf("some had no place: %v", total)
		}
	})
}

func TestANodeThatIsRecordedBetweenLooksIsNeverIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(time.Second))
		n := c.Node("n")
		for range 10 {
			n.RecordSuccess(1)
			n.Reset() // leaves the counts as they were at the last look
			time.Sleep(time.Second)
			c.Snapshot()
			if n.life.Forgotten() {
				t.Fatal("forgotten")
			}
		}
		c.Snapshot()
		time.Sleep(time.Second)
		c.Snapshot()
		if !n.life.Forgotten() {
			t.Error("not forgotten at last")
		}
	})
}

// A reset that clears nothing is no activity.
func TestANodeThatIsResetAndHasNoRecordIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithIdleForget(time.Minute))
		n := c.Node("n")
		for range 3 {
			c.Reset()
			n.Reset()
			time.Sleep(time.Minute)
		}
		if c.Reset(); !n.life.Forgotten() || c.Stats().Nodes != 0 {
			t.Errorf("forgotten: %v, %d places taken", n.life.Forgotten(), c.Stats().Nodes)
		}
	})
}

// Records beside snapshots that forget as soon as they may: the counters of all nodes add up.
func TestNothingIsLostWhenIdleNodesAreForgotten(t *testing.T) {
	for _, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		c := forgetCollector(t, WithIdleForget(1), WithMaxNodes(2), WithWindowSize(3), WithLastFailure())
		const recorders, records = 3, 1500
		names := []string{"a", "b", "c"}
		var returned ledger
		var recording sync.WaitGroup
		done := make(chan struct{})
		for g := range recorders {
			recording.Go(func() {
				n := c.Node(names[g])
				for i := range records {
					n.RecordSuccess(1)
					c.RecordFailureAs(names[i%3], 1, CategoryTimeout)
					runtime.Gosched()
				}
			})
		}
		go func() { recording.Wait(); close(done) }()
		for i := 0; ; i++ {
			select {
			case <-done:
			default:
				c.Snapshot()
				runtime.Gosched()
				if i%8 == 0 {
					for _, m := range c.Reset().Nodes {
						returned.add(m)
					}
				}
				continue
			}
			break
		}
		for range 3 {
			c.Snapshot()
		}
		for _, m := range c.AllNodeMetrics() {
			returned.add(m)
		}
		returned.add(c.Stats().Forgotten)
		if got := []uint64{returned.successes.Load(), returned.byCategory[CategoryTimeout].Load()}; !slices.Equal(got,
			[]uint64{recorders * records, recorders * records}) {
			t.Errorf("procs=%d: %v successes and timeouts, want %d of each", procs, got, recorders*records)
		}
		if got := c.Stats().Nodes; got != 0 {
			t.Errorf("procs=%d: %d nodes left", procs, got)
		}
		checkRegistry(t, c, nil)
	}
}

func TestIdleForgetOfNoTimeIsRefused(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:  "atomicmetrics: WithIdleForget: 0s must be above 0",
		-5: "atomicmetrics: WithIdleForget: -5ns must be above 0",
	} {
		if _, err := New(WithIdleForget(d)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
