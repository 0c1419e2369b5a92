package atomicmetrics

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// Merge returns one snapshot for the nodes of many collectors, in as many processes: nodes of one name are one node.
// It needs snapshots with sketches, from collectors made WithSketches, and has sketches itself, so that it can be
// merged further. The snapshots are not changed, and nothing is shared with them.
//
//   - Counters add up, RetriesByAttempt one by one. TotalDuration stops at math.MaxInt64.
//   - AvgExecution is the sum of all durations over all executions, exact to the nanosecond; a node whose TotalDuration
//     had stopped counts with its average for each execution instead.
//   - LastExecution is that of the newest snapshot in which the node has executions, by TakenAt.
//   - Percentiles and extremes are those of all windows together: by nearest rank while all that was merged is samples
//     and they are at most 4,096, and within the error of Sketch.Quantiles beyond. A node with a window in one of the
//     snapshots alone keeps them as they are. WindowMin and WindowMax are always true.
//   - WindowSamples, WindowFailures and WindowSize add up: as many executions are what all windows hold when full.
//   - A threshold is breached when it is in one of the snapshots.
//   - LastFailures have the newest failure of each node, by its time, and are nil when they are in all snapshots.
//   - Of InFlight, Running adds up, and so does Highest, as if every process had had its highest at one time: no more ran
//     at once. Oldest is the longest. It is nil when it is in all snapshots.
//   - Names that are one after U+FFFD, as in JSON, are one node.
//   - TakenAt is that of the newest snapshot. Percentiles is "tdigest" as soon as a snapshot says so or a sketch is not
//     the samples themselves.
//
// The order of the snapshots does not matter, nor does it matter, up to the error of quantiles and a nanosecond of
// averages, in which groups they are merged. There is one exception: the result of a group has one TakenAt for all its
// nodes, so where the newest snapshot of the group lacks a node, the LastExecution of that node counts as newer than it
// is when the result is merged further.
//
// A snapshot without nodes, and with nothing in flight, changes nothing, not even TakenAt and WindowSize. Of such alone the newest is the result,
// and of nothing at all a snapshot without nodes, with the WindowSize and Percentiles of a collector without options.
//
// The error says which of the snapshots it is about, by its index from 0 and TakenAt, and names node and field as in
// JSON: no sketches where a window has samples; a snapshot made by hand that ParseSnapshot would refuse in its JSON;
// counters beyond 64 bits; window sizes that add up to more than 2^53 - 1 (math.MaxInt where that is less). With an
// error the Snapshot is the zero one. Time is in proportion to n log n for n pairs of sketches.
//
// SQL reads a fleet too, if each process writes its snapshots as rows. The
// counters of the newest row of each instance are those of collectors that
// nobody resets.
//
//	CREATE TABLE snapshots (instance text, taken_at timestamptz, document json);
//
//	CREATE VIEW newest AS
//	  SELECT DISTINCT ON (instance) * FROM snapshots ORDER BY instance, taken_at DESC;
//
//	SELECT node, sum((figures->>'totalExecutions')::bigint) AS executions,
//	  sum((figures->>'failureCount')::bigint) AS failures,
//	  sum((figures->>'retryCount')::bigint) AS retries
//	FROM newest, json_each(document->'nodes') AS nodes(node, figures)
//	GROUP BY node;
//
// [Sketch] has the query of the percentiles. It is apart from this one, because
// a join with the pairs of sketches would multiply the counters.
func Merge(snapshots ...Snapshot) (Snapshot, error) {
	s, err := mergeSnapshots(snapshots)
	if err != nil {
		return Snapshot{}, fmt.Errorf("atomicmetrics: Merge: %w", err)
	}
	return s, nil
}

func mergeSnapshots(snapshots []Snapshot) (Snapshot, error) {
	snapshots = slices.Clone(snapshots)
	for i, s := range snapshots {
		err := s.checkMergeable()
		if err == nil {
			snapshots[i], err = s.valid()
		}
		if err != nil {
			return Snapshot{}, fmt.Errorf("snapshots[%d], taken at %s: %w", i, s.TakenAt.Format(time.RFC3339Nano), err)
		}
	}
	merged := Snapshot{Nodes: map[string]NodeMetrics{}}
	nodes := map[string]*nodeMerge{}
	for _, s := range thatCount(snapshots) {
		merged.TakenAt = s.TakenAt
		if s.WindowSize > maxWindowSize-merged.WindowSize {
			return Snapshot{}, jsontable.FieldError("windowSize", fmt.Errorf("the sum is above %d", maxWindowSize))
		}
		merged.WindowSize += s.WindowSize
		merged.Percentiles = max(merged.Percentiles, s.Percentiles) // "tdigest" is above "exact"
		for _, d := range allDetails {
			if err := d.mergeInto(&merged, &s); err != nil {
				return Snapshot{}, err
			}
		}
		for name, m := range s.All() {
			n := nodes[name]
			if n == nil {
				n = new(nodeMerge)
				nodes[name] = n
			}
			if err := n.add(&m, s.TakenAt, s.Sketches[name]); err != nil {
				return Snapshot{}, jsontable.NodeError(name, err)
			}
		}
	}
	for name, n := range nodes {
		window := n.finish()
		merged.Nodes[name] = n.NodeMetrics
		if merged.Sketches != nil {
			merged.Sketches[name] = outer(window)
		}
		if len(n.windows) > 1 && !window.Exact() {
			merged.Percentiles = tdigestPercentiles
		}
	}
	merged.WindowSize = cmp.Or(merged.WindowSize, DefaultWindowSize)
	merged.Percentiles = cmp.Or(merged.Percentiles, exactPercentiles)
	return merged, nil
}

// thatCount returns the snapshots that have nodes, the oldest first; where there are none, the newest of all.
func thatCount(snapshots []Snapshot) []Snapshot {
	counting := slices.DeleteFunc(slices.Clone(snapshots), func(s Snapshot) bool { return s.empty() })
	if len(counting) > 0 || len(snapshots) == 0 {
		slices.SortStableFunc(counting, func(a, b Snapshot) int { return a.TakenAt.Compare(b.TakenAt) })
		return counting
	}
	return []Snapshot{slices.MaxFunc(snapshots, func(a, b Snapshot) int {
		return cmp.Or(a.TakenAt.Compare(b.TakenAt), cmp.Compare(a.WindowSize, b.WindowSize))
	})}
}

// nodeMerge is a node of several snapshots, which are added from the oldest to the newest.
type nodeMerge struct {
	NodeMetrics
	executed  int       // snapshots in which it has executions
	lastAt    time.Time // of the snapshot that LastExecution is from
	high, low uint64    // the sum of all durations, below 2^63 for each execution
	windows   []sketch.Sketch
}

func (n *nodeMerge) add(m *NodeMetrics, at time.Time, window Sketch) error {
	if err := n.NodeMetrics.add(m); err != nil {
		return err
	}
	if m.TotalExecutions > 0 {
		n.addDurations(m, at)
	}
	if m.WindowSamples > 0 {
		n.windows = append(n.windows, window.inner())
	}
	return nil
}

// addDurations adds the durations of executions, of which there are.
func (n *nodeMerge) addDurations(m *NodeMetrics, at time.Time) {
	if n.executed > 0 && at.Equal(n.lastAt) {
		n.LastExecution = max(n.LastExecution, m.LastExecution) // so that it is not the order that decides
	} else {
		n.LastExecution, n.lastAt = m.LastExecution, at
	}
	n.executed++
	n.AvgExecution = m.AvgExecution
	high, low := m.durations()
	var carry uint64
	n.low, carry = bits.Add64(n.low, low, 0)
	n.high += high + carry
	n.TotalDuration += min(m.TotalDuration, math.MaxInt64-n.TotalDuration)
}

// finish sets what does not add up, and returns the sketch of all windows. What is of one snapshot stays as it is.
func (n *nodeMerge) finish() (window sketch.Sketch) {
	if n.executed > 1 {
		average, _ := bits.Div64(n.high, n.low, n.TotalExecutions)
		n.AvgExecution = time.Duration(min(average, uint64(MaxDuration)))
	}
	if len(n.windows) == 1 {
		return n.windows[0]
	}
	window = sketch.Merge(n.windows...)
	if len(window) > 0 {
		n.P50, n.P90, n.P99 = window.Quantile(0.50), window.Quantile(0.90), window.Quantile(0.99)
		n.WindowMin, n.WindowMax = window[0].Mean, window[len(window)-1].Mean
	}
	return window
}

// checkMergeable returns an error if the snapshot has no sketches for its windows.
func (s *Snapshot) checkMergeable() error {
	if s.Sketches == nil {
		for _, m := range s.Nodes {
			if m.WindowSamples > 0 {
				return errors.New("no sketches: make its collector with the option WithSketches")
			}
		}
	}
	return nil
}
