package peer

import (
	"slices"
	"time"

	"github.com/uber-go/tally/v4"
)

// tallyBuckets are those that client_golang has as its default.
var tallyBuckets = tally.DurationBuckets{5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second}

// tallyScope has a Histogram and a Counter for each outcome, by node. Records
// by handle keep them ("cache me", says the README). Records by name look them
// up.
type tallyScope struct{ scope tally.Scope }

func newTally() Registry {
	scope, _ := tally.NewRootScope(tally.ScopeOptions{DefaultBuckets: tallyBuckets, Reporter: tally.NullStatsReporter,
		OmitCardinalityMetrics: true}, 0) // without an interval no goroutine reports
	return tallyScope{scope}
}

type tallyNode struct {
	durations        tally.Histogram
	success, failure tally.Counter
}

func (n *tallyNode) RecordSuccess(d time.Duration) {
	n.durations.RecordDuration(d)
	n.success.Inc(1)
}

func (n *tallyNode) RecordFailure(d time.Duration, _ error) {
	n.durations.RecordDuration(d)
	n.failure.Inc(1)
}

func (r tallyScope) node(name string) *tallyNode {
	return &tallyNode{r.scope.Histogram(name, nil), r.scope.Counter(name + "-success"), r.scope.Counter(name + "-failure")}
}

func (r tallyScope) Node(name string) Node { return r.node(name) }

func (r tallyScope) Timer(name string) func() {
	n := r.node(name)
	return func() {
		n.durations.Start().Stop()
		n.success.Inc(1)
	}
}

func (r tallyScope) Named(names []string) Named {
	n := tallyNamed{r.scope, names, make([]string, len(names)), make([]string, len(names))}
	for i, name := range names {
		n.success[i], n.failure[i] = name+"-success", name+"-failure"
	}
	return n
}

type tallyNamed struct {
	scope                   tally.Scope
	names, success, failure []string
}

func (n tallyNamed) RecordSuccess(i int, d time.Duration) {
	n.scope.Histogram(n.names[i], nil).RecordDuration(d)
	n.scope.Counter(n.success[i]).Inc(1)
}

func (n tallyNamed) RecordFailure(i int, d time.Duration, _ error) {
	n.scope.Histogram(n.names[i], nil).RecordDuration(d)
	n.scope.Counter(n.failure[i]).Inc(1)
}

func (r tallyScope) Read(name string) Reading {
	snapshot := r.scope.(tally.TestScope).Snapshot() // the root scope's own way to be read
	counter := func(name string) uint64 {
		// A counter that was never looked up is nil.
		if c := snapshot.Counters()[name+"+"]; c != nil {
			return uint64(c.Value())
		}
		return 0
	}
	reading := Reading{Successes: counter(name + "-success"), Failures: counter(name + "-failure")}
	buckets := snapshot.Histograms()[name+"+"].Durations()
	var bounds []time.Duration
	for bound, count := range buckets {
		reading.Durations += uint64(count)
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	below := uint64(0)
	for _, reading.Median = range bounds {
		if below += uint64(buckets[reading.Median]); 2*below >= reading.Durations {
			break
		}
	}
	return reading
}
