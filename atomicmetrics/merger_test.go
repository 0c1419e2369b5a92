package atomicmetrics_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Whatever is added, in whatever order, a Merger has what Merge has.
func TestMergerIsMergeOneByOne(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 56))
		var m atomicmetrics.Merger
		var all []atomicmetrics.Snapshot
		equalSnapshots(t, "nothing", m.Snapshot(), merged(t))
		for _, p := range randomProcesses(t, r, 1+r.IntN(12), 40) {
			s := p.snapshot()
			s.InFlight = map[string]atomicmetrics.InFlight{"0": {Running: r.IntN(3), Highest: 3}}
			if r.IntN(3) == 0 {
				s.InFlight = nil
			}
			s.Sources = []source{{"a", p.at, p.at.Add(time.Second)}}
			all = append(all, s)
			if err := m.Add(s); err != nil {
				t.Fatal(err)
			}
			equalSnapshots(t, "seed "+strconv.FormatUint(seed, 10), m.Snapshot(), merged(t, all...))
		}
		writtenAndRead(t, m.Snapshot())
		if t.Failed() {
			return
		}
	}
}

// Snapshots are refused in the last node, and for the last detail.
func TestMergerAddsNothingOfWhatItRefuses(t *testing.T) {
	type metrics = atomicmetrics.NodeMetrics
	most := metrics{RetryCount: math.MaxUint64, RetriesByAttempt: [8]uint64{math.MaxUint64}}
	at := time.Unix(5, 0).UTC()
	of := func(second int64, nodes map[string]metrics, ignored map[string]uint64) atomicmetrics.Snapshot {
		s := atomicmetrics.Snapshot{TakenAt: at, WindowSize: 9, Percentiles: "exact", Nodes: nodes, Ignored: ignored,
			Sources:      []source{{"a", time.Unix(second, 0).UTC(), time.Unix(second+1, 0).UTC()}},
			Sketches:     map[string]atomicmetrics.Sketch{},
			LastFailures: map[string]atomicmetrics.LastFailure{},
			InFlight:     map[string]atomicmetrics.InFlight{"n": {Highest: 1}},
		}
		for name := range nodes {
			s.Sketches[name] = atomicmetrics.Sketch{}
		}
		return s
	}
	big := newProcess(t, 5000, at)
	for i := range 5000 {
		big.record("a", time.Duration(i), -1)
	}
	large := largeWindow(t, 1, 5000)
	large.Nodes["a"], large.Sketches["a"] = large.Nodes["n"], large.Sketches["n"]
	large.Nodes["z"], large.Sketches["z"] = most, atomicmetrics.Sketch{}
	var m atomicmetrics.Merger
	add := func(s atomicmetrics.Snapshot) error {
		before := m.Snapshot()
		err := m.Add(s)
		if err != nil {
			equalSnapshots(t, "after "+err.Error(), m.Snapshot(), before)
		}
		return err
	}
	for i, s := range []atomicmetrics.Snapshot{
		of(0, map[string]metrics{"a": failed(1), "z": most}, map[string]uint64{"i": math.MaxUint64}),
		largeWindow(t, 2, 4500),
	} {
		if err := add(s); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	for want, s := range map[string]atomicmetrics.Snapshot{
		`node "z": field "retryCount": the sum is above 18446744073709551615`: large,
		`node "i": field "ignored": the sum is above 18446744073709551615`:    of(1, map[string]metrics{"a": failed(1)}, map[string]uint64{"i": 1}),
		`node "b": field "failureCount": 1 is not the sum of timeoutErrors, validationErrors, networkErrors and otherErrors: [0 0 0 0]`: of(
			1, map[string]metrics{"a": failed(1), "b": {TotalExecutions: 1, FailureCount: 1}}, nil),
		`instance "a" would count twice: from 1970-01-01T00:00:00Z to 1970-01-01T00:00:01Z overlaps from 1970-01-01T00:00:00Z to 1970-01-01T00:00:01Z`: of(
			0, map[string]metrics{"a": failed(1)}, nil),
	} {
		prefix := "atomicmetrics: Merger: snapshot taken at " + s.TakenAt.Format(time.RFC3339Nano) + ": "
		if err := add(s); err == nil || err.Error() != prefix+want {
			t.Errorf("got  %v\nwant %s", err, prefix+want)
		}
	}
	s := of(1, map[string]metrics{"a": failed(1)}, nil) // of the interval that was refused
	if err := add(s); err != nil {
		t.Error(err)
	}
	equal(t, "failures", m.Snapshot().Nodes["a"].FailureCount, 2)
}

func TestMergerSharesNothingWithItsSnapshots(t *testing.T) {
	p := newProcess(t, 5, time.Unix(2, 0).UTC())
	p.record("n", 7, -1)
	in := p.snapshot()
	in.InFlight = map[string]atomicmetrics.InFlight{"n": {Highest: 1}}
	in.Ignored = map[string]uint64{"n": 1}
	in.LastFailures = map[string]atomicmetrics.LastFailure{}
	in.Sources = []source{{"a", time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()}}
	var m atomicmetrics.Merger
	if err := m.Add(in); err != nil {
		t.Fatal(err)
	}
	want := merged(t, in)
	for range 2 {
		s := m.Snapshot()
		equalSnapshots(t, "merged", s, want)
		clear(in.Sketches["n"])
		for _, s := range []atomicmetrics.Snapshot{in, s} {
			clear(s.Nodes)
			clear(s.Sketches)
			clear(s.InFlight)
			clear(s.Ignored)
			clear(s.Sources)
		}
	}
}

// live returns how many bytes of the heap are in use.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // The second one empties the pools.
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A thousand snapshots of the same instances and nodes take no more memory than
// sixteen, however large the windows, and err no more.
func TestMergerOfAThousandSnapshotsTakesNoMoreMemoryThanOfAFew(t *testing.T) {
	const snapshots, nodes, samples, instances = 1000, 3, 1100, 10
	var m atomicmetrics.Merger
	all := make([]time.Duration, 0, snapshots*samples)
	before, few := live(), uint64(0)
	for i := range snapshots {
		r := rand.New(rand.NewPCG(uint64(i), 57))
		c := newCollector(t, atomicmetrics.WithWindowSize(samples), exactly, atomicmetrics.WithSketches())
		for range samples {
			d := time.Duration(1e6 + r.IntN(1e5))
			if r.IntN(1000) >= 901 { // A gap is right behind the p90.
				d *= 1000
			}
			c.RecordSuccess("n", d)
			all = append(all, d)
		}
		s := c.Snapshot()
		for j := range nodes {
			name := strconv.Itoa(j)
			s.Nodes[name], s.Sketches[name] = s.Nodes["n"], s.Sketches["n"]
		}
		s.Sources = []source{{strconv.Itoa(i % instances), time.Unix(int64(i/instances), 0), time.Unix(int64(i/instances+1), 0)}}
		if err := m.Add(s); err != nil {
			t.Fatal(err)
		}
		if i == 15 {
			few = live()
		}
	}
	if grown := int64(live()) - int64(few); grown > nodes<<16 {
		t.Errorf("a thousand snapshots take %d bytes more than sixteen, which took %d", grown, few-before)
	}
	slices.Sort(all)
	s := m.Snapshot()
	equal(t, "sources", len(s.Sources), instances)
	for name, n := range s.Nodes {
		equal(t, name+": samples", n.WindowSamples, snapshots*samples)
		for q, d := range map[float64]time.Duration{0.5: n.P50, 0.9: n.P90, 0.99: n.P99} {
			below, _ := slices.BinarySearch(all, d)
			upTo, _ := slices.BinarySearch(all, d+1)
			limit := map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002}[q] * float64(len(all))
			if rank := q * float64(len(all)); float64(below) > rank+limit || float64(upTo) < rank-limit {
				t.Errorf("%s: quantile %v has the ranks from %d to %d of %d", name, q, below, upTo, len(all))
			}
		}
	}
	runtime.KeepAlive(&m)
}

func TestMergerIsExactUpTo4096Samples(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 58))
	var m atomicmetrics.Merger
	var all []time.Duration
	for i := range 32 {
		p := newProcess(t, 128, time.Unix(int64(i), 0).UTC())
		for range 128 {
			d := time.Duration(r.Int64N(1e9))
			p.record("n", d, -1)
			all = append(all, d)
		}
		if err := m.Add(p.snapshot()); err != nil {
			t.Fatal(err)
		}
		s := m.Snapshot()
		equal(t, "percentiles", s.Percentiles, "exact")
		if got, want := s.Sketches["n"], sketchOf(all); !slices.Equal(got, want) {
			t.Fatalf("the sketch of %d samples is another", len(all))
		}
	}
	one := newProcess(t, 1, time.Unix(0, 0).UTC())
	one.record("n", 1, -1)
	if err := m.Add(one.snapshot()); err != nil {
		t.Fatal(err)
	}
	equal(t, "percentiles of one more", m.Snapshot().Percentiles, "tdigest")
}
