package atomicmetrics

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/source"
)

// Since returns what the nodes did between earlier, a snapshot of the same
// collector, and s. It is for several readers that read at intervals, none of
// which can reset. If a reset is possible, the result of Collector.Reset says
// more, because it has the windows too. Since changes neither snapshot and
// shares nothing with them.
//
//   - Counters and TotalDuration are the differences. AvgExecution is that of
//     the executions between. If TotalDuration had stopped, it is exact up to
//     the nanoseconds by which averages are rounded.
//   - A node without activity between is left out, and so is a node that s
//     lacks. A node that earlier lacks is as it is in s.
//   - If a counter of a node is lower in s than in earlier, the node was reset
//     or forgotten between. It is as it is in s. If the counters have grown
//     beyond the earlier ones since the reset, Since does not notice the reset.
//   - If the executions between fill the window, the window is that of s. Else
//     it has samples of before earlier: the result has an empty window and an
//     empty sketch. The newest executions are to be read in s. LastExecution is
//     that of s if there was an execution between.
//   - LastFailures are those of s, of the nodes that failed between. Ignored are
//     the differences.
//   - Sources have the interval between the two.
//   - Everything else, such as the executions in flight and the state of a
//     threshold, is as it is in s.
//
// The result keeps all invariants of NodeMetrics, and ParseSnapshot reads its
// JSON.
//
// Names that are one after U+FFFD are one node, as in JSON.
//
// Since refuses snapshots of different instances, and of one instance with a
// [Collector.Reset] between. The error names the instance. If one snapshot has no
// Sources, Since cannot check that, and the Sources of the result are those of
// s. The error may also say why ParseSnapshot would refuse the JSON of one of the
// two, which was made by hand then. With an error the Snapshot is the zero one.
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
	between.Sources = slices.Clone(s.Sources)
	if len(s.Sources) > 0 && len(earlier.Sources) > 0 {
		of, err := source.Between(innerSources(earlier.Sources), innerSources(s.Sources))
		if err != nil {
			return s, err
		}
		between.Sources = outerSources(of)
	}
	between.Nodes = map[string]NodeMetrics{}
	ignored := maps.Clone(earlier.Ignored)
	for _, names := range [...]iter.Seq[string]{maps.Keys(s.Nodes), maps.Keys(s.Ignored)} {
		for name := range names {
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
	}
	earlier.Ignored = ignored
	for _, d := range allDetails {
		d.Between(&between, &s, &earlier)
	}
	if len(between.Ignored) == 0 {
		between.Ignored = nil
	}
	return between, nil
}
