package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/diff"
)

func forgetCollector(t testing.TB, opts ...Option) *Collector {
	t.Helper()
	c, err := New(append(opts, WithLogger(zerolog.Nop()))...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// nameModel is names with places as the contract describes them: slow, obvious, for one goroutine.
type nameModel struct {
	most     int
	nodes    map[string]counted // that have a place
	overflow counted
}

// counted is what a node of the model was given.
type counted struct{ executions, retries uint64 }

// register reports whether a name has a place, and gives it one if there is one.
func (r *nameModel) register(name string) bool {
	if _, ok := r.nodes[name]; !ok && len(r.nodes) < r.most {
		r.nodes[name] = counted{}
	}
	_, ok := r.nodes[name]
	return ok
}

func (r *nameModel) record(name string, executions, retries uint64) {
	k := r.overflow
	placed := name != OverflowNode && r.register(name)
	if placed {
		k = r.nodes[name]
	}
	k = counted{k.executions + executions, k.retries + retries}
	if placed {
		r.nodes[name] = k
	} else {
		r.overflow = k
	}
}

func (r *nameModel) read(name string) counted {
	if name == OverflowNode {
		return r.overflow
	}
	return r.nodes[name]
}

func (r *nameModel) reset(name string) {
	if name == OverflowNode {
		r.overflow = counted{}
	} else if _, ok := r.nodes[name]; ok {
		r.nodes[name] = counted{}
	}
}

func countedIn(m NodeMetrics) counted { return counted{m.TotalExecutions, m.RetryCount} }

// Names and handles old and new, in random order, against the model.
func TestNamesThatComeAndGoAgreeWithTheModel(t *testing.T) {
	spellings := map[string][]string{
		"a": {"a"}, "b": {"b"}, "c": {"c"}, "d\uFFFD": {"d\uFFFD", "d\xff", "d\xfe", "d\xff\xff"}, OverflowNode: {OverflowNode},
	}
	names := sortedKeys(spellings)
	for seed := range uint64(60) {
		for _, opts := range [][]Option{nil, {WithThresholds(Thresholds{FailureRate: 0.5}), WithLastFailure()}} {
			random := rand.New(rand.NewPCG(seed, 90))
			most := 1 + random.IntN(4)
			model := nameModel{most: most, nodes: map[string]counted{}}
			c := forgetCollector(t, append(opts, WithMaxNodes(most))...)
			var handles []*Node
			for step := range 300 {
				name := names[random.IntN(len(names))]
				spelt := spellings[name][random.IntN(len(spellings[name]))]
				var handle *Node
				if len(handles) > 0 {
					handle = handles[random.IntN(len(handles))]
				}
				same := func(what string, got NodeMetrics, want counted) {
					t.Helper()
					if countedIn(got) != want {
						t.Fatalf("seed %d, step %d: %s of %q: got %v, want %v", seed, step, what, name, countedIn(got), want)
					}
				}
				switch op := random.IntN(12); {
				case op == 0:
					c.RecordSuccess(spelt, 1)
					model.record(name, 1, 0)
				case op == 1:
					c.RecordFailureAs(spelt, 1, CategoryOther)
					model.record(name, 1, 0)
				case op == 2:
					c.RecordRetry(spelt, 1)
					model.record(name, 0, 1)
				case op == 3:
					handle = c.Node(spelt)
					handles = append(handles, handle)
					if placed := name == OverflowNode || model.register(name); placed != (handle.Name() == name) {
						t.Fatalf("seed %d, step %d: the handle of %q is of %q", seed, step, name, handle.Name())
					}
				case op == 4 && handle != nil:
					handle.RecordSuccess(1)
					model.record(handle.name, 1, 0)
				case op == 5 && handle != nil:
					handle.RecordFailureAs(1, CategoryTimeout)
					model.record(handle.name, 1, 0)
				case op == 6 && handle != nil:
					handle.RecordRetry(3)
					model.record(handle.name, 0, 1)
				case op == 7 && handle != nil:
					name = handle.name
					same("Metrics", handle.Metrics(), model.read(name))
					same("Reset", handle.Reset(), model.read(name))
					model.reset(name)
				case op == 8:
					same("ResetNode", c.ResetNode(spelt), model.read(name))
					model.reset(name)
				default:
					same("Forget", c.Forget(spelt), model.read(name))
					model.reset(name)
					delete(model.nodes, name)
				}
				active := 0
				for _, name = range names {
					want := model.read(name)
					for _, spelt := range spellings[name] {
						same("NodeMetrics", c.NodeMetrics(spelt), want)
					}
					if want != (counted{}) {
						active++
					}
				}
				for _, h := range handles {
					name = h.name
					same("Metrics", h.Metrics(), model.read(name))
					samples := len(h.Quantiles(0.5))
					if (model.read(name).executions > 0) != (samples > 0) {
						t.Fatalf("seed %d, step %d: %d quantiles of %q", seed, step, samples, name)
					}
				}
				if got := len(c.AllNodeMetrics()); got != active {
					t.Fatalf("seed %d, step %d: %d nodes are active, want %d", seed, step, got, active)
				}
				if got := c.Stats().Nodes; got != len(model.nodes) {
					t.Fatalf("seed %d, step %d: %d places are taken, want %d", seed, step, got, len(model.nodes))
				}
			}
			checkRegistry(t, c, handles)
		}
	}
}

// checkRegistry checks what holds while nothing is under way.
func checkRegistry(t *testing.T, c *Collector, handles []*Node) {
	t.Helper()
	if got, want := c.names.Len(), len(c.names.All())-1; got != want || got > c.maxNodes {
		t.Errorf("%d places, %d names, at most %d", got, want, c.maxNodes)
	}
	for _, n := range c.names.All() {
		if listed, _ := c.names.Load(n.name); listed != n || n.life.Forgotten() {
			t.Errorf("a node of %q is in the map under another name, or is forgotten", n.name)
		}
	}
	for _, h := range handles {
		if listed, _ := c.names.Load(h.name); !h.life.Forgotten() && listed != h {
			t.Errorf("a node of %q takes records and is not in the map", h.name)
		}
	}
}

// Names come and go beside records by name and by old handles, resets and reads: every record is in one thing returned
// or there, and the events of a name alternate.
func TestNothingIsLostWhenNamesComeAndGo(t *testing.T) {
	for _, procs := range []int{1, 4} {
		for _, most := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("procs=%d/places=%d", procs, most), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				comeAndGo(t, most)
			})
		}
	}
}

func comeAndGo(t *testing.T, most int) {
	breached := map[string]bool{} // of the callback alone
	var alike []Event             // as the one before them
	c := forgetCollector(t, WithMaxNodes(most), WithWindowSize(3), WithLastFailure(), WithThresholds(Thresholds{FailureRate: 0.5}),
		OnEvent(func(e Event) {
			if breached[e.Node] == e.Breached {
				alike = append(alike, e)
			}
			breached[e.Node] = e.Breached
		}))
	names := []string{"a", "b\xff", "c"}
	const recorders, records = 4, 1500
	var recorded, returned ledger
	var handles [recorders][]*Node
	var working, others sync.WaitGroup
	var done atomic.Bool
	for g := range recorders {
		working.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 91))
			var sums ledger
			for i := range records {
				name := names[random.IntN(len(names))]
				if len(handles[g]) == 0 || random.IntN(20) == 0 {
					handles[g] = append(handles[g], c.Node(name))
				}
				n := handles[g][random.IntN(len(handles[g]))]
				switch i % 4 {
				case 0:
					c.RecordSuccess(name, 5)
					sums.add(NodeMetrics{TotalExecutions: 1, SuccessCount: 1, TotalDuration: 5})
				case 1:
					n.RecordFailureAs(7, CategoryNetwork)
					sums.add(NodeMetrics{TotalExecutions: 1, FailureCount: 1, NetworkErrors: 1, TotalDuration: 7})
				case 2:
					n.RecordRetry(2)
					sums.add(NodeMetrics{RetryCount: 1, RetriesByAttempt: [8]uint64{0, 1}})
				case 3:
					n.RecordSuccess(1)
					sums.add(NodeMetrics{TotalExecutions: 1, SuccessCount: 1, TotalDuration: 1})
				}
				if i%16 == 0 {
					runtime.Gosched()
				}
			}
			merge(&recorded, &sums)
		})
	}
	for g := range 3 {
		others.Go(func() {
			for i := 0; !done.Load(); i++ {
				switch {
				case g < 2:
					returned.add(c.Forget(names[(g+i)%len(names)]))
				case i%4 == 0:
					for _, m := range c.Reset().Nodes {
						returned.add(m)
					}
				default:
					for _, m := range c.All() {
						if err := checkInvariants(m, 3); err != nil {
							t.Error(err)
						}
					}
					if taken := c.Stats().Nodes; taken > most {
						t.Errorf("%d names for %d places", taken, most)
					}
				}
				for range 5 {
					runtime.Gosched()
				}
			}
		})
	}
	working.Wait()
	done.Store(true)
	others.Wait()
	for _, m := range c.AllNodeMetrics() {
		returned.add(m)
	}
	if got, want := returned.metrics(), recorded.metrics(); got != want {
		t.Errorf("accounted for, and recorded:%s", diff.Fields(got, want))
	}
	for g := range handles {
		checkRegistry(t, c, handles[g])
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dropped := c.Stats().EventsDropped; dropped == 0 && len(alike) > 0 { // else one of those between may be gone
		t.Errorf("%d events said the same as the one before them, such as %+v", len(alike), alike[0])
	}
}

func TestForgetGivesAPlaceBackAndReturnsWhatWasThere(t *testing.T) {
	var events []Event
	c := forgetCollector(t, WithMaxNodes(1), WithThresholds(Thresholds{FailureRate: 0.5}),
		OnEvent(func(e Event) { events = append(events, e) }))
	old := c.Node("a")
	old.RecordFailureAs(1, CategoryTimeout)
	want := old.Metrics()
	if got := c.Forget("a"); got != want || !got.FailureRateBreached {
		t.Errorf("Forget returned, in breach %t:%s", got.FailureRateBreached, diff.Fields(got, want))
	}
	if got := c.Forget("a"); got != (NodeMetrics{}) {
		t.Errorf("Forget returned %+v a second time", got)
	}
	c.RecordSuccess("b", 1) // takes the place
	old.RecordSuccess(1)
	if m := c.NodeMetrics(OverflowNode); m.TotalExecutions != 1 || old.Name() != "a" || old.Metrics() != (NodeMetrics{}) {
		t.Errorf("without a place: %+v", c.AllNodeMetrics())
	}
	c.Forget("b")
	old.RecordFailureAs(1, CategoryTimeout)
	if m := c.NodeMetrics("a"); m.TotalExecutions != 1 || old.Metrics() != m || c.Node("a").Name() != "a" {
		t.Errorf("with a place again: %+v", m)
	}
	if m := c.Forget(OverflowNode); m.TotalExecutions != 1 || c.Node(OverflowNode) != c.overflow {
		t.Errorf("the overflow node had %+v", m)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(events) != 3 || !events[0].Breached || events[1].Breached || events[1].Samples != 0 || !events[2].Breached {
		t.Errorf("events %+v, want a breach, a recovery by Forget and another breach", events)
	}
}

func TestRecordsOfAHandleWhoseNameWasRegisteredAnewDoNotAllocate(t *testing.T) {
	c := forgetCollector(t, WithMaxNodes(1))
	old := c.Node("a")
	c.Forget("a")
	c.RecordSuccess("a", 1)
	full := c.Node("b")
	if got := testing.AllocsPerRun(100, func() {
		for range 100 {
			old.RecordSuccess(1)
			old.RecordRetry(1)
		}
	}); got != 0 {
		t.Errorf("registered anew: %v allocations in 200 records", got)
	}
	c.Forget("a")
	c.RecordSuccess("c", 1)
	if got := testing.AllocsPerRun(100, func() {
		for range 100 {
			old.RecordSuccess(1)
		}
	}); got != 0 {
		t.Errorf("without a place: %v allocations in 100 records", got)
	}
	if full != c.overflow || c.NodeMetrics("c").TotalExecutions != 1 {
		t.Errorf("there is %+v", c.AllNodeMetrics())
	}
}

func TestForgottenNamesAreGarbage(t *testing.T) {
	c := forgetCollector(t, WithMaxNodes(10))
	const names = 20_000
	before := reachable()
	for i := range names {
		name := fmt.Sprintf("job %d \xff", i)
		c.RecordSuccess(name, 1)
		c.Forget(name)
	}
	if kept := reachable() - before; kept > 200_000 {
		t.Errorf("%d names that are forgotten keep %d bytes", names, kept)
	}
	if m := c.NodeMetrics(OverflowNode); m.TotalExecutions != 0 {
		t.Errorf("overflow: %+v", m)
	}
	checkRegistry(t, c, nil)
}
