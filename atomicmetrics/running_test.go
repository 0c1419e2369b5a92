package atomicmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/atomicmetrics/metricstest"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

const runningLimit = 30 * time.Second

// sharedList collects events. It may be read while they come.
type sharedList struct {
	mu   sync.Mutex
	list eventList
}

func (l *sharedList) add(e atomicmetrics.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list.add(e)
}

func (l *sharedList) all() []atomicmetrics.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// newRunning returns a collector that raises RunningEvents, and its events.
func newRunning(t testing.TB, opts ...atomicmetrics.Option) (*atomicmetrics.Collector, *sharedList) {
	t.Helper()
	events := new(sharedList)
	return newCollector(t, append(opts, atomicmetrics.WithInFlight(), atomicmetrics.OnEvent(events.add),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Running: runningLimit}))...), events
}

// TestRunningBreachesAndRecovers has the executions of Start, Do and
// DoIgnoring hang, and end in every way.
func TestRunningBreachesAndRecovers(t *testing.T) {
	refused := errors.New("refused")
	hang := func() { time.Sleep(2 * runningLimit) }
	for name, execute := range map[string]func(*atomicmetrics.Node){
		"Stop":    func(n *atomicmetrics.Node) { timer := n.Start(); hang(); timer.Stop(nil) },
		"Discard": func(n *atomicmetrics.Node) { timer := n.Start(); hang(); timer.Discard(); timer.Discard() },
		"Do":      func(n *atomicmetrics.Node) { n.Do(func() error { hang(); return refused }) },
		"ignored": func(n *atomicmetrics.Node) {
			n.DoIgnoring(func(error) bool { return true }, func() error { hang(); return refused })
		},
		"panic": func(n *atomicmetrics.Node) {
			defer func() { recover() }()
			n.Do(func() error { hang(); panic("broken") })
		},
		"Goexit": func(n *atomicmetrics.Node) { n.Do(func() error { hang(); runtime.Goexit(); return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, events := newRunning(t)
				began := time.Now()
				go execute(c.Node("hangs"))
				time.Sleep(runningLimit)
				if synctest.Wait(); len(events.all()) != 0 || c.NodeMetrics("hangs").RunningBreached {
					t.Fatalf("at the limit: %v", events.all())
				}
				time.Sleep(time.Millisecond)
				if synctest.Wait(); len(events.all()) != 1 || !c.NodeMetrics("hangs").RunningBreached {
					t.Fatalf("after the limit: %v", events.all())
				}
				breach := events.all()[0]
				equal(t, "breach", breach, atomicmetrics.Event{
					Node: "hangs", Kind: atomicmetrics.RunningEvent, Breached: true, At: breach.At, Running: breach.Running,
				})
				if breach.Running <= runningLimit || breach.At.Sub(began)-breach.Running > time.Microsecond {
					t.Errorf("running %v, %v after the start", breach.Running, breach.At.Sub(began))
				}
				time.Sleep(runningLimit)
				synctest.Wait()
				if len(events.all()) != 2 || c.NodeMetrics("hangs").RunningBreached {
					t.Fatalf("at the end: %v", events.all())
				}
				equal(t, "recovery", events.all()[1], atomicmetrics.Event{
					Node: "hangs", Kind: atomicmetrics.RunningEvent, At: began.Add(2 * runningLimit),
				})
			})
		})
	}
}

// TestRunningAgreesWithTheModel has timers of some nodes of two collectors,
// beside resets and nodes that are forgotten and come back.
func TestRunningAgreesWithTheModel(t *testing.T) {
	const late = runningLimit / 10
	names := []string{"", "a", "b"}
	type running struct {
		timer atomicmetrics.Timer
		began time.Time
	}
	for seed := range uint64(16) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 15))
			var all [2]map[string][]running
			var collectors [2]*atomicmetrics.Collector
			var events [2]*sharedList
			var old [2][]*atomicmetrics.Node // handles, of before Forget among others
			for i := range collectors {
				collectors[i], events[i] = newRunning(t, atomicmetrics.WithLastFailure())
				all[i] = map[string][]running{}
			}
			for step := range 300 {
				time.Sleep(time.Duration(random.Int64N(int64(runningLimit / time.Duration(1+random.IntN(20))))))
				i, name := random.IntN(2), names[random.IntN(len(names))]
				c := collectors[i]
				switch op := random.IntN(20); {
				case op < 8 && len(all[i][name]) < 6:
					n := c.Node(name)
					if op == 0 && len(old[i]) > 0 {
						n = old[i][random.IntN(len(old[i]))]
						name = n.Name()
					}
					old[i] = append(old[i], n)
					all[i][name] = append(all[i][name], running{n.Start(), time.Now()})
				case op < 15 && len(all[i][name]) > 0:
					j := random.IntN(len(all[i][name]))
					if r := all[i][name][j]; op%2 == 0 {
						r.timer.Stop(errors.New("refused"))
					} else {
						r.timer.Discard()
					}
					all[i][name] = slices.Delete(all[i][name], j, j+1)
				case op == 15:
					c.Forget(name)
				case op == 16:
					c.ResetNode(name)
				case op == 17:
					c.Reset()
				case op == 18:
					c.RecordSuccess(name, time.Millisecond)
				}
				synctest.Wait()
				for i, c := range collectors {
					flush(t, c)
					snapshot, metrics, yielded := c.Snapshot(), c.AllNodeMetrics(), maps.Collect(c.All())
					for _, name := range names {
						var oldest time.Duration
						for _, r := range all[i][name] {
							oldest = max(oldest, time.Since(r.began))
						}
						breached := c.NodeMetrics(name).RunningBreached
						if oldest > runningLimit+late && !breached || oldest <= runningLimit && breached {
							t.Fatalf("seed %d, step %d, node %q: in breach: %v, the oldest: %v", seed, step, name, breached, oldest)
						}
						equal(t, "snapshot", snapshot.Nodes[name].RunningBreached, breached)
						equal(t, "AllNodeMetrics", metrics[name].RunningBreached, breached)
						equal(t, "All", yielded[name].RunningBreached, breached)
						var last atomicmetrics.Event
						for _, e := range events[i].all() {
							if e.Node != name {
								continue
							}
							if e.Kind != atomicmetrics.RunningEvent || e.Breached == last.Breached || e.Breached != (e.Running > runningLimit) {
								t.Fatalf("seed %d, step %d: %v after %v", seed, step, e, last)
							}
							last = e
						}
						equal(t, "last event", last.Breached, breached)
					}
				}
				if t.Failed() {
					t.Fatalf("seed %d, step %d", seed, step)
				}
			}
		})
	}
}

// TestRunningBreachOutlivesResetAndForget has a node that hangs and has no
// record at all.
func TestRunningBreachOutlivesResetAndForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, events := newRunning(t)
		hanging := c.Node("hangs").Start()
		time.Sleep(2 * runningLimit)
		synctest.Wait()
		breached := atomicmetrics.NodeMetrics{RunningBreached: true}
		equal(t, "snapshot", c.Snapshot().Nodes["hangs"], breached)
		equal(t, "reset of the node", c.ResetNode("hangs"), breached)
		equal(t, "reset of all", c.Reset().Nodes["hangs"], breached)
		equal(t, "Forget", c.Forget("hangs"), breached)
		equal(t, "after Forget", c.AllNodeMetrics()["hangs"], breached)
		again := c.Node("hangs")
		equal(t, "of the successor", again.Metrics(), breached)
		again.Start().Stop(nil)
		equal(t, "of the successor", again.Metrics().RunningBreached, true)
		flush(t, c)
		equal(t, "events", len(events.all()), 1)
		hanging.Discard()
		equal(t, "at the end", again.Metrics().RunningBreached, false)
		flush(t, c)
		equal(t, "events at the end", len(events.all()), 2)
		equal(t, "executions", c.Forget("hangs").TotalExecutions, 1)
	})
}

// TestRunningThresholdFollowsItsNode has a node that comes back with another
// threshold while an execution runs.
func TestRunningThresholdFollowsItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events sharedList
		thresholds := atomicmetrics.Thresholds{}
		c := newCollector(t, atomicmetrics.WithInFlight(), atomicmetrics.OnEvent(events.add),
			atomicmetrics.WithThresholdsFor(func(string) atomicmetrics.Thresholds { return thresholds }))
		hanging := c.Node("hangs").Start()
		time.Sleep(time.Hour)
		c.Forget("hangs")
		thresholds.Running = runningLimit
		n := c.Node("hangs")
		n.Start().Discard() // the name is registered again
		flush(t, c)
		if len(events.all()) != 1 || events.all()[0].Running != time.Hour || !n.Metrics().RunningBreached {
			t.Errorf("%v, %v", events.all(), n.Metrics())
		}
		hanging.Stop(nil)
		n.Start()
		time.Sleep(2 * runningLimit)
		synctest.Wait()
		equal(t, "events", len(events.all()), 3)
	})
}

func TestRunningNeedsWithInFlight(t *testing.T) {
	const limit = 2 * time.Second
	thresholds := atomicmetrics.Thresholds{Running: limit}
	_, err := atomicmetrics.New(atomicmetrics.WithThresholds(thresholds), atomicmetrics.WithNodeThresholds("a", thresholds))
	const want = "atomicmetrics: WithThresholds: Running: 2s needs WithInFlight\n" +
		`atomicmetrics: WithNodeThresholds("a"): Running: 2s needs WithInFlight`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = atomicmetrics.New(atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Running: -limit}), atomicmetrics.WithInFlight())
	if err == nil || err.Error() != "atomicmetrics: WithThresholds: Running: -2s must be at least 0" {
		t.Errorf("got %v", err)
	}
	var log warningLog
	answers := atomicmetrics.Thresholds{Running: limit, FailureRate: 0.5}
	c := newCollector(t, atomicmetrics.WithLogger(zerolog.New(&log)),
		atomicmetrics.WithThresholdsFor(func(string) atomicmetrics.Thresholds { return answers }))
	c.RecordFailureAs("n", 1, atomicmetrics.CategoryOther)
	flush(t, c)
	if m := c.NodeMetrics("n"); m.FailureRateBreached || !strings.Contains(log.text.String(), "Running: 2s needs WithInFlight") {
		t.Errorf("%v, %s", m, log.text.String())
	}
}

// TestOverflowNodeHasTheRunningThreshold has a name beyond the places hang.
func TestOverflowNodeHasTheRunningThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, events := newRunning(t, atomicmetrics.WithMaxNodes(1))
		c.RecordSuccess("a", 1)
		c.Node("b").Start()
		time.Sleep(2 * runningLimit)
		flush(t, c)
		if len(events.all()) != 1 || events.all()[0].Node != atomicmetrics.OverflowNode {
			t.Errorf("%v", events.all())
		}
	})
}

// TestRunningInABubbleAndOutside uses one collector on both sides, one after
// the other, and leaves a timer armed at each end.
func TestRunningInABubbleAndOutside(t *testing.T) {
	var events metricstest.Events
	c := newCollector(t, atomicmetrics.WithInFlight(), events.Option(),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Running: time.Millisecond}))
	n := c.Node("n")
	breachAndRecover := func(t *testing.T) {
		timer := n.Start()
		if e := events.RequireBreach(t, "n", atomicmetrics.RunningEvent); e.Running <= time.Millisecond {
			t.Errorf("%v", e)
		}
		timer.Discard()
		events.RequireRecovery(t, "n", atomicmetrics.RunningEvent)
		n.Start().Discard()
	}
	for range 3 {
		breachAndRecover(t)
		synctest.Test(t, breachAndRecover)
	}
}

// TestRunningInOneBubbleAfterAnother leaves a timer armed at the end of the
// first bubble.
func TestRunningInOneBubbleAfterAnother(t *testing.T) {
	c, events := newRunning(t)
	n := c.Node("n")
	synctest.Test(t, func(*testing.T) {
		timer := n.Start()
		time.Sleep(time.Second)
		timer.Stop(nil)
	})
	synctest.Test(t, func(t *testing.T) {
		timer := n.Start()
		time.Sleep(time.Hour)
		if flush(t, c); !n.Metrics().RunningBreached || len(events.all()) != 1 {
			t.Errorf("in breach: %t, after the events %v", n.Metrics().RunningBreached, events.all())
		}
		timer.Stop(nil)
	})
}

// TestRunningEventsAlternateWhateverRunsBesideThem has goroutines that start and
// stop timers, beside resets and Forget.
func TestRunningEventsAlternateWhateverRunsBesideThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, events := newRunning(t)
		var working sync.WaitGroup
		for i := range uint64(6) {
			working.Go(func() {
				random := rand.New(rand.NewPCG(i, 16))
				n := c.Node("n")
				for range 300 {
					timer := n.Start()
					time.Sleep(time.Duration(random.IntN(8)) * runningLimit / 6)
					timer.Stop(nil)
					switch random.IntN(20) {
					case 0:
						c.Forget("n")
					case 1:
						n.Reset()
					case 2:
						n = c.Node("n")
					}
				}
			})
		}
		working.Wait()
		flush(t, c)
		for i, e := range events.all() {
			if e.Breached != (i%2 == 0) {
				t.Fatalf("event %d: %v", i, e)
			}
		}
		if len(events.all()) < 20 || len(events.all())%2 != 0 || c.NodeMetrics("n").RunningBreached {
			t.Errorf("%d events, %v", len(events.all()), c.NodeMetrics("n"))
		}
	})
}

// TestStartWithRunningAllocatesNothing is about a timer that is armed, and about
// a node in breach. Something else runs, because an execution that
// begins alone in a bubble arms a timer.
func TestStartWithRunningAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := newRunning(t)
		n := c.Node("n")
		n.Start()
		measure := func() {
			if allocs := testing.AllocsPerRun(1000, func() { n.Start().Stop(nil) }); allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		}
		measure()
		time.Sleep(2 * runningLimit)
		synctest.Wait()
		equal(t, "in breach", n.Metrics().RunningBreached, true)
		measure()
	})
}

// TestNoGoroutineWaitsForAnExecution looks at the stacks of the bubble's
// goroutines while an execution runs, and while it is in breach.
func TestNoGoroutineWaitsForAnExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newRunning(t)
		timer := c.Node("n").Start()
		for range 2 {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			for goroutine := range strings.SplitSeq(string(stacks), "\n\n") {
				if strings.Contains(goroutine, "synctest bubble") && strings.Contains(goroutine, "nodemetrics/internal/") {
					t.Errorf("%s", goroutine)
				}
			}
			time.Sleep(2 * runningLimit)
			synctest.Wait()
		}
		timer.Stop(nil)
	})
}

func ExampleThresholds_running() {
	release := make(chan struct{})
	metrics := atomicmetrics.MustNew(
		atomicmetrics.WithInFlight(),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Running: 20 * time.Millisecond}),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			fmt.Println(e.Node, e.Kind, "breached:", e.Breached)
			if e.Breached {
				close(release)
			}
		}),
	)
	err := metrics.Node("charge").Do(func() error {
		<-release // hangs, until the event comes
		return nil
	})
	fmt.Println(err, metrics.Flush(context.Background()))
	// Output:
	// charge running breached: true
	// charge running breached: false
	// <nil> <nil>
}
