package atomicmetrics

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/race"
)

// Timers that are started, stopped once or more often, by copies or discarded, beside resets, against a list.
func TestInFlightAgreesWithTheModel(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 100))
			c := forgetCollector(t, WithInFlight())
			n := c.Node("n")
			type running struct {
				timer Timer
				began time.Time
				over  bool
			}
			var all []*running
			highest := 0
			for step := range 400 {
				time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
				most := 1 + random.IntN(60)
				switch op := random.IntN(20); {
				case op < 10 && len(all) < most || len(all) == 0:
					all = append(all, &running{timer: n.Start(), began: time.Now()})
				case op < 17:
					r := all[random.IntN(len(all))]
					r.over = true
					switch op {
					case 10:
						r.timer.Discard()
					case 11:
						r.timer.Stop(errors.New("refused"))
					default:
						r.timer.Stop(nil)
					}
					if random.IntN(3) > 0 { // the others are stopped again some day
						all = slices.DeleteFunc(all, func(o *running) bool { return o == r })
					}
				case op == 17:
					highest = 0
					if random.IntN(2) == 0 {
						n.Reset()
					} else {
						c.Reset()
					}
				default:
					n.RecordSuccess(1) // is no execution that began
				}
				var want InFlight
				for _, r := range all {
					if !r.over {
						want.Running++
						want.Oldest = max(want.Oldest, time.Since(r.began))
					}
				}
				highest = max(highest, want.Running)
				want.Highest = highest
				if got := n.InFlight(); got != want {
					t.Fatalf("seed %d, step %d: got %+v, want %+v", seed, step, got, want)
				}
				got, there := c.Snapshot().InFlight["n"]
				if got != want || there != (highest > 0) {
					t.Fatalf("seed %d, step %d: the snapshot has %+v, want %+v", seed, step, got, want)
				}
			}
		})
	}
}

func TestInFlightIsNotKeptWithoutTheOption(t *testing.T) {
	c := forgetCollector(t, WithLastFailure())
	timer := c.Node("n").Start()
	if f, s := c.Node("n").InFlight(), c.Snapshot(); f != (InFlight{}) || s.InFlight != nil {
		t.Errorf("%+v, %+v", f, s)
	}
	timer.Discard()
	timer.Stop(nil)
	if got := c.NodeMetrics("n").TotalExecutions; got != 1 {
		t.Errorf("%d executions, want that of Stop", got)
	}
}

// A node that hangs in its first execution is in a snapshot, and a reset leaves it there.
func TestInFlightShowsANodeThatNeverEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithInFlight())
		hanging := c.Node("hangs").Start()
		time.Sleep(time.Hour)
		for _, s := range []Snapshot{c.Snapshot(), c.Reset(), c.Reset()} {
			if got := s.InFlight["hangs"]; got != (InFlight{1, 1, time.Hour}) || len(s.Nodes) != 0 || len(s.InFlight) != 1 {
				t.Errorf("got %+v", s)
			}
			data, err := s.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := ParseSnapshot(data); err != nil || back.InFlight["hangs"] != s.InFlight["hangs"] {
				t.Errorf("%s is read as %+v, %v", data, back, err)
			}
		}
		hanging.Stop(nil)
		if got := c.Reset().InFlight["hangs"]; got != (InFlight{Highest: 1}) {
			t.Errorf("when it has ended: %+v", got)
		}
		if got := c.Snapshot().InFlight; got == nil || len(got) != 0 {
			t.Errorf("after another reset: %+v", got)
		}
	})
}

func TestInFlightEndsWhenTheClassifierEndsTheGoroutine(t *testing.T) {
	c := forgetCollector(t, WithInFlight(), WithClassifier(func(error) Category { runtime.Goexit(); return 0 }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Node("n").Start().Stop(errors.New("refused"))
	}()
	<-done
	if got := c.Node("n").InFlight(); got != (InFlight{Highest: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestInFlightIsNeverNegativeWhateverRunsBesideIt(t *testing.T) {
	for _, procs := range []int{1, 4} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			const workers, each, rounds = 4, 6, 600
			c := forgetCollector(t, WithInFlight(), WithMaxNodes(1))
			old := c.Node("n")
			var working, others sync.WaitGroup
			var done atomic.Bool
			for g := range workers {
				working.Go(func() {
					n := old
					for i := range rounds {
						var timers [each]Timer
						for j := range timers {
							timers[j] = n.Start()
						}
						if i%8 == g {
							runtime.Gosched()
						}
						var all sync.WaitGroup // each is stopped twice, at once
						for k := range 2 {
							stop := func() {
								for j := range timers {
									if k == 0 {
										timers[j].Stop(nil)
									} else {
										timers[each-1-j].Discard()
									}
								}
							}
							if i%16 == g {
								all.Go(stop)
							} else {
								stop()
							}
						}
						all.Wait()
						if i%32 == 0 {
							n = c.Node("n")
						}
					}
				})
			}
			others.Go(func() {
				executions := uint64(0)
				for i := 0; !done.Load() || i%4 != 0; i++ {
					switch i % 4 {
					case 0:
						executions += c.Forget("n").TotalExecutions
					case 1:
						executions += c.ResetNode("n").TotalExecutions
					}
					f := c.Node("n").InFlight()
					if f.Running < 0 || f.Running > f.Highest || f.Highest > workers*each || f.Running == 0 && f.Oldest != 0 {
						t.Errorf("%+v", f)
						return
					}
					runtime.Gosched()
				}
				for _, m := range c.AllNodeMetrics() {
					executions += m.TotalExecutions
				}
				if want := uint64(workers * each * rounds); executions != want {
					t.Errorf("%d executions, want %d", executions, want)
				}
			})
			working.Wait()
			done.Store(true)
			others.Wait()
			for _, n := range []*Node{old, c.Node("n"), c.overflow} {
				if got := n.life.InFlight().Read(); got.Running != 0 || got.Oldest != 0 {
					t.Errorf("%q when all have ended: %+v", n.name, got)
				}
			}
			checkRegistry(t, c, []*Node{old, c.Node("n")})
		})
	}
}

func TestANodeThatIsRunningKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithInFlight(), WithMaxNodes(1), WithIdleForget(time.Second))
		n := c.Node("n")
		places := func(what string, want int, running int) {
			t.Helper()
			if got := c.Stats().Nodes; got != want {
				t.Errorf("%s: %d places taken, want %d", what, got, want)
			}
			if got := c.Snapshot().InFlight["n"].Running; got != running {
				t.Errorf("%s: %d running, want %d", what, got, running)
			}
		}
		idle := func() {
			for range 3 {
				time.Sleep(time.Hour)
				c.Snapshot()
			}
		}
		first, second := n.Start(), n.Start()
		n.RecordSuccess(1)
		idle()
		if got := n.Metrics().TotalExecutions; got != 1 || n.InFlight().Highest != 2 {
			t.Errorf("idle and running: %d executions, %+v", got, n.InFlight())
		}
		if got := c.Forget("n").TotalExecutions; got != 1 {
			t.Errorf("Forget returned %d executions", got)
		}
		places("forgotten", 1, 2)
		idle()
		places("idle", 1, 2)
		first.Discard()
		places("one has ended", 1, 1)
		second.Discard()
		places("both have ended", 0, 0)

		third := n.Start() // takes the place again
		places("started", 1, 1)
		c.Forget("n")
		third.Stop(nil)
		places("recorded", 1, 0)
		if got := c.NodeMetrics("n").TotalExecutions; got != 1 {
			t.Errorf("%d executions", got)
		}
		idle()
		places("idle at last", 0, 0)

		other := c.Node("n") // another node of the name
		fourth := n.Start()
		if other == n || other.InFlight().Running != 1 || n.InFlight().Running != 1 {
			t.Errorf("%+v and %+v", other.InFlight(), n.InFlight())
		}
		fourth.Stop(nil)
		c.Forget("n")
		c.RecordSuccess("taken", 1)
		fifth := n.Start()
		if got := c.Snapshot().InFlight; len(got) != 1 || got[OverflowNode].Running != 1 {
			t.Errorf("without a place: %+v", got)
		}
		fifth.Stop(nil)
		checkRegistry(t, c, []*Node{n, other})
	})
}

// A record of a forgotten name puts a successor in the place of the node. The
// executions that are running are seen there, until they end.
func TestASuccessorHasTheExecutionsThatAreRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t, WithInFlight(), WithMaxNodes(1))
		old := c.Node("n")
		first := old.Start()
		time.Sleep(time.Second)
		c.Forget("n")
		c.RecordSuccess("n", 1)
		second := c.Node("n").Start()
		for _, n := range []*Node{old, c.Node("n")} {
			if got := n.InFlight(); got != (InFlight{2, 2, time.Second}) {
				t.Errorf("after Forget and a record: %+v", got)
			}
		}
		c.Forget("n")
		second.Discard()
		if got := c.Snapshot().InFlight; len(got) != 1 || got["n"] != (InFlight{1, 2, time.Second}) {
			t.Errorf("forgotten again: %+v", got)
		}
		first.Discard()
		if got := c.Stats().Nodes; got != 0 {
			t.Errorf("when all have ended: %d places taken", got)
		}
		checkRegistry(t, c, []*Node{old})
	})
}

func TestTimersDoNotAllocateWithInFlight(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	n := forgetCollector(t, WithInFlight()).Node("n")
	if got := testing.AllocsPerRun(100, func() {
		var timers [100]Timer
		for i := range timers {
			timers[i] = n.Start()
		}
		for i := range timers {
			timers[i].Stop(nil)
		}
	}); got != 0 {
		t.Errorf("%v allocations in 100 executions at once", got)
	}
}

func TestElapsedRecordsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forgetCollector(t)
		timer := c.Node("n").Start()
		time.Sleep(time.Second)
		if got := timer.Elapsed(); got != time.Second || c.NodeMetrics("n").TotalExecutions != 0 {
			t.Errorf("%v", got)
		}
		if got := (Timer{}).Elapsed(); got != 0 {
			t.Errorf("of the zero Timer: %v", got)
		}
		(Timer{}).Discard()
	})
}
