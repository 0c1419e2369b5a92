package atomicmetrics_test

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// since returns what lies between two snapshots, after its JSON was written and read.
func since(t testing.TB, later, earlier atomicmetrics.Snapshot) atomicmetrics.Snapshot {
	t.Helper()
	s, err := later.Since(earlier)
	if err != nil {
		t.Fatal(err)
	}
	writtenAndRead(t, s)
	return s
}

// Of two collectors one gets all records and the other one those alone that lie between two snapshots of the first.
func TestSinceIsWhatACollectorOfTheTimeBetweenWouldHaveSeen(t *testing.T) {
	windows := map[bool]int{} // how many of either kind the test has come to
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 71))
		options := []atomicmetrics.Option{atomicmetrics.WithWindowSize(1 + r.IntN(8)), exactly, atomicmetrics.WithSketches()}
		all, between := newCollector(t, options...), newCollector(t, options...)
		record := func(n int, collectors ...*atomicmetrics.Collector) {
			for range n {
				node, d := strconv.Itoa(r.IntN(5)), time.Duration(r.Uint64N(1<<56)>>r.IntN(57))
				what, attempt := r.IntN(7), 1+r.IntN(9)
				for _, c := range collectors {
					switch {
					case what < 4:
						c.RecordFailureAs(node, d, atomicmetrics.Category(what))
					case what == 4:
						c.RecordRetry(node, attempt)
					default:
						c.RecordSuccess(node, d)
					}
				}
			}
		}
		record(r.IntN(30), all)
		earlier := all.Snapshot()
		record(r.IntN(30), all, between)
		later := all.Snapshot()

		want := between.Snapshot()
		want.TakenAt = later.TakenAt
		want.Sources = []atomicmetrics.Source{{later.Sources[0].Instance, earlier.TakenAt, later.TakenAt}}
		for name, m := range want.Nodes {
			whole := later.Nodes[name].WindowSamples <= int(m.TotalExecutions)
			windows[whole]++
			if !whole {
				m.WindowSamples, m.WindowFailures = 0, 0
				m.P50, m.P90, m.P99, m.WindowMin, m.WindowMax = 0, 0, 0, 0, 0
				want.Nodes[name], want.Sketches[name] = m, atomicmetrics.Sketch{}
			}
		}
		equalSnapshots(t, "seed "+strconv.FormatUint(seed, 10), since(t, later, earlier), want)
		if t.Failed() {
			return
		}
	}
	if windows[true] < 50 || windows[false] < 50 {
		t.Errorf("too few windows, of the time between alone or not: %v", windows)
	}
}

func TestSinceNothingIsTheSnapshotAndSinceItselfIsEmpty(t *testing.T) {
	c := newEdgy(t, atomicmetrics.WithSketches())
	raise(c, "a", 5)
	c.RecordRetry("b", 3)
	s := c.Snapshot()
	equalSnapshots(t, "since nothing", since(t, s, atomicmetrics.Snapshot{}), s)
	empty := since(t, s, s)
	equal(t, "nodes since itself", len(empty.Nodes)+len(empty.Sketches), 0)
	equal(t, "since itself is of the same time", empty.TakenAt, s.TakenAt)
	var none atomicmetrics.Snapshot
	if s, err := none.Since(none); err != nil || s.Nodes == nil || len(s.Nodes) > 0 {
		t.Errorf("nothing since nothing: %v, %v", s, err)
	}
}

func TestSinceKeepsTheStateOfThresholds(t *testing.T) {
	c := newEdgy(t)
	raise(c, "a", 1)
	earlier := c.Snapshot()
	c.RecordRetry("a", 1)
	m := since(t, c.Snapshot(), earlier).Nodes["a"]
	equal(t, "breached", m.FailureRateBreached, true)
	equal(t, "executions", m.TotalExecutions, 0)
	equal(t, "last execution", m.LastExecution, 0)
}

// A node whose counters are lower than before was reset or forgotten between.
func TestSinceOfACounterThatWentBackIsWhatTheNodeHasNow(t *testing.T) {
	base := func() atomicmetrics.NodeMetrics {
		return atomicmetrics.NodeMetrics{
			TotalExecutions: 50, SuccessCount: 10, FailureCount: 40, TimeoutErrors: 10, ValidationErrors: 10,
			NetworkErrors: 10, OtherErrors: 10, TotalDuration: 1500 * time.Microsecond,
			RetryCount: 8, RetriesByAttempt: [8]uint64{1, 1, 1, 1, 1, 1, 1, 1},
		}
	}
	for _, test := range []struct {
		name  string
		lower func(m *atomicmetrics.NodeMetrics)
	}{
		{"totalExecutions", func(m *atomicmetrics.NodeMetrics) { m.TotalExecutions--; m.SuccessCount-- }},
		{"successCount", func(m *atomicmetrics.NodeMetrics) {
			m.TotalExecutions++
			m.SuccessCount--
			m.FailureCount += 2
			m.OtherErrors += 2
		}},
		{"failureCount", func(m *atomicmetrics.NodeMetrics) { m.SuccessCount++; m.FailureCount--; m.OtherErrors-- }},
		{"timeoutErrors", func(m *atomicmetrics.NodeMetrics) { m.TimeoutErrors--; m.OtherErrors++ }},
		{"validationErrors", func(m *atomicmetrics.NodeMetrics) { m.ValidationErrors--; m.OtherErrors++ }},
		{"networkErrors", func(m *atomicmetrics.NodeMetrics) { m.NetworkErrors--; m.OtherErrors++ }},
		{"otherErrors", func(m *atomicmetrics.NodeMetrics) { m.NetworkErrors++; m.OtherErrors-- }},
		{"retryCount", func(m *atomicmetrics.NodeMetrics) { m.RetryCount--; m.RetriesByAttempt[0]-- }},
		{"retriesByAttempt[0]", func(m *atomicmetrics.NodeMetrics) { m.RetriesByAttempt[0]--; m.RetriesByAttempt[1]++ }},
		{"retriesByAttempt[7]", func(m *atomicmetrics.NodeMetrics) { m.RetriesByAttempt[7]--; m.RetriesByAttempt[1]++ }},
		{"totalDurationMs", func(m *atomicmetrics.NodeMetrics) { m.TotalDuration-- }},
		{"totalExecutions", func(m *atomicmetrics.NodeMetrics) { *m = atomicmetrics.NodeMetrics{} }},
	} {
		m := base()
		test.lower(&m)
		earlier, later := oneNode(base()), oneNode(m)
		got := since(t, later, earlier)
		if m == (atomicmetrics.NodeMetrics{}) {
			delete(later.Nodes, "n")
		}
		equalSnapshots(t, test.name, got, later)
	}
	later := oneNode(base())
	delete(later.Nodes, "n")
	equal(t, "nodes, of which one has gone away", len(since(t, later, oneNode(base())).Nodes), 0)
}

func oneNode(m atomicmetrics.NodeMetrics) atomicmetrics.Snapshot {
	return atomicmetrics.Snapshot{WindowSize: 100, Percentiles: "exact", Nodes: map[string]atomicmetrics.NodeMetrics{"n": m}}
}

func TestSinceAfterAResetOfANodeIsWhatItHasNow(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithSketches(), atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
	c.RecordSuccess("a", time.Millisecond)
	c.RecordFailure("b", time.Millisecond, errRefused)
	earlier := c.Snapshot()
	c.ResetNode("a")
	equal(t, "nodes, of which one was reset and the other did nothing", len(since(t, c.Snapshot(), earlier).Nodes), 0)
	c.RecordFailure("a", time.Second, context.DeadlineExceeded) // As many executions as before, and another outcome.
	later := c.Snapshot()
	got := since(t, later, earlier)
	equal(t, "metrics", got.Nodes["a"], later.Nodes["a"])
	equal(t, "last failure", got.LastFailures["a"], later.LastFailures["a"])
	equal(t, "samples", len(got.Sketches["a"]), 1)
}

func TestSinceRefusesWhatParseSnapshotWould(t *testing.T) {
	good := oneNode(atomicmetrics.NodeMetrics{TotalExecutions: 1, SuccessCount: 1})
	bad := oneNode(atomicmetrics.NodeMetrics{TotalExecutions: 1})
	if _, err := bad.Since(good); err == nil || !strings.HasPrefix(err.Error(), `atomicmetrics: Since: node "n": field "totalExecutions"`) {
		t.Errorf("a bad later one: %v", err)
	}
	if _, err := good.Since(bad); err == nil || !strings.HasPrefix(err.Error(), `atomicmetrics: Since: the earlier snapshot: node "n"`) {
		t.Errorf("a bad earlier one: %v", err)
	}
}

func TestSinceHasTheDurationsBetweenWhereTheTotalHasStoppedToo(t *testing.T) {
	const longest = atomicmetrics.MaxDuration
	alike := func(n uint64, total, average time.Duration) atomicmetrics.Snapshot {
		return oneNode(atomicmetrics.NodeMetrics{TotalExecutions: n, SuccessCount: n, TotalDuration: total, AvgExecution: average})
	}
	for _, c := range []struct {
		what           string
		later, earlier atomicmetrics.Snapshot
		total, average time.Duration
	}{
		{"exact", alike(10, 107, 10), alike(7, 75, 10), 32, 10},
		{"no execution", alike(10, 107, 10), alike(10, 100, 10), 0, 0},
		{"it stops between", alike(1000, math.MaxInt64, longest), alike(100, math.MaxInt64-1, longest), math.MaxInt64,
			(1<<56-1)*10/9 - 1<<63/900},
		{"it had stopped", alike(1001, math.MaxInt64, longest), alike(1000, math.MaxInt64, longest), longest, longest},
		{"long after it had stopped", alike(3<<60, math.MaxInt64, 3), alike(1<<60, math.MaxInt64, 8), 1 << 60, 0},
		{"rounded to less than before", alike(1<<60+1, math.MaxInt64, 8), alike(1<<60, math.MaxInt64, 9), 0, 0},
		{"a sum of 64 bits, beyond a total", alike(3<<40, math.MaxInt64, 1<<22), alike(1, 0, 0), math.MaxInt64, 1 << 22},
		{"more than an execution can take", alike(2, 1<<60, 1), alike(1, 0, 0), 1 << 60, longest},
		{"just beyond reason", alike(1<<9, math.MaxInt64, 1<<55), alike(1<<9-1, 0, 0), math.MaxInt64, longest},
		{"beyond reason", alike(1<<50, math.MaxInt64, longest), alike(1<<50-1, 0, 0), math.MaxInt64, longest},
	} {
		m := since(t, c.later, c.earlier).Nodes["n"]
		equal(t, c.what+": total", m.TotalDuration, c.total)
		equal(t, c.what+": average", m.AvgExecution, c.average)
	}
}

func TestSinceHasTheLastFailuresOfNodesThatFailedBetween(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithLastFailure())
	for _, name := range []string{"before", "both"} {
		c.RecordFailure(name, 1, errRefused)
	}
	earlier := c.Snapshot()
	c.RecordSuccess("before", 1)
	for _, name := range []string{"both", "between"} {
		c.RecordFailure(name, 1, context.DeadlineExceeded)
	}
	later := c.Snapshot()
	want := maps.Clone(later.LastFailures)
	delete(want, "before")
	if got := since(t, later, earlier).LastFailures; len(want) != 2 || !maps.Equal(got, want) {
		t.Errorf("the last failures are %v, want %v", got, want)
	}
}

func TestSinceSharesNothingWithItsInputs(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithSketches())
	c.RecordSuccess("a", time.Millisecond)
	earlier := c.Snapshot()
	c.RecordSuccess("b", time.Millisecond)
	later := c.Snapshot()
	between := since(t, later, earlier)
	between.Nodes["a"] = atomicmetrics.NodeMetrics{}
	between.Sketches["a"] = nil
	between.Sketches["b"][0].Weight = 7
	writtenAndRead(t, earlier)
	writtenAndRead(t, later)
	if _, ok := later.Nodes["a"]; !ok || later.Sketches["b"][0].Weight != 1 {
		t.Errorf("it changed the later snapshot: %v", later)
	}
}

// Snapshots that are taken beside records, one after the other: what lies between them adds up to all.
func TestSinceBesideRecordsAddsUp(t *testing.T) {
	const goroutines, records = 4, 3_000
	c := newCollector(t, atomicmetrics.WithWindowSize(20))
	var recorders sync.WaitGroup
	for range goroutines {
		recorders.Go(func() {
			for i := range records {
				node := strconv.Itoa(i % 3)
				if i%5 == 0 {
					c.RecordFailureAs(node, time.Duration(i), atomicmetrics.Category(i%4))
				} else {
					c.RecordSuccess(node, time.Duration(i))
				}
				c.RecordRetry(node, 1)
			}
		})
	}
	done := make(chan struct{})
	go func() { recorders.Wait(); close(done) }()
	var executions, retries uint64
	previous := c.Snapshot()
	add := func(s atomicmetrics.Snapshot) {
		for _, m := range s.Nodes {
			executions, retries = executions+m.TotalExecutions, retries+m.RetryCount
		}
	}
	add(previous)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		s := c.Snapshot()
		add(since(t, s, previous))
		previous = s
	}
	equal(t, "executions", executions, goroutines*records)
	equal(t, "retries", retries, goroutines*records)
}
