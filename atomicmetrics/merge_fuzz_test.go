package atomicmetrics_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Whatever is read is merged with itself and another: without a panic, to the same in either order, with the counters'
// sums, and to a snapshot that is written and read too.
func FuzzMerge(f *testing.F) {
	f.Add(golden(f), sketchesGolden(f))
	f.Add(detailsGolden(f), sketchesGolden(f))
	f.Add(sketchesGolden(f), sketchesGolden(f))
	f.Add(detailsGolden(f), detailsGolden(f))
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 55))
		var docs [][]byte
		for _, s := range snapshots(randomProcesses(f, r, 2, 20)) {
			if seed%2 == 1 {
				s.TakenAt = time.Unix(7, 0).UTC() // both at one instant
			}
			doc, err := s.MarshalJSON()
			if err != nil {
				f.Fatal(err)
			}
			docs = append(docs, doc)
		}
		f.Add(docs[0], docs[1])
	}
	f.Fuzz(func(t *testing.T, docA, docB []byte) {
		a, errA := atomicmetrics.ParseSnapshot(docA)
		b, errB := atomicmetrics.ParseSnapshot(docB)
		if errA != nil || errB != nil {
			return
		}
		if _, err := atomicmetrics.Merge(a, b, a); err == nil && len(a.Sources) > 0 {
			t.Errorf("%v is merged twice", a.Sources)
		}
		a.Sources, b.Sources = nil, nil
		s, err := atomicmetrics.Merge(a, b, a)
		if err != nil {
			return
		}
		if len(docA) < 1000*len("[0,1],") { // else the order matters, as pairs are compressed in turn
			equalSnapshots(t, "in another order", merged(t, a, a, b), s)
		}
		checkSums(t, s, a, b, a)
		writtenAndRead(t, s)
		writtenAndRead(t, merged(t, s, b))
	})
}

// countersOf returns what of a node adds up.
func countersOf(m atomicmetrics.NodeMetrics) []uint64 {
	return append([]uint64{
		m.TotalExecutions, m.SuccessCount, m.FailureCount, m.RetryCount,
		m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors,
		uint64(m.WindowSamples), uint64(m.WindowFailures),
	}, m.RetriesByAttempt[:]...)
}

// checkSums fails the test when the merged snapshot has other nodes than the parts, or other sums.
func checkSums(t *testing.T, s atomicmetrics.Snapshot, parts ...atomicmetrics.Snapshot) {
	t.Helper()
	sums := map[string][]*big.Int{}
	for _, part := range parts {
		for name, m := range part.Nodes {
			for i, n := range countersOf(m) {
				if len(sums[name]) == i {
					sums[name] = append(sums[name], new(big.Int))
				}
				sums[name][i].Add(sums[name][i], new(big.Int).SetUint64(n))
			}
		}
	}
	if len(s.Nodes) != len(sums) {
		t.Errorf("%d nodes, want %d", len(s.Nodes), len(sums))
	}
	for name, m := range s.Nodes {
		if got, want := fmt.Sprint(countersOf(m)), fmt.Sprint(sums[name]); got != want {
			t.Errorf("node %q: got %s, want %s", name, got, want)
		}
	}
}

// A snapshot made by hand, in which two figures are anything at all, is merged without a panic. It is accepted where it
// has sketches and its JSON is read back to the same; what is accepted has a JSON that is read, and so has the result.
func FuzzMergeByHand(f *testing.F) {
	f.Add(uint64(1), byte(0), int64(-1), byte(30), int64(1<<60), "n", 0.5)
	for field := range byte(40) {
		f.Add(uint64(field), field, int64(field%3)-1, byte(255), int64(0), "n", float64(field)/40)
		f.Add(uint64(field), field, int64(1)<<(field+20), field+1, int64(7), "\xff", 0.99)
	}
	f.Fuzz(func(t *testing.T, seed uint64, fieldA byte, a int64, fieldB byte, b int64, name string, q float64) {
		s := byHand(seed, name)
		tamper(&s, name, fieldA, a)
		tamper(&s, name, fieldB, b)
		for _, sketch := range s.Sketches {
			for _, d := range sketch.Quantiles(q, 0, 1) {
				if d < sketch[0].Mean || d > sketch[len(sketch)-1].Mean {
					t.Errorf("quantile %v of %v is %v", q, sketch, d)
				}
			}
		}
		m, err := atomicmetrics.Merge(s)
		doc, jsonErr := s.MarshalJSON()
		var again atomicmetrics.Snapshot
		if jsonErr == nil {
			again, jsonErr = atomicmetrics.ParseSnapshot(doc)
		}
		if jsonErr == nil && err != nil && s.Sketches != nil && reflect.DeepEqual(again, s) {
			t.Errorf("%+v is read from its JSON and not merged: %v", s, err)
		}
		if err == nil && utf8.ValidString(name) && s.TakenAt.Year() <= 9999 {
			if jsonErr != nil {
				t.Errorf("%+v is merged and not read from its JSON: %v", s, jsonErr)
			}
			writtenAndRead(t, m)
		}
	})
}

// byHand returns a snapshot of a node of this name and another.
func byHand(seed uint64, name string) atomicmetrics.Snapshot {
	r := rand.New(rand.NewPCG(seed, 88))
	s := randomSnapshot(r, 0)
	s.Sketches = map[string]atomicmetrics.Sketch{}
	for _, name := range []string{"another", name} {
		m := randomNode(r, s.WindowSize)
		s.Nodes[name], s.Sketches[name] = m, randomSketch(r, m)
	}
	return s
}

// tamper sets a figure of the snapshot, or of the node of this name, to n.
func tamper(s *atomicmetrics.Snapshot, name string, field byte, n int64) {
	m, i := s.Nodes[name], int(field)
	defer func() { s.Nodes[name] = m }()
	for j := range reflect.TypeFor[atomicmetrics.NodeMetrics]().NumField() {
		of := []reflect.Value{reflect.ValueOf(&m).Elem().Field(j)}
		if of[0].Kind() == reflect.Array {
			of = slices.Collect(func(yield func(reflect.Value) bool) {
				for k := range m.RetriesByAttempt {
					yield(of[0].Index(k))
				}
			})
		}
		if i -= len(of); i < 0 {
			switch figure := of[len(of)+i]; figure.Kind() {
			case reflect.Bool:
				figure.SetBool(n&1 == 1)
			case reflect.Uint64:
				figure.SetUint(uint64(n))
			default:
				figure.SetInt(n)
			}
			return
		}
	}
	sketch := s.Sketches[name]
	switch {
	case i == 0:
		s.WindowSize = int(n)
	case i == 1:
		s.TakenAt = time.Unix(n>>20, 0).UTC()
	case i == 2:
		s.Percentiles = "mean"
	case i == 3:
		s.Sketches = nil
	case i == 4:
		delete(s.Sketches, name)
	case i == 5 && len(sketch) > 0:
		sketch[uint64(n)%uint64(len(sketch))].Mean = time.Duration(n)
	case i == 6 && len(sketch) > 0:
		sketch[uint64(n)%uint64(len(sketch))].Weight = int(n >> 8)
	}
}
