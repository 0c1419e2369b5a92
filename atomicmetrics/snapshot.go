package atomicmetrics

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/source"
)

// Snapshot has the metrics of a collector's nodes. It is a plain value without
// a tie to the collector. The nodes are not of one instant, because each node
// is read on its own, in turn. The maps are by the nodes' names. A map of an
// option is nil unless the collector was made with the option.
type Snapshot struct {
	TakenAt     time.Time // when the read began or, beside a Collector.Reset, ended; in UTC
	WindowSize  int       // executions a full window holds; if merged, all full windows together
	Percentiles string    // the strategy: "exact" or "tdigest"

	// Nodes are the nodes with activity since their last reset. A read of a
	// collector never returns nil.
	Nodes map[string]NodeMetrics

	// Sources are the collectors that the figures come from, with the times.
	// They are nil in a snapshot of a nil Collector, and in one that an older
	// version of the library wrote.
	Sources []Source

	Sketches map[string]Sketch // WithSketches: the windows of all Nodes, for Merge

	// WithLastFailure: the newest failures of the nodes that have some. A
	// failure that was under way when its node was read may be missing and
	// counted.
	LastFailures map[string]LastFailure

	// WithInFlight: the nodes with executions that ran since the last reset. A
	// node that has not ended an execution yet is here and not among Nodes.
	InFlight map[string]InFlight

	// Ignored is how many executions were no verdict on their node since its
	// last reset: see [Node.RecordIgnored]. It is nil if there is none. A node
	// that has recorded nothing else is here and not among Nodes.
	Ignored map[string]uint64
}

// All yields the nodes and their metrics in the order of names.
func (s Snapshot) All() iter.Seq2[string, NodeMetrics] {
	return func(yield func(string, NodeMetrics) bool) {
		for _, name := range sortedKeys(s.Nodes) {
			if !yield(name, s.Nodes[name]) {
				return
			}
		}
	}
}

// maxWindowSize is the most executions that the windows of a snapshot hold,
// also after a merge. Every reader of JSON keeps this number exactly, and so
// does the t-digest of a sketch.
const maxWindowSize = min(1<<53-1, math.MaxInt)

// The values of Snapshot.Percentiles.
const exactPercentiles, tdigestPercentiles = "exact", "tdigest"

// snapshotTable is the JSON of a snapshot. The version has the first row, so
// for a document of another version the error is only about the version.
var snapshotTable = jsontable.New("snapshot", slices.Concat([]jsontable.Field[Snapshot]{
	{Name: "version", At: func(*Snapshot) any { return jsontable.Constant("1", "the version that can be read") }},
	{Name: "takenAt"},
	{Name: "windowSize", Lowest: 1, Highest: maxWindowSize},
	{Name: "percentiles", Words: []string{exactPercentiles, tdigestPercentiles}},
	{Name: "sources", At: func(s *Snapshot) any { return jsontable.List(sourceTable, &s.Sources, source.Check[Source]) },
		Absent: func(s *Snapshot) bool { return len(s.Sources) == 0 }},
	{Name: "nodes", At: func(s *Snapshot) any {
		return jsontable.Map(figures, &s.Nodes, func(m *NodeMetrics) error { return m.checkWindow(s.WindowSize) })
	}},
}, snapshotDetails.Fields())...)

// MarshalJSON returns the snapshot as one JSON object, which
// testdata/snapshot.schema.json describes and ParseSnapshot reads back to the
// same values. Nodes are in name order. Durations are milliseconds with a
// fraction, exact to the nanosecond. If a node has not run, its last and its
// average execution are null. If its window is empty, the percentiles, extremes
// and failure rate of the window are null. MarshalJSON leaves out Sources,
// Ignored and the maps of options if they are nil. Invalid UTF-8 in a name or a
// text becomes U+FFFD.
//
// If a value of a snapshot made by hand has no form in JSON, MarshalJSON
// returns an error that names the node and the field. Such values are a
// negative duration or count, a year without four digits, and a Category that
// does not exist. Two names that become the same by U+FFFD have no form either.
// MarshalJSON checks nothing else.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	size := 256 + nodeBytes*len(s.Nodes) + 128*(len(s.Sources)+len(s.LastFailures)+len(s.InFlight))
	for _, sketch := range s.Sketches {
		size += pairBytes * (1 + len(sketch))
	}
	return snapshotTable.Marshal(&s, size)
}

// nodeBytes is the size of the JSON of a node with large figures. The smallest
// takes 450 bytes. pairBytes is the size of a pair of a sketch with seconds.
const nodeBytes, pairBytes = 640, 20

// UnmarshalJSON sets the snapshot to the result of [ParseSnapshot], which
// refuses null. On an error it leaves the snapshot unchanged. The UnmarshalJSON
// of the values inside a snapshot also skips unknown fields, and on an error
// leaves its value unchanged.
func (s *Snapshot) UnmarshalJSON(data []byte) error { return snapshotTable.Unmarshal(data, s) }

// ParseSnapshot reads the JSON of a snapshot and returns the original values.
// TakenAt is in UTC, Nodes is never nil, and every duration is exact to the
// nanosecond. ParseSnapshot keeps nothing of data.
//
// Fields may come in any order. ParseSnapshot skips unknown fields, so the
// processes of a fleet can be upgraded one by one. A field name in another case
// is unknown. Sources, Ignored, runningBreached and the fields of options may
// be missing. All else that MarshalJSON does not write is one error, which
// names the node and the field:
//
//   - text that is not JSON, trailing data, and another version;
//   - a field that is missing, and a field or a node given twice;
//   - a value of another type, and null in the place of a figure or the
//     reverse;
//   - a count with a sign, a fraction or an exponent;
//   - a duration finer than a nanosecond or above its maximum;
//   - figures that contradict each other in any way that their types exclude;
//   - sources of one instance that overlap or end before they begin;
//   - an ignored count of 0;
//   - more than 65,536 pairs of a sketch, or 256 bytes of a last failure's
//     text.
//
// With an error ParseSnapshot returns the zero Snapshot. Milliseconds may have
// a short exponent if the value is exact, because Python writes 0.000001 as
// 1e-06. Invalid UTF-8 and half surrogates in a name become U+FFFD. Time and
// memory are at most in proportion to len(data). An error quotes no more than a
// few words.
func ParseSnapshot(data []byte) (Snapshot, error) {
	var s Snapshot
	err := snapshotTable.Unmarshal(data, &s)
	return s, err
}

// empty reports whether the snapshot says nothing of any node.
func (s *Snapshot) empty() bool { return len(s.Nodes)+len(s.InFlight)+len(s.Ignored) == 0 }

// valid returns the snapshot with all names made valid UTF-8. It returns an
// error if ParseSnapshot would refuse the JSON of the snapshot. If the snapshot
// is empty, valid does not look at TakenAt, WindowSize and Percentiles.
func (s Snapshot) valid() (Snapshot, error) {
	var err error
	s.Nodes, err = jsontable.ValidNames(s.Nodes)
	if err = cmp.Or(err, snapshotDetails.ValidNames(&s)); err != nil {
		return s, err
	}
	if !s.empty() {
		return s, snapshotTable.Check(&s)
	}
	return s, cmp.Or(snapshotDetails.Check(&s), jsontable.FieldError("sources", source.Check(s.Sources)))
}

// MarshalJSON returns the metrics as inside the JSON of a [Snapshot].
func (m NodeMetrics) MarshalJSON() ([]byte, error) { return figures.Marshal(&m, nodeBytes) }

// UnmarshalJSON reads metrics as inside the JSON of a [Snapshot].
func (m *NodeMetrics) UnmarshalJSON(data []byte) error { return figures.Unmarshal(data, m) }

// MarshalJSON returns the last failure as inside the JSON of a [Snapshot].
func (f LastFailure) MarshalJSON() ([]byte, error) { return lastFailureTable.Marshal(&f, 128) }

// UnmarshalJSON reads a last failure as inside the JSON of a [Snapshot].
func (f *LastFailure) UnmarshalJSON(data []byte) error { return lastFailureTable.Unmarshal(data, f) }

// MarshalJSON returns the executions in flight as in the JSON of a [Snapshot].
func (f InFlight) MarshalJSON() ([]byte, error) { return inFlightTable.Marshal(&f, 64) }

// UnmarshalJSON reads the executions in flight as in the JSON of a [Snapshot].
func (f *InFlight) UnmarshalJSON(data []byte) error { return inFlightTable.Unmarshal(data, f) }

// MarshalJSON returns the sketch as inside the JSON of a [Snapshot].
func (s Sketch) MarshalJSON() ([]byte, error) {
	return jsontable.Marshal(sketchForm, "sketch", &s, pairBytes*(len(s)+1))
}

// UnmarshalJSON reads a sketch as inside the JSON of a [Snapshot].
func (s *Sketch) UnmarshalJSON(data []byte) error {
	return jsontable.Unmarshal(sketchForm, "sketch", data, s)
}

var eventTable = jsontable.New("event", []jsontable.Field[Event]{
	{Name: "node"},
	{Name: "kind", Words: eventKindEnum.Names},
	{Name: "breached"},
	{Name: "failureRate"},
	{Name: "p99Ms", Longest: MaxDuration},
	{Name: "samples"},
	{Name: "at"},
	{Name: "runningMs", Optional: true},
}...)

// MarshalJSON returns the event as a JSON object: node, kind, breached,
// failureRate, p99Ms in milliseconds, samples, at as of RFC 3339 in UTC, and
// runningMs in milliseconds.
func (e Event) MarshalJSON() ([]byte, error) { return eventTable.Marshal(&e, 160+len(e.Node)) }

// UnmarshalJSON reads an event that MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error { return eventTable.Unmarshal(data, e) }

var statsTable = jsontable.New("stats", append(
	jsontable.Named[Stats]("nodes", "shardedNodes", "overflowRecords", "eventsDropped", "durationsClamped", "bytes"),
	jsontable.Field[Stats]{Name: "forgotten", At: func(s *Stats) any { return jsontable.Object(figures, &s.Forgotten) }},
	jsontable.Field[Stats]{Name: "forgottenIgnored", Optional: true},
)...)

// MarshalJSON returns the figures as a JSON object, named as the fields are but
// in camel case. Forgotten is as inside the JSON of a [Snapshot].
func (s Stats) MarshalJSON() ([]byte, error) { return statsTable.Marshal(&s, 160+nodeBytes) }

// UnmarshalJSON reads figures that MarshalJSON wrote.
func (s *Stats) UnmarshalJSON(data []byte) error { return statsTable.Unmarshal(data, s) }
