package atomicmetrics_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/diff"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// sketchOf returns the sketch of at most 4,096 durations.
func sketchOf(durations []time.Duration) atomicmetrics.Sketch {
	s := atomicmetrics.Sketch{}
	for _, d := range slices.Sorted(slices.Values(durations)) {
		s = append(s, atomicmetrics.Centroid{Mean: d, Weight: 1})
	}
	return s
}

// process is a collector in one of several processes, with what was recorded there.
type process struct {
	c          *atomicmetrics.Collector
	windowSize int
	at         time.Time
	durations  map[string][]time.Duration // of each node, the newest last
}

func newProcess(t testing.TB, windowSize int, at time.Time) *process {
	return &process{newCollector(t, atomicmetrics.WithWindowSize(windowSize), exactly), windowSize, at,
		map[string][]time.Duration{}}
}

var exactly = atomicmetrics.WithPercentiles(digest.Exact())

func (p *process) record(node string, d time.Duration, category int) {
	if category < 0 {
		p.c.RecordSuccess(node, d)
	} else {
		p.c.RecordFailureAs(node, d, atomicmetrics.Category(category))
	}
	p.durations[node] = append(p.durations[node], d)
}

// window returns the durations in a node's window.
func (p *process) window(node string) []time.Duration {
	all := p.durations[node]
	return all[max(0, len(all)-p.windowSize):]
}

// snapshot returns the snapshot with the sketches of windows of at most 4,096 samples.
func (p *process) snapshot() atomicmetrics.Snapshot {
	s := p.c.Snapshot()
	s.TakenAt, s.Sources = p.at, nil // so that it may be merged twice
	s.Sketches = map[string]atomicmetrics.Sketch{}
	for name := range s.Nodes {
		s.Sketches[name] = sketchOf(p.window(name))
	}
	return s
}

// randomProcesses returns processes with a few nodes in common, which recorded this and that; one in five nothing.
func randomProcesses(t testing.TB, r *rand.Rand, n, mostRecords int) []*process {
	var all []*process
	for i := range n {
		p := newProcess(t, 1+r.IntN(40), time.Unix(int64(i), 0).UTC())
		for range r.IntN(5) * r.IntN(mostRecords+1) / 4 {
			node := strconv.Itoa(r.IntN(3))
			p.record(node, time.Duration(r.Uint64N(1<<56)>>r.IntN(57)), r.IntN(8)-4)
			if r.IntN(4) == 0 {
				p.c.RecordRetry([]string{node, "retried"}[r.IntN(2)], 1+r.IntN(9))
			}
		}
		all = append(all, p)
	}
	r.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func snapshots(processes []*process) (all []atomicmetrics.Snapshot) {
	for _, p := range processes {
		all = append(all, p.snapshot())
	}
	return all
}

func merged(t testing.TB, snapshots ...atomicmetrics.Snapshot) atomicmetrics.Snapshot {
	t.Helper()
	s, err := atomicmetrics.Merge(snapshots...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// equalSnapshots fails the test when got is not want, and says in which node.
func equalSnapshots(t testing.TB, what string, got, want atomicmetrics.Snapshot) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	for name := range want.Nodes {
		if got.Nodes[name] != want.Nodes[name] {
			t.Errorf("%s: node %q:%s", what, name, diff.Fields(got.Nodes[name], want.Nodes[name]))
		}
		if !slices.Equal(got.Sketches[name], want.Sketches[name]) {
			t.Errorf("%s: node %q: sketch: %s", what, name, diff.Lists(got.Sketches[name], want.Sketches[name]))
		}
	}
	equal(t, what+": number of nodes", len(got.Nodes), len(want.Nodes))
	got.Nodes, want.Nodes, got.Sketches, want.Sketches = nil, nil, nil, nil
	t.Errorf("%s: the snapshots differ beside that by%.2000s", what, diff.Fields(got, want))
}

// Every figure, from what was recorded and by other arithmetic than Merge's.
func TestMergeOfSamplesIsExactlyWhatOneProcessWouldHaveSeen(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100, 1000} {
		for seed := range uint64(max(1, 30/n)) {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			processes := randomProcesses(t, r, n, min(60, 6000/n))
			got := merged(t, snapshots(processes)...)

			want := atomicmetrics.Snapshot{
				Percentiles: "exact", Nodes: map[string]atomicmetrics.NodeMetrics{}, Sketches: map[string]atomicmetrics.Sketch{},
			}
			windows := map[string][]time.Duration{}
			sums := map[string]*big.Int{}
			slices.SortFunc(processes, func(a, b *process) int { return a.at.Compare(b.at) })
			for _, p := range processes {
				nodes := p.c.AllNodeMetrics()
				if len(nodes) == 0 {
					continue
				}
				want.TakenAt = p.at
				want.WindowSize += p.windowSize
				for name, m := range nodes {
					windows[name] = append(windows[name], p.window(name)...)
					w := want.Nodes[name]
					w.TotalExecutions += uint64(len(p.durations[name]))
					w.SuccessCount += m.SuccessCount
					w.FailureCount += m.FailureCount
					w.TimeoutErrors += m.TimeoutErrors
					w.ValidationErrors += m.ValidationErrors
					w.NetworkErrors += m.NetworkErrors
					w.OtherErrors += m.OtherErrors
					for i, retries := range m.RetriesByAttempt {
						w.RetriesByAttempt[i] += retries
						w.RetryCount += retries
					}
					w.WindowFailures += m.WindowFailures
					if sums[name] == nil {
						sums[name] = new(big.Int)
					}
					for _, d := range p.durations[name] {
						sums[name].Add(sums[name], big.NewInt(int64(d)))
						w.LastExecution = d
					}
					want.Nodes[name] = w
				}
			}
			for name, w := range want.Nodes {
				want.Sketches[name] = sketchOf(windows[name])
				if w.TotalExecutions > 0 {
					w.TotalDuration = math.MaxInt64
					if sums[name].IsInt64() {
						w.TotalDuration = time.Duration(sums[name].Int64())
					}
					executions := new(big.Int).SetUint64(w.TotalExecutions)
					w.AvgExecution = time.Duration(new(big.Int).Div(sums[name], executions).Int64())
				}
				if sorted := slices.Sorted(slices.Values(windows[name])); len(sorted) > 0 {
					rank := func(percent int) time.Duration { return sorted[(percent*len(sorted)+99)/100-1] }
					w.P50, w.P90, w.P99 = rank(50), rank(90), rank(99)
					w.WindowMin, w.WindowMax = sorted[0], sorted[len(sorted)-1]
					w.WindowSamples = len(sorted)
				}
				want.Nodes[name] = w
			}
			if len(want.Nodes) == 0 {
				continue
			}
			for name, w := range want.Nodes { // too many samples to be exact
				if w.WindowSamples > 4096 {
					t.Fatalf("%d snapshots: node %q has %d samples", n, name, w.WindowSamples)
				}
			}
			equalSnapshots(t, fmt.Sprintf("%d snapshots, seed %d", n, seed), got, want)
		}
	}
}

func TestMergeDoesNotDependOnOrderOrGroupsWhileAllAreSamples(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 50))
		processes := randomProcesses(t, r, 2+r.IntN(8), 40)
		for _, p := range processes { // in all snapshots, so that TakenAt is the node's own in any group
			for _, node := range []string{"0", "1", "2"} {
				p.record(node, time.Duration(r.Uint64N(1<<30)), -1)
			}
		}
		all := snapshots(processes)
		want := merged(t, all...)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		equalSnapshots(t, "in another order", merged(t, all...), want)

		for len(all) > 1 { // any two in the place of themselves
			i := r.IntN(len(all) - 1)
			all = slices.Replace(all, i, i+2, merged(t, all[i], all[i+1]))
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		equalSnapshots(t, "in groups", all[0], want)
	}
}

// Snapshots of the same instant: neither is the newest.
func TestMergeOfSnapshotsOfOneInstantDoesNotDependOnTheirOrder(t *testing.T) {
	a, b := newProcess(t, 5, time.Unix(9, 0).UTC()), newProcess(t, 7, time.Unix(9, 0).UTC())
	a.record("n", 5, -1)
	b.record("n", 8, -1)
	want := merged(t, a.snapshot(), b.snapshot())
	equalSnapshots(t, "the other way round", merged(t, b.snapshot(), a.snapshot()), want)
	equal(t, "last execution", want.Nodes["n"].LastExecution, 8)

	a, b = newProcess(t, 5, a.at), newProcess(t, 7, a.at) // and without nodes
	equalSnapshots(t, "without nodes", merged(t, a.snapshot(), b.snapshot()), merged(t, b.snapshot(), a.snapshot()))
}

func TestMergeWithASnapshotWithoutNodesChangesNothingButSources(t *testing.T) {
	later := newProcess(t, 77, time.Unix(1e9, 0).UTC()).snapshot()
	unsketched := newCollector(t).Snapshot()
	with := func(s atomicmetrics.Snapshot) atomicmetrics.Snapshot { s.Sources = unsketched.Sources; return s }
	zero := atomicmetrics.Snapshot{}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 51))
		p := randomProcesses(t, r, 1, 100)[0]
		p.c.RecordRetry("retried", 3)
		want := p.snapshot()
		equalSnapshots(t, "alone", merged(t, want), want)
		equalSnapshots(t, "with nothing", merged(t, zero, want), want)
		equalSnapshots(t, "with later ones", merged(t, want, later, unsketched, zero), with(want))
	}
	retried := newCollector(t)
	retried.RecordRetry("n", 1)
	want := retried.Snapshot()
	equalSnapshots(t, "no windows and no sketches", merged(t, zero, want), want)
}

// A window too large to be kept as samples, whose percentiles are exact all the same; and figures no sketch could tell.
func TestMergeLeavesANodeOfOneSnapshotAsItIs(t *testing.T) {
	a, b, c := largeWindow(t, 1, 5000), newProcess(t, 5, time.Unix(3, 0).UTC()), newProcess(t, 5, time.Unix(1e9, 0).UTC())
	b.record("other", 5, -1)
	c.c.RecordRetry("n", 2) // the node has no window there
	racing := a.Nodes["n"]
	racing.TotalDuration++ // the sum was read after the count
	racing.AvgExecution += 7
	a.Nodes["n"] = racing
	for name, got := range map[string]atomicmetrics.Snapshot{
		"alone": merged(t, a), "with others": merged(t, b.snapshot(), a, c.snapshot()),
	} {
		m, want := got.Nodes["n"], a.Nodes["n"]
		m.RetryCount, m.RetriesByAttempt = 0, [8]uint64{}
		equal(t, name, m, want)
		if !reflect.DeepEqual(got.Sketches["n"], a.Sketches["n"]) {
			t.Errorf("%s: another sketch", name)
		}
		equal(t, name+": percentiles", got.Percentiles, "exact")
	}
}

// largeWindow returns a snapshot whose node "n" has a window of so many samples, more than 4,096, in centroids.
func largeWindow(t testing.TB, seed uint64, samples int) atomicmetrics.Snapshot {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 52))
	sorted := make([]uint64, samples)
	c := newCollector(t, atomicmetrics.WithWindowSize(samples), exactly)
	for i := range sorted {
		sorted[i] = uint64(math.Exp(14 + r.NormFloat64()))
		c.RecordSuccess("n", time.Duration(sorted[i]))
	}
	slices.Sort(sorted)
	s := c.Snapshot()
	s.TakenAt, s.Sources = time.Unix(int64(seed), 0).UTC(), nil
	of := atomicmetrics.Sketch{}
	for _, c := range sketch.Of(sorted) {
		of = append(of, atomicmetrics.Centroid(c))
	}
	s.Sketches = map[string]atomicmetrics.Sketch{"n": of}
	return s
}

// rank returns which part of the windows is at most d.
func rank(windows [][]time.Duration, d time.Duration) float64 {
	below, n := 0, 0
	for _, w := range windows {
		for _, sample := range w {
			if sample <= d {
				below++
			}
		}
		n += len(w)
	}
	return float64(below) / float64(n)
}

func TestMergeBeyond4096SamplesIsWithinTheError(t *testing.T) {
	for _, n := range []int{2, 64, 300} {
		var windows [][]time.Duration
		var all []atomicmetrics.Snapshot
		for i := range n {
			r := rand.New(rand.NewPCG(uint64(i), 53))
			p := newProcess(t, 4096, time.Unix(int64(i), 0).UTC())
			for range 2000 + r.IntN(2096) { // each process is slower than the one before
				p.record("n", time.Duration(float64(1e6+i*1e4)*r.ExpFloat64()), r.IntN(9)-8)
			}
			windows = append(windows, p.window("n"))
			all = append(all, p.snapshot())
		}
		inTurn := atomicmetrics.Snapshot{}
		for _, s := range all {
			inTurn = merged(t, inTurn, s)
		}
		for order, s := range map[string]atomicmetrics.Snapshot{"at once": merged(t, all...), "in turn": inTurn} {
			m, lowest, highest := s.Nodes["n"], windows[0][0], time.Duration(0)
			for _, w := range windows {
				lowest, highest = min(lowest, slices.Min(w)), max(highest, slices.Max(w))
			}
			equal(t, "percentiles", s.Percentiles, "tdigest")
			equal(t, "window minimum", m.WindowMin, lowest)
			equal(t, "window maximum", m.WindowMax, highest)
			if got := []time.Duration{m.P50, m.P90, m.P99}; !slices.Equal(got, s.Sketches["n"].Quantiles(0.5, 0.9, 0.99)) {
				t.Errorf("the sketch answers otherwise than %v", got)
			}
			for _, c := range []struct {
				q, limit float64
				d        time.Duration
			}{{0.5, 0.01, m.P50}, {0.9, 0.005, m.P90}, {0.99, 0.002, m.P99}} {
				if got := rank(windows, c.d); math.Abs(got-c.q) > c.limit {
					t.Errorf("%d snapshots %s: quantile %v has rank %.5f", n, order, c.q, got)
				}
			}
			writtenAndRead(t, s)
		}
	}
}

// writtenAndRead fails the test unless the snapshot's JSON is read as the same.
func writtenAndRead(t testing.TB, s atomicmetrics.Snapshot) {
	t.Helper()
	doc, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := atomicmetrics.ParseSnapshot(doc)
	if err != nil {
		t.Fatalf("%.300s: %v", doc, err)
	}
	equalSnapshots(t, "written and read", parsed, s)
}

func TestMergedSnapshotsAreWrittenAndRead(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 54))
		s := merged(t, snapshots(randomProcesses(t, r, r.IntN(6), 60))...)
		writtenAndRead(t, s)
	}
	writtenAndRead(t, merged(t))
	writtenAndRead(t, merged(t, atomicmetrics.Snapshot{}, atomicmetrics.Snapshot{TakenAt: time.Unix(5, 0).UTC()}))
	writtenAndRead(t, merged(t, largeWindow(t, 1, 5000), largeWindow(t, 2, 70_000/2)))
}

func TestMergeOfNothingIsASnapshotWithoutNodes(t *testing.T) {
	want := atomicmetrics.Snapshot{WindowSize: 100, Percentiles: "exact", Nodes: map[string]atomicmetrics.NodeMetrics{}}
	equalSnapshots(t, "nothing", merged(t), want)
	equalSnapshots(t, "the zero Snapshot", merged(t, atomicmetrics.Snapshot{}), want)
	old, young := newProcess(t, 9, time.Unix(5, 0).UTC()).snapshot(), newProcess(t, 4, time.Unix(6, 0).UTC()).snapshot()
	equalSnapshots(t, "without nodes", merged(t, young, old), young)
}

func TestMergeLeavesItsInputsAloneAndSharesNothingWithThem(t *testing.T) {
	inputs := func() []atomicmetrics.Snapshot {
		p, q := newProcess(t, 5, time.Unix(2, 0).UTC()), newProcess(t, 5, time.Unix(1, 0).UTC())
		p.record("both", 7, -1)
		p.record("one", 7, -1)
		q.record("both", 3, 1)
		return []atomicmetrics.Snapshot{p.snapshot(), q.snapshot(), largeWindow(t, 3, 4500)}
	}
	in := inputs()
	out := merged(t, in...)
	for _, s := range out.Sketches {
		for i := range s {
			s[i] = atomicmetrics.Centroid{}
		}
	}
	clear(out.Nodes)
	clear(out.Sketches)
	for i, want := range inputs() {
		equalSnapshots(t, fmt.Sprintf("input %d", i), in[i], want)
	}
}

func TestMergedAverageIsExactAndGoesOnWhereTheTotalStops(t *testing.T) {
	const longest = atomicmetrics.MaxDuration
	alike := func(n uint64, total, average time.Duration) atomicmetrics.Snapshot {
		return atomicmetrics.Snapshot{
			WindowSize: 1, Percentiles: "exact",
			Nodes: map[string]atomicmetrics.NodeMetrics{"n": {
				TotalExecutions: n, SuccessCount: n, TotalDuration: total, AvgExecution: average,
			}},
		}
	}
	for _, c := range []struct {
		what           string
		in             []atomicmetrics.Snapshot
		total, average time.Duration
	}{
		{"weighted by executions", []atomicmetrics.Snapshot{alike(1, 10, 10), alike(3, 90, 30)}, 100, 25},
		{"from sums, not averages", []atomicmetrics.Snapshot{alike(2, 3, 1), alike(2, 3, 1), alike(2, 3, 1)}, 9, 1},
		{"remainders add up", []atomicmetrics.Snapshot{alike(2, 3, 1), alike(2, 5, 2)}, 8, 2},
		{
			"the total stops, the average does not",
			[]atomicmetrics.Snapshot{alike(1<<10, math.MaxInt64-1, 1<<53), alike(1<<10, math.MaxInt64-1, 1<<53)},
			math.MaxInt64, 1<<53 - 1,
		},
		{
			"totals that had stopped",
			[]atomicmetrics.Snapshot{alike(1<<62, math.MaxInt64, longest), alike(1<<62, math.MaxInt64, longest-2)},
			math.MaxInt64, longest - 1,
		},
		{"one that had stopped", []atomicmetrics.Snapshot{alike(999, math.MaxInt64, longest), alike(1, 0, 0)}, math.MaxInt64,
			(1<<56 - 1) * 999 / 1000},
		{"figures beyond reason", []atomicmetrics.Snapshot{alike(1, 1<<60, 1), alike(1, 1<<60, 1)}, 1 << 61, longest},
	} {
		m := merged(t, c.in...).Nodes["n"]
		equal(t, c.what+": total", m.TotalDuration, c.total)
		equal(t, c.what+": average", m.AvgExecution, c.average)
	}
}

func TestMergedLastExecutionIsOfTheNewestSnapshotThatRanTheNode(t *testing.T) {
	at := func(second int64) *process { return newProcess(t, 5, time.Unix(second, 0).UTC()) }
	old, young, youngest := at(1), at(2), at(3)
	old.record("n", 100, -1)
	young.record("n", 7, -1)
	youngest.c.RecordRetry("n", 1)
	youngest.record("other", 50, -1)
	s := merged(t, young.snapshot(), youngest.snapshot(), old.snapshot())
	equal(t, "last execution", s.Nodes["n"].LastExecution, 7)
	equal(t, "taken at", s.TakenAt, youngest.at)
}

func TestMergeBreachesWhereOneSnapshotDoes(t *testing.T) {
	for i := range 64 {
		breached := func(failures, latency, running bool) atomicmetrics.Snapshot {
			p := newProcess(t, 5, time.Unix(1, 0).UTC())
			p.record("n", 1, -1)
			s := p.snapshot()
			m := s.Nodes["n"]
			m.FailureRateBreached, m.LatencyBreached, m.RunningBreached = failures, latency, running
			s.Nodes["n"] = m
			return s
		}
		m := merged(t, breached(i&1 != 0, i&2 != 0, i&16 != 0), breached(i&4 != 0, i&8 != 0, i&32 != 0)).Nodes["n"]
		equal(t, "failure rate", m.FailureRateBreached, i&5 != 0)
		equal(t, "latency", m.LatencyBreached, i&10 != 0)
		equal(t, "running", m.RunningBreached, i&48 != 0)
	}
}

func TestMergeKeepsTDigestOfItsInputs(t *testing.T) {
	a, b := newProcess(t, 5, time.Unix(1, 0)), newProcess(t, 5, time.Unix(2, 0))
	a.record("n", 1, -1)
	b.record("n", 2, -1)
	s := a.snapshot()
	equal(t, "of exact ones", merged(t, s, b.snapshot()).Percentiles, "exact")
	s.Percentiles = "tdigest"
	equal(t, "of one tdigest", merged(t, s, b.snapshot()).Percentiles, "tdigest")
}

func TestMergeRefuses(t *testing.T) {
	type metrics = atomicmetrics.NodeMetrics
	valid := func() atomicmetrics.Snapshot {
		p := newProcess(t, 10, time.Date(2026, 3, 1, 9, 30, 15, 5, time.UTC))
		p.record("a", 10, -1)
		for _, d := range []time.Duration{1e6, 2e6, 3500000} {
			p.record("n", d, 0)
		}
		return p.snapshot()
	}
	node := func(set func(*metrics)) func(*atomicmetrics.Snapshot) {
		return func(s *atomicmetrics.Snapshot) {
			m := s.Nodes["n"]
			set(&m)
			s.Nodes["n"] = m
		}
	}
	sketch := func(set func(atomicmetrics.Sketch) atomicmetrics.Sketch) func(*atomicmetrics.Snapshot) {
		return func(s *atomicmetrics.Snapshot) { s.Sketches["n"] = set(s.Sketches["n"]) }
	}
	centroid := func(i int, mean time.Duration, weight int) func(*atomicmetrics.Snapshot) {
		return sketch(func(s atomicmetrics.Sketch) atomicmetrics.Sketch {
			s[i] = atomicmetrics.Centroid{Mean: mean, Weight: weight}
			return s
		})
	}
	const window = maxWindow
	for _, c := range []struct {
		set  func(*atomicmetrics.Snapshot)
		want string
	}{
		{func(s *atomicmetrics.Snapshot) { s.Sketches = nil }, `no sketches: make its collector with the option WithSketches`},
		{func(s *atomicmetrics.Snapshot) { delete(s.Sketches, "n") }, `node "n": field "sketches": missing`},
		{
			func(s *atomicmetrics.Snapshot) { s.Sketches["b"] = atomicmetrics.Sketch{} },
			`node "b": field "sketches": of a node that is not in nodes`,
		},
		{
			func(s *atomicmetrics.Snapshot) { s.Nodes = nil },
			`node "a": field "sketches": of a node that is not in nodes`,
		},
		{
			func(s *atomicmetrics.Snapshot) { s.WindowSize = 0 },
			fmt.Sprintf(`field "windowSize": 0 is not from 1 to %d`, window),
		},
		{
			func(s *atomicmetrics.Snapshot) { s.WindowSize = 2 },
			`node "n": field "windowSamples": 3 is above windowSize, which is 2`,
		},
		{func(s *atomicmetrics.Snapshot) { s.Percentiles = "hdr" }, `field "percentiles": "hdr" is not "exact" or "tdigest"`},
		{centroid(1, 2e6, 0), fmt.Sprintf(`node "n": field "sketches": [1]: the weight, 0, is not from 1 to %d`, window)},
		{centroid(1, 2e6, -1), fmt.Sprintf(`node "n": field "sketches": [1]: the weight, -1, is not from 1 to %d`, window)},
		{centroid(1, 2e6, 2), `node "n": field "sketches": the weights add up to 4, and windowSamples is 3`},
		{centroid(1, 2e6, window), fmt.Sprintf(`node "n": field "sketches": [1]: the weights add up to more than %d`, window)},
		{centroid(0, -1, 1), `node "n": field "sketches": [0]: the mean, -1ns, is not from 0 to `},
		{centroid(2, atomicmetrics.MaxDuration+1, 1), `node "n": field "sketches": [2]: the mean, `},
		{centroid(1, 4e6, 1), `node "n": field "sketches": [2]: the mean, 3.5, is below the one before, 4`},
		{centroid(0, 1e6+1, 1), `node "n": field "sketches": the first mean is 1.000001, and windowMinMs is 1`},
		{centroid(2, 3e6, 1), `node "n": field "sketches": the last mean is 3, and windowMaxMs is 3.5`},
		{
			sketch(func(s atomicmetrics.Sketch) atomicmetrics.Sketch { return s[:2] }),
			`node "n": field "sketches": the weights add up to 2, and windowSamples is 3`,
		},
		{
			sketch(func(s atomicmetrics.Sketch) atomicmetrics.Sketch { return nil }),
			`node "n": field "sketches": the weights add up to 0, and windowSamples is 3`,
		},
		{
			sketch(func(s atomicmetrics.Sketch) atomicmetrics.Sketch { return make(atomicmetrics.Sketch, 65_537) }),
			`node "n": field "sketches": 65537 pairs are more than 65536`,
		},
		{node(func(m *metrics) { m.P50 = -1 }), `node "n": field "p50": -1ns is not from 0 to `},
		{node(func(m *metrics) { m.LastExecution = -1 }), `node "n": field "lastExecutionMs": -1ns is not from 0 to `},
		{node(func(m *metrics) { m.AvgExecution = 1 << 56 }), `node "n": field "avgExecutionMs": `},
		{node(func(m *metrics) { m.TotalDuration = -1 }), `node "n": field "totalDurationMs": -1ns is negative`},
		{node(func(m *metrics) { m.WindowSamples = -1 }), `node "n": field "windowSamples": -1 is negative`},
		{node(func(m *metrics) { m.WindowFailures = -1 }), `node "n": field "windowFailures": -1 is negative`},
		{node(func(m *metrics) { m.P50 = m.P90 + 1 }), `node "n": field "p50": 3.500001 is above p90, which is 3.5`},
		{
			node(func(m *metrics) { m.SuccessCount++ }),
			`node "n": field "totalExecutions": 3 is not the sum of successCount and failureCount: [1 3]`,
		},
	} {
		bad := valid()
		c.set(&bad)
		for i := range 3 {
			in := []atomicmetrics.Snapshot{valid(), valid(), valid()}[:max(i+1, 2)]
			in[i] = bad
			s, err := atomicmetrics.Merge(in...)
			want := fmt.Sprintf("atomicmetrics: Merge: snapshots[%d], taken at 2026-03-01T09:30:15.000000005Z: %s", i, c.want)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if !reflect.DeepEqual(s, atomicmetrics.Snapshot{}) {
				t.Errorf("%v came with %+v", err, s)
			}
		}
		if _, err := atomicmetrics.Merge(bad); err == nil {
			t.Errorf("alone it is accepted, and not refused because %s", c.want)
		}
	}
}

const maxWindow = min(1<<53-1, math.MaxInt)

func TestMergeRefusesSumsThatDoNotFit(t *testing.T) {
	many := func(set func(s *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics)) atomicmetrics.Snapshot {
		s, m := atomicmetrics.Snapshot{WindowSize: 1, Percentiles: "exact"}, atomicmetrics.NodeMetrics{}
		set(&s, &m)
		s.Nodes = map[string]atomicmetrics.NodeMetrics{"n": m}
		return s
	}
	for _, c := range []struct {
		most func(s *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics)
		one  func(s *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics)
		want string
	}{
		{
			func(_ *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) {
				m.TotalExecutions, m.SuccessCount = math.MaxUint64, math.MaxUint64
			},
			func(_ *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) {
				m.TotalExecutions, m.FailureCount, m.OtherErrors = 1, 1, 1
			},
			`node "n": field "totalExecutions": the sum is above 18446744073709551615`,
		},
		{
			func(_ *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) {
				m.RetryCount, m.RetriesByAttempt[0] = math.MaxUint64, math.MaxUint64
			},
			func(_ *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) {
				m.RetryCount, m.RetriesByAttempt[1] = 1, 1
			},
			`node "n": field "retryCount": the sum is above 18446744073709551615`,
		},
		{
			func(s *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) { s.WindowSize = maxWindow },
			func(s *atomicmetrics.Snapshot, m *atomicmetrics.NodeMetrics) {},
			fmt.Sprintf(`field "windowSize": the sum is above %d`, maxWindow),
		},
	} {
		most, one := many(c.most), many(c.one)
		writtenAndRead(t, merged(t, most))
		for _, in := range [][]atomicmetrics.Snapshot{{most, one}, {one, most}} {
			_, err := atomicmetrics.Merge(in...)
			if err == nil || err.Error() != "atomicmetrics: Merge: "+c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		}
	}
}

// Snapshots made by hand, each of which has a JSON: so has the result.
func TestMergeAndSinceTakeNamesThatAreOneAfterUFFFDForOne(t *testing.T) {
	of := func(name string, n uint64) atomicmetrics.Snapshot {
		return atomicmetrics.Snapshot{
			TakenAt: time.Unix(int64(n), 0).UTC(), WindowSize: 5, Percentiles: "exact",
			Nodes:        map[string]atomicmetrics.NodeMetrics{name: failed(n)},
			Sketches:     map[string]atomicmetrics.Sketch{name: {}},
			LastFailures: map[string]atomicmetrics.LastFailure{name: {At: time.Unix(int64(n), 0).UTC()}},
			InFlight:     map[string]atomicmetrics.InFlight{name: {Running: 1, Highest: 1, Oldest: 1}},
		}
	}
	const name = "a\uFFFD"
	a, b := of("a\xff", 1), of("a\xfe", 2)
	want := of(name, 2)
	want.WindowSize, want.Nodes[name] = 10, failed(3)
	want.InFlight[name] = atomicmetrics.InFlight{Running: 2, Highest: 2, Oldest: 1}
	s := merged(t, a, b, atomicmetrics.Snapshot{})
	equalSnapshots(t, "merged", s, want)
	writtenAndRead(t, s)

	want = of(name, 2)
	want.Nodes[name] = failed(1)
	equalSnapshots(t, "since", since(t, b, a), want)
	equal(t, "nodes since themselves under another name", len(since(t, a, of(name, 1)).Nodes), 0)

	const twice = "node \"a\uFFFD\": two names are this one, as invalid UTF-8 becomes U+FFFD"
	for what, both := range map[string]atomicmetrics.Snapshot{
		"nodes":    {Nodes: map[string]atomicmetrics.NodeMetrics{"a\xff": failed(1), name: failed(1)}},
		"inFlight": {InFlight: map[string]atomicmetrics.InFlight{"a\xff": {Highest: 1}, "a\xfe": {Highest: 1}}},
	} {
		both.WindowSize, both.Percentiles = 5, "exact"
		_, err := atomicmetrics.Merge(both)
		_, err2 := both.Since(a)
		_, err3 := a.Since(both)
		_, err4 := both.MarshalJSON()
		for i, err := range []error{err, err2, err3, err4} {
			if err == nil || !strings.HasSuffix(err.Error(), twice) {
				t.Errorf("%s: error %d is %v, want %s", what, i, err, twice)
			}
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("snapshots=%d/nodes=10/window=100", n), func(b *testing.B) {
			var all []atomicmetrics.Snapshot
			for i := range n {
				p := newProcess(b, 100, time.Unix(int64(i), 0).UTC())
				for j := range 1000 {
					p.record(strconv.Itoa(j%10), time.Duration(j*1000+i), -1)
				}
				all = append(all, p.snapshot())
			}
			b.ReportAllocs()
			for b.Loop() {
				merged(b, all...)
			}
		})
	}
}
