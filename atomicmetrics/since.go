package atomicmetrics

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Since returns what the nodes did between earlier, a snapshot of the same collector, and s, for those who read at
// intervals and cannot reset, as there is more than one of them. Where a reset is possible, what Collector.Reset returns
// says more: it has the windows too. Neither snapshot is changed, and nothing is shared with them.
//
//   - Counters and TotalDuration are the differences. AvgExecution is that of the executions between; for a node whose
//     TotalDuration had stopped, up to the nanoseconds by which averages are rounded.
//   - A node without activity between is left out; one that earlier lacks is there as it is in s.
//   - A window and all that comes from it is that of s where the executions between fill it. Else it would have samples
//     of before earlier: then the node's window is empty, with its sketch, and what its newest executions took is to be
//     read in s. LastExecution is that of s if there was an execution between.
//   - LastFailures are those of s, of the nodes that failed between.
//   - Everything else, such as what is in flight and whether a threshold is breached, is as it is in s.
//
// All that NodeMetrics says of a read holds for the result too, and ParseSnapshot reads its JSON.
//
// The error names the node and the counter, as in JSON, that is lower in s than in earlier: then the node was reset
// between, or the two were exchanged. A node that s lacks has 0 of everything. A reset after which the counters have
// grown beyond what they were before goes unnoticed. It is an error, too, if one of the two was made by hand and
// ParseSnapshot would refuse it in its JSON. With an error the Snapshot is the zero one.
func (s Snapshot) Since(earlier Snapshot) (Snapshot, error) {
	between, err := s.since(&earlier)
	if err != nil {
		return Snapshot{}, fmt.Errorf("atomicmetrics: Since: %w", err)
	}
	return between, nil
}

func (s *Snapshot) since(earlier *Snapshot) (Snapshot, error) {
	if err := s.check(); err != nil {
		return Snapshot{}, err
	}
	if err := earlier.check(); err != nil {
		return Snapshot{}, fmt.Errorf("the earlier snapshot: %w", err)
	}
	for _, name := range sortedKeys(earlier.Nodes) {
		before, m := earlier.Nodes[name], s.Nodes[name]
		if err := m.checkNotBelow(&before); err != nil {
			return Snapshot{}, nodeError(name, err)
		}
	}
	between := *s
	between.Nodes, between.InFlight = map[string]NodeMetrics{}, maps.Clone(s.InFlight)
	if s.LastFailures != nil {
		between.LastFailures = map[string]LastFailure{}
	}
	if s.Sketches != nil {
		between.Sketches = map[string]Sketch{}
	}
	for name, m := range s.Nodes {
		before := earlier.Nodes[name]
		d := m.since(&before)
		if !d.active() {
			continue
		}
		between.Nodes[name] = d
		if f, failed := s.LastFailures[name]; failed && d.FailureCount > 0 {
			between.LastFailures[name] = f
		}
		if s.Sketches == nil {
			continue
		}
		between.Sketches[name] = Sketch{}
		if d.WindowSamples > 0 {
			between.Sketches[name] = slices.Clone(s.Sketches[name])
		}
	}
	return between, nil
}

// checkNotBelow returns an error if a counter of m is lower than that of before, the same node's.
func (m *NodeMetrics) checkNotBelow(before *NodeMetrics) error {
	below := func(name string, now, then any) error {
		return fieldError(name, fmt.Errorf("%v is below %v, of the earlier snapshot: there was a reset between", now, then))
	}
	for _, c := range counters {
		if now, then := *c.at(m), *c.at(before); now < then {
			return below(c.name, now, then)
		}
	}
	if m.TotalDuration < before.TotalDuration {
		return below("totalDurationMs", string(millis(m.TotalDuration)), string(millis(before.TotalDuration)))
	}
	return nil
}

// since returns what lies between before and m, neither of whose counters is below the other's.
func (m NodeMetrics) since(before *NodeMetrics) NodeMetrics {
	d := m
	for _, c := range counters {
		*c.at(&d) -= *c.at(before)
	}
	d.TotalDuration, d.AvgExecution = 0, 0
	if d.TotalExecutions == 0 {
		d.LastExecution = 0
	} else {
		d.TotalDuration, d.AvgExecution = m.durationsSince(before, d.TotalExecutions)
	}
	if d.WindowSamples == 0 || uint64(d.WindowSamples) > d.TotalExecutions {
		d.WindowSamples, d.WindowFailures = 0, 0
		d.P50, d.P90, d.P99, d.WindowMin, d.WindowMax = 0, 0, 0, 0, 0
	}
	return d
}

// durationsSince returns the sum and the average of the durations of so many executions between.
func (m *NodeMetrics) durationsSince(before *NodeMetrics, executions uint64) (total, average time.Duration) {
	high, low := m.durations()
	thenHigh, thenLow := before.durations()
	low, borrow := bits.Sub64(low, thenLow, 0)
	high, borrow = bits.Sub64(high, thenHigh, borrow)
	if borrow != 0 {
		return 0, 0 // both sums are beyond 64 bits, and what was rounded is more than what lies between
	}
	if high >= executions {
		return math.MaxInt64, MaxDuration
	}
	quotient, _ := bits.Div64(high, low, executions)
	average = time.Duration(min(quotient, uint64(MaxDuration)))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64, average
	}
	return time.Duration(low), average
}
