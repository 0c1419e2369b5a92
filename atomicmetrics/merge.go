package atomicmetrics

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
	"github.com/nodemetrics/nodemetrics/internal/source"
)

// Merge returns one snapshot for the nodes of many collectors. Nodes of one
// name are one node. The collectors are made [WithSketches], because Merge
// needs the sketch of every window. The result has sketches too and can be
// merged further. Merge changes no snapshot and shares nothing with them.
//
//   - Counters, WindowSamples, WindowFailures and WindowSize add up, and so do
//     Ignored and, of InFlight, Running and Highest. TotalDuration stops at
//     math.MaxInt64.
//   - AvgExecution is exact to the nanosecond, but if a TotalDuration had
//     stopped, that node counts with its average.
//   - LastExecution is of the newest snapshot in which the node has executions.
//   - Percentiles are of all windows together. While all sketches are samples,
//     at most 4,096 together, they are by nearest rank. Beyond, they err as
//     [Sketch.Quantiles] says, however many windows there are. If a node has
//     one window alone, its percentiles stay. WindowMin and WindowMax are
//     always true.
//   - A threshold is breached if it is in one snapshot. LastFailures has the
//     newest failure of each node. TakenAt is the newest, and Oldest the
//     longest. Adjacent Sources of one instance become one.
//   - Percentiles is "tdigest" if it is so in a snapshot, or if a sketch of
//     several windows is not samples.
//
// The order and the groups of snapshots do not matter, up to the error of
// quantiles and a nanosecond of averages. There is one exception. A group has
// one TakenAt for all its nodes, so a LastExecution may count as newer than it
// is when the group is merged further.
//
// A snapshot with no node, running or ignored execution changes only Sources.
// If all are such, the newest is the result. The Merge of nothing has no nodes,
// and is otherwise as of a collector without options.
//
// Merge returns an error that names the instance if figures would count twice,
// because sources overlap. It cannot tell that of a snapshot without Sources.
// Other errors are a missing sketch, a snapshot whose JSON ParseSnapshot would
// refuse, a counter beyond 64 bits, and a WindowSize beyond 2^53 - 1
// (math.MaxInt if that is less). An error about one snapshot has its index,
// from 0, and its TakenAt. With an error Merge returns the zero Snapshot. A
// [Merger] takes snapshots one by one.
//
// SQL reads a fleet too: see COOKBOOK.md, beside this file.
func Merge(snapshots ...Snapshot) (Snapshot, error) {
	m, snapshots := new(Merger), slices.Clone(snapshots)
	for i := range snapshots {
		s := &snapshots[i]
		keep, err := m.accept(s)
		if err != nil {
			at := s.TakenAt.Format(time.RFC3339Nano)
			return Snapshot{}, fmt.Errorf("atomicmetrics: Merge: snapshots[%d], taken at %s: %w", i, at, err)
		}
		keep()
	}
	slices.SortStableFunc(snapshots, func(a, b Snapshot) int { return a.TakenAt.Compare(b.TakenAt) })
	for i := range snapshots {
		if err := m.add(&snapshots[i]); err != nil {
			return Snapshot{}, fmt.Errorf("atomicmetrics: Merge: %w", err)
		}
	}
	return m.Snapshot(), nil
}

// Merger merges snapshots that come one by one, as [Merge] does. Its memory is
// in proportion to nodes, instances and the gaps between the intervals of an
// instance, and not to the number of snapshots. A node takes some 100 KB at
// most. If its only window is a sketch of more than 4,096 pairs, it takes 1 MB
// at most. The zero Merger is ready for use. It is not for concurrent use.
type Merger struct {
	counts  bool               // whether a snapshot had nodes, or something in flight or ignored
	sum     Snapshot           // without Nodes and Sources, and with empty Sketches
	nodes   map[string]nodeSum // nil if there was no snapshot
	sources source.Union
}

// Add adds a snapshot. It keeps nothing of it. Add returns the errors of
// [Merge], with the TakenAt of the snapshot. With an error Add has added
// nothing, and the Merger may go on.
func (m *Merger) Add(s Snapshot) error {
	keep, err := m.accept(&s)
	if err == nil {
		err = m.add(&s)
	}
	if err != nil {
		return fmt.Errorf("atomicmetrics: Merger: snapshot taken at %s: %w", s.TakenAt.Format(time.RFC3339Nano), err)
	}
	keep()
	return nil
}

// accept returns an error if s cannot be merged, or overlaps an added snapshot.
// It makes the names in s valid. keep adds the sources of s.
func (m *Merger) accept(s *Snapshot) (keep func(), err error) {
	if s.Sketches == nil {
		for _, n := range s.Nodes {
			if n.WindowSamples > 0 {
				return nil, errors.New("no sketches: make its collector with the option WithSketches")
			}
		}
	}
	if *s, err = s.valid(); err != nil {
		return nil, err
	}
	return source.Add(&m.sources, s.Sources)
}

// add adds the figures of a snapshot that was accepted. With an error it adds
// nothing.
func (m *Merger) add(s *Snapshot) error {
	sum, counts := m.sum, !s.empty()
	if counts != m.counts || !counts {
		newer := cmp.Or(s.TakenAt.Compare(sum.TakenAt), cmp.Compare(s.WindowSize, sum.WindowSize)) > 0
		if m.counts || !counts && m.nodes != nil && !newer {
			return nil
		}
		sum = Snapshot{} // In the place of snapshots that say nothing.
	}
	if s.WindowSize > maxWindowSize-sum.WindowSize {
		return jsontable.FieldError("windowSize", fmt.Errorf("the sum is above %d", maxWindowSize))
	}
	sum.WindowSize += s.WindowSize
	sum.Percentiles = max(sum.Percentiles, s.Percentiles) // "tdigest" is above "exact"
	if s.TakenAt.After(sum.TakenAt) || m.nodes == nil {
		sum.TakenAt = s.TakenAt
	}
	commit, err := snapshotDetails.Add(&sum, s)
	if err != nil {
		return err
	}
	changed := make(map[string]nodeSum, len(s.Nodes))
	for name, n := range s.All() {
		next := m.nodes[name]
		if err := next.add(&n, s.TakenAt); err != nil {
			return jsontable.NodeError(name, err)
		}
		changed[name] = next
	}
	commit()
	m.sum, m.counts = sum, counts
	if m.nodes == nil {
		m.nodes = map[string]nodeSum{}
	}
	for name, next := range changed {
		next.window.Add(s.Sketches[name].inner())
		m.nodes[name] = next
	}
	return nil
}

// Snapshot returns the merged snapshot of all that was added. It shares nothing
// with the Merger, which may go on. The zero Merger returns the Merge of
// nothing.
func (m *Merger) Snapshot() Snapshot {
	merged := Snapshot{
		TakenAt:     m.sum.TakenAt,
		WindowSize:  cmp.Or(m.sum.WindowSize, DefaultWindowSize),
		Percentiles: cmp.Or(m.sum.Percentiles, exactPercentiles),
		Sources:     source.All[Source](m.sources),
		Nodes:       make(map[string]NodeMetrics, len(m.nodes)),
	}
	commit, _ := snapshotDetails.Add(&merged, &m.sum) // It adds to nothing.
	commit()
	for name, n := range m.nodes {
		metrics, window := n.NodeMetrics, n.window.Sketch()
		if n.window.Windows() > 1 {
			metrics.setQuantiles(window.Quantile)
			if !window.Exact() {
				merged.Percentiles = tdigestPercentiles
			}
		}
		merged.Nodes[name] = metrics
		if merged.Sketches != nil {
			merged.Sketches[name] = outer(window)
		}
	}
	return merged
}

// nodeSum is a node of several snapshots.
type nodeSum struct {
	NodeMetrics // with the percentiles of one window
	window      sketch.Sum
	executed    int       // snapshots with executions of the node
	lastAt      time.Time // of the snapshot that LastExecution is from
	total       ring.Sum  // of all durations
}

// add adds the metrics of a snapshot that was taken at at, but for the window.
func (n *nodeSum) add(m *NodeMetrics, at time.Time) error {
	if err := figures.Add(&n.NodeMetrics, m); err != nil {
		return err
	}
	if m.WindowSamples > 0 {
		n.takeWindow(m)
	}
	if m.TotalExecutions == 0 {
		return nil
	}
	switch {
	case n.executed == 0 || at.After(n.lastAt):
		n.LastExecution, n.lastAt = m.LastExecution, at
	case at.Equal(n.lastAt):
		n.LastExecution = max(n.LastExecution, m.LastExecution) // so that the order does not matter
	}
	n.executed++
	n.total = n.total.Plus(m.durations())
	n.TotalDuration += min(m.TotalDuration, math.MaxInt64-n.TotalDuration)
	n.AvgExecution = m.AvgExecution
	if n.executed > 1 {
		n.AvgExecution = time.Duration(n.total.Over(n.TotalExecutions, uint64(MaxDuration)))
	}
	return nil
}
