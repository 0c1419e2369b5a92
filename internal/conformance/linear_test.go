//go:build nodemetrics_step

package conformance

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/race"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// A kind is a way in which a node keeps its records. It makes a history of a new node; what it records for that is part
// of it.
type kind struct {
	name  string
	begin func(t *testing.T, windowSize int) *history
	looks bool // goroutines look at the window, which inTurns cannot let take turns
}

var exactKinds = []kind{
	{name: "plain", begin: func(t *testing.T, windowSize int) *history {
		return newHistory(t, atomicmetrics.WithWindowSize(windowSize))
	}},
	{name: "watched", begin: func(t *testing.T, windowSize int) *history {
		return newHistory(t, atomicmetrics.WithWindowSize(windowSize), watched)
	}},
	{name: "about to grow", begin: func(t *testing.T, windowSize int) *history {
		return newHistory(t, atomicmetrics.WithWindowSize(windowSize)).contend(meetings - 1)
	}},
	{name: "grown", begin: func(t *testing.T, windowSize int) *history {
		return newHistory(t, atomicmetrics.WithWindowSize(windowSize)).contend(meetings)
	}},
	{name: "grown and watched", looks: true, begin: func(t *testing.T, windowSize int) *history {
		return newHistory(t, atomicmetrics.WithWindowSize(windowSize), watched).contend(meetings)
	}},
}

// digestKind has a large window, whatever is asked for.
var digestKind = kind{name: "digest", begin: func(t *testing.T, _ int) *history {
	h := newHistory(t, atomicmetrics.WithWindowSize(10_000), atomicmetrics.WithPercentiles(digest.TDigest(100)))
	h.largeWindow = true
	return h
}}

// meetings are how many records must meet another in the first shard for a node to grow.
const meetings = 8

var watched = atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.4, Latency: 10_000, Recovery: 0.9})

func newHistory(t *testing.T, opts ...atomicmetrics.Option) *history {
	t.Helper()
	c, err := atomicmetrics.New(append([]atomicmetrics.Option{atomicmetrics.WithLogger(zerolog.Nop()),
		atomicmetrics.WithPercentiles(digest.Exact())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return &history{node: c.Node("n")}
}

// contend makes so many records meet another one in the node's first shard, which has it when they are about to acquire it.
// All that was recorded is in the history.
func (h *history) contend(times int) *history {
	grown := false
	step.Pick(func(int) int { // always the same core, so that a seed gives the same history each time
		grown = true
		return 2
	})
	for d := range time.Duration(times) {
		var other []porcupine.Operation
		met := false
		hookHere(func(s step.Step) {
			if s == step.Aimed && !met {
				met = true
				other = h.do(1, []call{{what: success, d: d}})
			}
		})
		h.alone(call{what: failure, d: 500 + d})
		h.operations = append(h.operations, other...)
	}
	step.Hook(nil)
	step.Pick(nil)
	if grown != (times == meetings) {
		panic("the node grew when it should not, or did not grow")
	}
	return h
}

// histories runs a test with many random histories of each kind of node, by both schedulers.
func histories(t *testing.T, kinds []kind, each func(t *testing.T, schedule scheduler, seed uint64, begin func(windowSize int) *history) bool) {
	if runtime.GOMAXPROCS(0) < 4 { // at 1 no node grows
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	}
	for _, kind := range kinds {
		for name, schedule := range map[string]scheduler{"in turns": inTurns, "at once": atOnce} {
			if name == "in turns" && kind.looks {
				continue
			}
			n := 1000
			if race.Enabled {
				n = 100
			}
			t.Run(kind.name+", "+name, func(t *testing.T) {
				for seed := range uint64(n) {
					if !each(t, schedule, seed, func(windowSize int) *history { return kind.begin(t, windowSize) }) {
						t.Logf("seed %d", seed)
						return
					}
				}
			})
		}
	}
}

// linearizable asks the checker whether a history is one of the model.
func linearizable(t *testing.T, h *history, model porcupine.Model) bool {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(model, h.operations, time.Minute) {
	case porcupine.Unknown:
		t.Errorf("the checker found no answer about\n%v", h)
		return false
	case porcupine.Illegal:
		t.Errorf("not linearizable:\n%v", h)
		return false
	}
	return true
}

// Each counter of a node, and each sum of counters, is linearizable: with records, retries, resets and reads of Metrics,
// by any number of goroutines, while the node grows too.
func TestEachCounterIsLinearizable(t *testing.T) {
	histories(t, append(exactKinds, digestKind), func(t *testing.T, schedule scheduler, seed uint64, begin func(int) *history) bool {
		random := rand.New(rand.NewPCG(seed, 2))
		x := &mix{random: random, weights: [reset + 1]int{success: 4, failure: 4, retry: 3, read: 4, reset: random.IntN(3)}}
		h := begin(1 + random.IntN(maxWindow))
		h.together(schedule, seed, x.several(2+random.IntN(5), 18)...)
		h.alone(call{what: read})
		return linearizable(t, h, counters)
	})
}

// A node with all it holds, its counters, the sum of its durations, its retries and its window, is one linearizable
// object to records, retries and resets by any number of goroutines, and to reads beside which nothing is recorded: a
// record is in one reset or in none, whole, and resets return what they cleared to the nanosecond.
func TestANodeIsLinearizableToRecordsAndResets(t *testing.T) {
	histories(t, append(exactKinds, digestKind), func(t *testing.T, schedule scheduler, seed uint64, begin func(int) *history) bool {
		random := rand.New(rand.NewPCG(seed, 3))
		x := &mix{random: random, weights: [reset + 1]int{success: 4, failure: 3, retry: 2, reset: 2}}
		windowSize := 1 + random.IntN(maxWindow)
		h := begin(windowSize)
		for range 2 {
			h.together(schedule, seed, x.several(2+random.IntN(5), 9)...)
			h.alone(call{what: read})
		}
		if h.largeWindow {
			return linearizable(t, h, contents(windowSize, countersOf))
		}
		return linearizable(t, h, whole(windowSize))
	})
}

// The window of a node is linearizable to records that do not overlap each
// other, and to resets and reads beside them, however many records overtake one
// read. That holds for a node that has grown too.
func TestTheWindowOfRecordsInSequenceIsLinearizable(t *testing.T) {
	histories(t, exactKinds, func(t *testing.T, schedule scheduler, seed uint64, begin func(int) *history) bool {
		random := rand.New(rand.NewPCG(seed, 4))
		windowSize := 1 + random.IntN(maxWindow)
		h := begin(windowSize)
		x := &mix{random: random, weights: [reset + 1]int{success: 1, failure: 1}}
		h.alone(x.calls(windowSize)...) // records that overlapped have left the window
		h.alone(x.calls(random.IntN(3 * maxWindow))...)
		recorder := x.calls(random.IntN(4 * maxWindow))
		x.weights = [reset + 1]int{read: 4, reset: random.IntN(2)}
		h.together(schedule, seed, append(x.several(1+random.IntN(3), 6), recorder)...)
		h.alone(call{what: read})
		return linearizable(t, h, window(windowSize))
	})
}

// If records overlap, the window of a read is no instant, whether or not the
// node grows. pastWindow checks the promises that are left.
func TestAWindowHasWhatHadReturnedBeforeTheRead(t *testing.T) {
	histories(t, exactKinds, func(t *testing.T, schedule scheduler, seed uint64, begin func(int) *history) bool {
		random := rand.New(rand.NewPCG(seed, 5))
		windowSize := 1 + random.IntN(3)
		h := begin(windowSize)
		x := &mix{random: random, weights: [reset + 1]int{success: 2, failure: 2, read: 1}}
		h.together(schedule, seed, x.several(2+random.IntN(5), 40)...)
		h.alone(call{what: read})
		if err := pastWindow(windowSize, h.operations); err != nil {
			t.Errorf("%v, in\n%v", err, h)
			return false
		}
		return true
	})
}

// What is not linearizable, by one example each: so the doc comments promise no more than is true.

// hookHere hooks the steps of the calling goroutine. A timer of an earlier test
// may have a goroutine that looks at that test's node meanwhile.
func hookHere(f func(step.Step)) {
	here := goroutine()
	step.Hook(func(s step.Step) {
		if goroutine() == here {
			f(s)
		}
	})
}

// during makes a call, and at the nth of its steps that is at makes others by another goroutine, one after the other.
func (h *history) during(c call, at step.Step, nth int, others ...call) {
	var between []porcupine.Operation
	hookHere(func(s step.Step) {
		if s == at {
			if nth--; nth == 0 {
				between = h.do(1, others)
			}
		}
	})
	h.alone(c)
	step.Hook(nil)
	h.operations = append(h.operations, between...)
}

// noInstant fails the test when a history is one of the model.
func noInstant(t *testing.T, h *history, model porcupine.Model) {
	t.Helper()
	if porcupine.CheckOperations(model, h.operations) {
		t.Errorf("this history does not show that there is no such object:\n%v", h)
	}
}

func TestTwoCountersOfOneReadAreNoInstant(t *testing.T) {
	h := newHistory(t, atomicmetrics.WithWindowSize(1))
	for d := range time.Duration(32) { // with fewer the read would count again
		h.alone(call{what: success, d: d})
	}
	const successesRead = 5 // the steps before: the slot, the head twice, and whether the ring is spread
	h.during(call{what: read}, step.Reading, successesRead, call{what: success, d: 100}, call{what: failure, d: 101})
	linearizable(t, h, counters)
	noInstant(t, h, contents(1, countersOf))
}

func TestTheWindowBesideRecordsThatOverlapIsNoInstant(t *testing.T) {
	h := newHistory(t, atomicmetrics.WithWindowSize(3))
	h.during(call{what: success, d: 1}, step.Acquired, 1, call{what: success, d: 2}, call{what: read})
	h.alone(call{what: read}) // the first is there now, and older than the second
	if err := pastWindow(3, h.operations); err != nil {
		t.Error(err)
	}
	noInstant(t, h, window(3))
}

func TestTheDurationsOfAGrownNodeAreNoInstant(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // at 1 no node grows
	defer step.Pick(nil)
	total := func(m atomicmetrics.NodeMetrics) atomicmetrics.NodeMetrics {
		return atomicmetrics.NodeMetrics{TotalDuration: m.TotalDuration}
	}
	for nth := 1; ; nth++ { // at one step of the read two records come that it sees the second of
		h := newHistory(t, atomicmetrics.WithWindowSize(1)).contend(meetings)
		records := 0
		step.Pick(func(int) int {
			records++
			return records % 2
		})
		for d := range time.Duration(41) { // with fewer the read would count again
			h.alone(call{what: success, d: d})
		}
		before := len(h.operations)
		h.during(call{what: read}, step.Reading, nth, call{what: success, d: 1000}, call{what: success, d: 10})
		if len(h.operations) == before+1 {
			t.Fatalf("at none of the %d steps of a read", nth-1)
		}
		if !porcupine.CheckOperations(contents(1, total), h.operations) {
			return
		}
	}
}

// A snapshot of two nodes, and a reset of both, is one instant for each of them, and none for both.
func TestManyNodesAreNoInstant(t *testing.T) {
	model := porcupine.Model{
		Init: func() any { return counts{} },
		Step: func(state, input, output any) (bool, any) {
			n := state.(counts)
			switch input := input.(type) {
			case int: // a record of one of them
				n[input]++
				return true, n
			case bool: // a read of both, or a reset
				after := n
				if input {
					after = counts{}
				}
				return output == n, after
			}
			return false, n
		},
	}
	for name, reset := range map[string]bool{"Snapshot": false, "Reset": true} {
		shown := false
		for try := 0; try < 100 && !shown; try++ { // the nodes are read in no order, so in the right one every other time
			got, history := overtaken(t, reset)
			shown = got == counts{0, 2} && !porcupine.CheckOperations(model, history)
		}
		if !shown {
			t.Errorf("%s: nothing shows that it is no instant", name)
		}
	}
}

// counts are the executions of nodes "a" and "b".
type counts [2]uint64

// overtaken is a history of records of nodes "a" and "b" with a snapshot, or a reset, that a record of each overtakes.
func overtaken(t *testing.T, reset bool) (got counts, history []porcupine.Operation) {
	c, err := atomicmetrics.New(atomicmetrics.WithLogger(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	c.Node("a")
	c.RecordSuccess("b", 1)
	at := 0
	hookHere(func(s step.Step) {
		if s == step.Swapped && reset || s == step.Loaded && !reset {
			if at++; at == 2 {
				c.RecordSuccess("a", 1)
				c.RecordSuccess("b", 1)
			}
		}
	})
	read := c.Snapshot
	if reset {
		read = c.Reset
	}
	nodes := read().Nodes
	step.Hook(nil)
	got = counts{nodes["a"].TotalExecutions, nodes["b"].TotalExecutions}
	return got, []porcupine.Operation{
		{Input: 1, Call: 1, Return: 2},
		{Input: reset, Call: 3, Output: got, Return: 8},
		{ClientId: 1, Input: 0, Call: 4, Return: 5},
		{ClientId: 1, Input: 1, Call: 6, Return: 7},
	}
}
