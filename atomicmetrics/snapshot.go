package atomicmetrics

import "time"

// Snapshot is what a collector's nodes did, node by node. It is a plain value with no tie to the collector.
// It is not one instant for all nodes: each node is read on its own, in turn.
type Snapshot struct {
	TakenAt     time.Time              // when the read began, in UTC, without a monotonic reading
	WindowSize  int                    // executions a full window holds; of a merged snapshot, all full windows together
	Percentiles string                 // the strategy: "exact" or "tdigest"
	Nodes       map[string]NodeMetrics // by name: the nodes with activity since their last reset; never nil when read from a collector

	// Sketches are the nodes' windows for Merge, one for each node, of a collector made WithSketches. Else they are nil.
	Sketches map[string]Sketch

	// LastFailures are the newest failures of the nodes that have some, of a collector made WithLastFailure. Else they are
	// nil. A failure that was under way when its node was read may be counted there and missing here.
	LastFailures map[string]LastFailure

	// InFlight is what ran since the last reset, and so what is running, of a collector made WithInFlight. Else it is nil.
	// A node that has not ended an execution yet is here and not among Nodes.
	InFlight map[string]InFlight
}
