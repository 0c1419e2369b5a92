package atomicmetrics_test

import (
	"context"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// methods returns the names of all methods of T.
func methods[T any]() (names []string) {
	of := reflect.TypeFor[T]()
	for i := range of.NumMethod() {
		names = append(names, of.Method(i).Name)
	}
	return names
}

func checkEmpty(t *testing.T, what string, m atomicmetrics.NodeMetrics) {
	t.Helper()
	equal(t, what, m, atomicmetrics.NodeMetrics{})
}

func checkEmptySnapshot(t *testing.T, what string, s atomicmetrics.Snapshot) {
	t.Helper()
	if s.Nodes == nil || len(s.Nodes) != 0 || s.TakenAt.IsZero() || s.WindowSize != 100 || s.Percentiles != "exact" {
		t.Errorf("%s: %+v", what, s)
	}
}

func TestNilCollectorRecordsNothingAndReadsAsEmpty(t *testing.T) {
	var c *atomicmetrics.Collector
	calls := map[string]func(){
		"RecordSuccess":   func() { c.RecordSuccess("n", -1) },
		"RecordFailure":   func() { c.RecordFailure("n", 1, errRefused) },
		"RecordFailureAs": func() { c.RecordFailureAs("n", 1, atomicmetrics.CategoryTimeout) },
		"RecordRetry":     func() { c.RecordRetry("n", 1) },
		"Node": func() {
			if n := c.Node("n"); n != nil {
				t.Errorf("Node: %p", n)
			}
		},
		"NodeMetrics": func() { checkEmpty(t, "NodeMetrics", c.NodeMetrics("n")) },
		"AllNodeMetrics": func() {
			if all := c.AllNodeMetrics(); all == nil || len(all) != 0 {
				t.Errorf("AllNodeMetrics: %v", all)
			}
		},
		"All": func() {
			for name := range c.All() {
				t.Errorf("All: %q", name)
			}
		},
		"Stats":     func() { equal(t, "Stats", c.Stats(), atomicmetrics.Stats{}) },
		"Snapshot":  func() { checkEmptySnapshot(t, "Snapshot", c.Snapshot()) },
		"ResetNode": func() { checkEmpty(t, "ResetNode", c.ResetNode("n")) },
		"Forget":    func() { checkEmpty(t, "Forget", c.Forget("n")) },
		"Reset":     func() { checkEmptySnapshot(t, "Reset", c.Reset()) },
		"MarshalJSON": func() {
			data, err := c.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			s, err := atomicmetrics.ParseSnapshot(data)
			if err != nil {
				t.Fatal(err)
			}
			checkEmptySnapshot(t, "MarshalJSON", s)
		},
		"String": func() {
			if _, err := atomicmetrics.ParseSnapshot([]byte(c.String())); err != nil {
				t.Errorf("String: %v", err)
			}
		},
		"Flush": func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			equal(t, "Flush", c.Flush(ctx), nil)
		},
	}
	for range 2 { // once more after all the records
		for _, call := range calls {
			call()
		}
	}
	if tested, all := slices.Sorted(maps.Keys(calls)), methods[*atomicmetrics.Collector](); !slices.Equal(tested, all) {
		t.Errorf("tested %q of the methods %q", tested, all)
	}
}

func TestNilNodeRecordsNothingAndReadsAsEmpty(t *testing.T) {
	var n *atomicmetrics.Node
	calls := map[string]func(){
		"Name":            func() { equal(t, "Name", n.Name(), "") },
		"RecordSuccess":   func() { n.RecordSuccess(-1) },
		"RecordFailure":   func() { n.RecordFailure(1, errRefused) },
		"RecordFailureAs": func() { n.RecordFailureAs(1, atomicmetrics.CategoryTimeout) },
		"RecordRetry":     func() { n.RecordRetry(1) },
		"RecordIgnored":   func() { n.RecordIgnored() },
		"Ignored":         func() { equal(t, "Ignored", n.Ignored(), 0) },
		"Start": func() {
			timer := n.Start()
			timer.Stop(nil)
			timer.Stop(errRefused)
			timer.Discard()
		},
		"RecordPanic": func() { n.RecordPanic(1, "odd") },
		"Do":          func() { equal(t, "Do", n.Do(func() error { return errRefused }), errRefused) },
		"DoIgnoring": func() {
			equal(t, "DoIgnoring", n.DoIgnoring(nil, func() error { return errRefused }), errRefused)
		},
		"Metrics": func() { checkEmpty(t, "Metrics", n.Metrics()) },
		"Quantiles": func() {
			if got := n.Quantiles(0.5, math.NaN()); got != nil {
				t.Errorf("Quantiles: %v", got)
			}
		},
		"Reset":       func() { checkEmpty(t, "Reset", n.Reset()) },
		"InFlight":    func() { equal(t, "InFlight", n.InFlight(), atomicmetrics.InFlight{}) },
		"LastFailure": func() { equal(t, "LastFailure", n.LastFailure(), atomicmetrics.LastFailure{}) },
	}
	for range 2 {
		for _, call := range calls {
			call()
		}
	}
	if tested, all := slices.Sorted(maps.Keys(calls)), methods[*atomicmetrics.Node](); !slices.Equal(tested, all) {
		t.Errorf("tested %q of the methods %q", tested, all)
	}
}

func TestNilNodeTimerMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timer := (*atomicmetrics.Node)(nil).Start()
		time.Sleep(time.Second)
		equal(t, "Stop", timer.Stop(nil), time.Second)
		equal(t, "Stop with an error", timer.Stop(errRefused), time.Second)
	})
}
