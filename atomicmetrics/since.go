package atomicmetrics

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/source"
)

// Since returns the difference between s and earlier, a snapshot of the same
// collector. It is for several readers that read at intervals, of which none
// can reset. If a single reader can reset, the result of [Collector.Reset] says
// more, because it has the windows too. Since changes neither snapshot and
// shares nothing with them.
//
//   - Counters, TotalDuration and Ignored are the differences. AvgExecution is
//     of the executions between. If TotalDuration had stopped, it is exact up
//     to the rounding of averages.
//   - A node without activity between is left out, and so is a node that s
//     lacks. A node that earlier lacks is as in s. So is a node whose counter
//     is lower in s, because the node was reset or forgotten between. If the
//     counters since the reset have grown beyond the earlier counters, Since
//     does not notice the reset.
//   - If the executions between fill the window, the window is that of s.
//     Otherwise it would have samples of before earlier, so the window and its
//     sketch are empty. LastExecution is that of s if there was an execution
//     between.
//   - LastFailures are those of s, of the nodes that failed between. Sources
//     have the interval between the two. Everything else, such as the
//     executions in flight and the state of a threshold, is as in s.
//
// The result keeps all invariants of NodeMetrics, and ParseSnapshot reads its
// JSON. Names that become the same by U+FFFD, as in JSON, are one node.
//
// Since refuses a snapshot whose JSON ParseSnapshot would refuse. It refuses
// snapshots of different instances, of one instance with a [Collector.Reset]
// between, and an earlier snapshot that is later than s. The error names the
// instance. If a snapshot has no Sources, Since cannot check that, and the
// result has the Sources of s. If both snapshots are read beside one Reset,
// [Merge] does not notice that the result and that Reset have records in
// common. With an error Since returns the zero Snapshot.
func (s Snapshot) Since(earlier Snapshot) (Snapshot, error) {
	between, err := s.since(earlier)
	if err != nil {
		return Snapshot{}, fmt.Errorf("atomicmetrics: Since: %w", err)
	}
	return between, nil
}

func (s Snapshot) since(earlier Snapshot) (Snapshot, error) {
	s, err := s.valid()
	if err != nil {
		return s, err
	}
	if earlier, err = earlier.valid(); err != nil {
		return s, fmt.Errorf("the earlier snapshot: %w", err)
	}
	between := s
	if between.Sources, err = source.Between(earlier.Sources, s.Sources); err != nil {
		return s, err
	}
	between.Nodes = map[string]NodeMetrics{}
	ignored := maps.Clone(earlier.Ignored)
	for _, name := range slices.AppendSeq(slices.Collect(maps.Keys(s.Nodes)), maps.Keys(s.Ignored)) {
		m, before := s.Nodes[name], earlier.Nodes[name]
		d, ok := m.since(&before)
		if !ok || s.Ignored[name] < earlier.Ignored[name] { // It was reset or forgotten.
			d = m
			delete(ignored, name)
		}
		if d.active() {
			between.Nodes[name] = d
		}
	}
	earlier.Ignored = ignored
	snapshotDetails.Between(&between, &s, &earlier)
	return between, nil
}
