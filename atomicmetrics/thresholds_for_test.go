package atomicmetrics_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// asked is a WithThresholdsFor function that notes its calls.
type asked struct {
	mu     sync.Mutex
	nodes  []string
	answer func(node string) atomicmetrics.Thresholds
}

func (a *asked) option() atomicmetrics.Option {
	return atomicmetrics.WithThresholdsFor(func(node string) atomicmetrics.Thresholds {
		a.mu.Lock()
		a.nodes = append(a.nodes, node)
		a.mu.Unlock()
		return a.answer(node)
	})
}

// check compares the calls since the last check.
func (a *asked) check(t *testing.T, what string, want ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.nodes, want) {
		t.Errorf("%s: asked for %q, want %q", what, a.nodes, want)
	}
	a.nodes = nil
}

// rate returns a function that answers one failure rate for every node.
func rate(r float64) func(string) atomicmetrics.Thresholds {
	return func(string) atomicmetrics.Thresholds { return atomicmetrics.Thresholds{FailureRate: r} }
}

// halves records a failure and a success, which is a rate of 0.5.
func halves(c *atomicmetrics.Collector, node string) atomicmetrics.NodeMetrics {
	c.RecordFailureAs(node, 1, atomicmetrics.CategoryOther)
	c.RecordSuccess(node, 1)
	return c.NodeMetrics(node)
}

func TestThresholdsForIsAskedOnceForEachNewNodeWithoutThresholdsOfItsOwn(t *testing.T) {
	for _, before := range []bool{false, true} { // the options come in any order
		a := asked{answer: func(node string) atomicmetrics.Thresholds {
			return rate(map[string]float64{"low": 0.4, "high": 0.6}[node])(node)
		}}
		opts := []atomicmetrics.Option{
			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.1}),
			atomicmetrics.WithNodeThresholds("own", atomicmetrics.Thresholds{FailureRate: 0.1}),
			atomicmetrics.WithMaxNodes(4), atomicmetrics.WithThresholdsFor(nil),
		}
		if before {
			opts = append([]atomicmetrics.Option{a.option()}, opts...)
		} else {
			opts = append(opts, a.option())
		}
		c := newCollector(t, opts...)
		a.check(t, "New")
		for _, row := range []struct {
			node     string
			breached bool
			asked    []string
		}{
			{"low", true, []string{"low"}}, {"high", false, []string{"high"}},
			{"none\xff", false, []string{"none\uFFFD"}}, {"own", true, nil},
			{"low", true, nil}, {"none\xfe", false, nil}, {atomicmetrics.OverflowNode, true, nil},
		} {
			equal(t, row.node+" is in breach", halves(c, row.node).FailureRateBreached, row.breached)
			a.check(t, row.node, row.asked...)
		}
		c.RecordSuccess("beyond the places", 1)
		a.check(t, "beyond the places")
		c.NodeMetrics("unknown")
		c.ResetNode("low")
		c.Reset()
		a.check(t, "reads and resets")
	}
}

func TestThresholdsForIsAskedAgainAfterForget(t *testing.T) {
	for name, recordAgain := range map[string]func(c *atomicmetrics.Collector, old *atomicmetrics.Node){
		"by name":       func(c *atomicmetrics.Collector, _ *atomicmetrics.Node) { halves(c, "n") },
		"by new handle": func(c *atomicmetrics.Collector, _ *atomicmetrics.Node) { halves(c, c.Node("n").Name()) },
		"by old handle": func(_ *atomicmetrics.Collector, old *atomicmetrics.Node) {
			old.RecordFailureAs(1, atomicmetrics.CategoryOther)
			old.RecordSuccess(1)
		},
		"retry by old handle": func(c *atomicmetrics.Collector, old *atomicmetrics.Node) {
			old.RecordRetry(1)
			halves(c, "n")
		},
		"start by old handle": func(c *atomicmetrics.Collector, old *atomicmetrics.Node) {
			old.Start().Stop(errRefused)
			c.RecordSuccess("n", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := asked{answer: rate(0.6)}
			var events eventList
			c := newCollector(t, a.option(), atomicmetrics.OnEvent(events.add), atomicmetrics.WithInFlight())
			old := c.Node("n")
			a.check(t, "new", "n")
			for i, limit := range []float64{0.4, 0.6, 0.4} {
				c.Forget("n")
				a.check(t, "forgotten")
				a.answer = rate(limit)
				recordAgain(c, old)
				a.check(t, "back", "n")
				m := c.NodeMetrics("n")
				equal(t, fmt.Sprint(i, ": in breach"), m.FailureRateBreached, limit < 0.5)
				equal(t, fmt.Sprint(i, ": by the old handle"), old.Metrics(), m)
			}
			flush(t, c)
			for i, e := range events {
				if e.Breached != (i%2 == 0) {
					t.Errorf("event %d of %d: %+v", i, len(events), e)
				}
			}
		})
	}
}

func TestOfRacingRegistrationsOneAnswerIsKept(t *testing.T) {
	for range 300 {
		c := newCollector(t, atomicmetrics.WithMaxNodes(1), atomicmetrics.WithWindowSize(1),
			atomicmetrics.WithThresholdsFor(func(string) atomicmetrics.Thresholds {
				runtime.Gosched()
				return atomicmetrics.Thresholds{FailureRate: 0.5}
			}))
		together(3, func(int) { c.RecordFailureAs("n", 1, atomicmetrics.CategoryOther) })
		flush(t, c) // another goroutine judges if the records spread the node
		m := c.NodeMetrics("n")
		if m.TotalExecutions != 3 || !m.FailureRateBreached || c.Stats().Nodes != 1 {
			t.Fatalf("%+v, %d nodes", m, c.Stats().Nodes)
		}
	}
}

func TestThresholdsForMayUseTheCollector(t *testing.T) {
	var c *atomicmetrics.Collector
	c = newCollector(t, atomicmetrics.WithThresholdsFor(func(node string) atomicmetrics.Thresholds {
		if rest, ok := strings.CutPrefix(node, "child of "); ok {
			c.RecordSuccess(rest, 1)
			c.Forget(rest)
			c.RecordSuccess(rest, 1)
			c.Snapshot()
			c.Reset()
		}
		return atomicmetrics.Thresholds{}
	}))
	c.RecordSuccess("child of child of n", 1)
	equal(t, "executions", c.NodeMetrics("child of child of n").TotalExecutions, 1)
	equal(t, "nodes", c.Stats().Nodes, 3)
}

func TestABadAnswerOfThresholdsForMeansNoThresholdsAndIsLogged(t *testing.T) {
	for want, answer := range map[string]func(string) atomicmetrics.Thresholds{
		"FailureRate: 1.5 must be at least 0 and below 1": rate(1.5),
		"MinSamples: -1 must be at least 0": func(string) atomicmetrics.Thresholds {
			return atomicmetrics.Thresholds{FailureRate: 0.1, MinSamples: -1}
		},
		"MinSamples: 101 must be at most the window size 100": func(string) atomicmetrics.Thresholds {
			return atomicmetrics.Thresholds{FailureRate: 0.1, MinSamples: 101}
		},
		"it panicked: no such node": func(string) atomicmetrics.Thresholds { panic(errors.New("no such node")) },
	} {
		synctest.Test(t, func(t *testing.T) {
			log := new(warningLog)
			c := newCollector(t, atomicmetrics.WithThresholdsFor(answer), log.option(),
				atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.1}))
			for _, node := range []string{"a", "b", "c"} {
				equal(t, node+" is in breach", halves(c, node).FailureRateBreached, false)
				equal(t, node+": executions", c.NodeMetrics(node).TotalExecutions, 2)
			}
			time.Sleep(time.Second)
			c.Node("d")
			if got := log.warnings(t, c); !slices.Equal(got, []warning{
				{Node: "a", Reason: want}, {Node: "d", Reason: want, Suppressed: 2}}) {
				t.Errorf("logged %+v, want %q for a, and for d with 2 suppressed", got, want)
			}
		})
	}
}

func TestThresholdsForThatEndsItsGoroutineRegistersNothing(t *testing.T) {
	log := new(warningLog)
	c := newCollector(t, log.option(), atomicmetrics.WithMaxNodes(1),
		atomicmetrics.WithThresholdsFor(func(node string) atomicmetrics.Thresholds {
			if node == "exits" {
				runtime.Goexit()
			}
			return atomicmetrics.Thresholds{}
		}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.RecordSuccess("exits", 1)
	}()
	<-done
	equal(t, "nodes", c.Stats().Nodes, 0)
	equal(t, "name in the only place", c.Node("other").Name(), "other")
	if got := log.warnings(t, c); !slices.Equal(got, []warning{{Node: "exits", Reason: "it called runtime.Goexit"}}) {
		t.Errorf("logged %+v", got)
	}
}
