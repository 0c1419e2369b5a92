package atomicmetrics

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// Snapshot is what a collector's nodes did, node by node. It is a plain value
// with no tie to the collector. It is not one instant for all nodes: each node
// is read on its own, in turn.
type Snapshot struct {
	TakenAt     time.Time              // when the read began, in UTC, without a monotonic reading
	WindowSize  int                    // executions a full window holds; of a merged snapshot, all full windows together
	Percentiles string                 // the strategy: "exact" or "tdigest"
	Nodes       map[string]NodeMetrics // by name: the nodes with activity since their last reset; never nil when read from a collector

	// Sources are the collectors that the figures come from, and the times.
	// [Merge] counts none twice, and [Snapshot.Since] compares no two of them.
	// They are nil in a snapshot of a nil Collector, and in one that an older
	// version of the library wrote.
	Sources []Source

	// Sketches are the nodes' windows for Merge, one for each node, of a
	// collector made WithSketches. Else they are nil.
	Sketches map[string]Sketch

	// LastFailures are the newest failures of the nodes that have some, of
	// a collector made WithLastFailure. Else they are nil. A failure that
	// was under way when its node was read may be counted there and missing
	// here.
	LastFailures map[string]LastFailure

	// InFlight is what ran since the last reset, and so what is running, of
	// a collector made WithInFlight. Else it is nil. A node that has not
	// ended an execution yet is here and not among Nodes.
	InFlight map[string]InFlight

	// Ignored is how many executions were left out as no verdict on their
	// node since its last reset: see [Node.RecordIgnored]. It has the nodes
	// with at least one, and is nil if there is none. A node that has
	// recorded nothing else is here and not among Nodes.
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

// snapshotVersion is the version of the JSON. The writer writes no other, and
// the reader refuses every other.
const snapshotVersion = "1"

// maxWindowSize is the most executions that the windows of a snapshot hold,
// merged ones included. Every reader of JSON keeps it exactly, and so does the
// t-digest of a sketch.
const maxWindowSize = min(1<<53-1, math.MaxInt)

// What Snapshot.Percentiles can be.
const (
	exactPercentiles   = "exact"
	tdigestPercentiles = "tdigest"
)

// snapshotTable is the JSON of a snapshot. The version has the first row,
// because a document of another version is just that, whatever else is new in
// it.
var snapshotTable = jsontable.New("snapshot", slices.Concat([]jsontable.Field[Snapshot]{
	{Name: "version", At: func(*Snapshot) any { return version{} }},
	{Name: "takenAt", At: func(s *Snapshot) any { return &s.TakenAt }},
	{Name: "windowSize", At: func(s *Snapshot) any { return &s.WindowSize }, Lowest: 1, Highest: maxWindowSize},
	{Name: "percentiles", At: func(s *Snapshot) any { return &s.Percentiles },
		Words: []string{exactPercentiles, tdigestPercentiles}},
	{Name: "sources", At: func(s *Snapshot) any { return jsontable.List(sourceTable, &s.Sources, checkSources) },
		Absent: func(s *Snapshot) bool { return len(s.Sources) == 0 }},
	{Name: "nodes", At: func(s *Snapshot) any { return (*snapshotNodes)(s) }},
}, detailFields())...)

func detailFields() (rows []jsontable.Field[Snapshot]) {
	for _, d := range allDetails {
		rows = append(rows, d.Field())
	}
	return rows
}

// MarshalJSON returns the snapshot as one JSON object, which
// testdata/snapshot.schema.json describes and ParseSnapshot reads back to the
// same values. Nodes are in name order. Durations are milliseconds with a
// fraction, exact to the nanosecond. If a node has not run, its last and its
// average execution are null. If its window is empty, the percentiles, extremes
// and failure rate of the window are null. MarshalJSON leaves
// out Sources, Sketches, LastFailures, InFlight and Ignored if they are nil. NodeMetrics, Sketch,
// LastFailure and InFlight alone have the same form as inside a snapshot.
//
// Invalid UTF-8 in a name or a text, which no snapshot of a collector has,
// becomes U+FFFD.
//
// MarshalJSON returns an error that names the node and the field if a value has
// no form in JSON. Only a snapshot made by hand has such values. They are a
// negative duration or count, a year that has not four digits, a Category that
// does not exist, and two names that are one after U+FFFD. MarshalJSON checks
// nothing else. ParseSnapshot refuses figures
// that contradict each other.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	size := 256
	for name := range s.Nodes {
		size += nodeBytes + len(name)
	}
	for name, sketch := range s.Sketches {
		size += 16 + len(name) + pairBytes*len(sketch)
	}
	for name, f := range s.LastFailures {
		size += 96 + len(name) + len(f.Text)
	}
	for name := range s.InFlight {
		size += 64 + len(name)
	}
	for _, source := range s.Sources {
		size += 112 + len(source.Instance)
	}
	return snapshotTable.Marshal(&s, size)
}

// Sizes of JSON.
const (
	nodeBytes = 640 // a node with large figures; the smallest takes 450
	pairBytes = 20  // seconds to the nanosecond
)

// UnmarshalJSON sets the snapshot to the result of ParseSnapshot, which refuses
// null. On an error the snapshot is left as it was.
func (s *Snapshot) UnmarshalJSON(data []byte) error { return snapshotTable.Unmarshal(data, s) }

// ParseSnapshot reads the JSON of a snapshot and returns the values that it was
// made of: TakenAt in UTC, Nodes never nil, every duration to the nanosecond.
// It keeps nothing of data.
//
// Fields may come in any order. ParseSnapshot skips fields that it does not
// know, so the processes of a fleet can be upgraded one after the other. A name
// in another case is such a field. Sketches, last failures and in-flight may be
// missing as a whole, and so may runningBreached, which older versions do not
// write.
//
// Everything else is an error, a single one, that names the node and the field:
//
//   - text that is not JSON, and trailing data;
//   - another version;
//   - a field that is missing, or given twice, and a node given twice;
//   - a value of another type, and null in the place of a figure or the
//     reverse;
//   - a count with a sign, a fraction or an exponent;
//   - a duration finer than a nanosecond or above MaxDuration, and a
//     totalDurationMs above math.MaxInt64 nanoseconds;
//   - figures that contradict each other in any way that NodeMetrics excludes,
//     and a windowFailureRate that is not windowFailures / windowSamples as a
//     float64;
//   - sketches that lack a node, or are not as Sketch says, or have more than
//     65,536 pairs;
//   - a last failure of a node without failures, or with a text of more than
//     256 bytes;
//   - a running that is above highest.
//
// With an error the Snapshot is the zero one.
//
// Milliseconds may have a short exponent if the value is exact: Python writes
// 0.000001 as 1e-06. Invalid UTF-8 and half surrogates in a name become U+FFFD,
// as in encoding/json.
//
// Time and memory are at most in proportion to len(data), whatever it holds. An
// error quotes no more than a few words.
func ParseSnapshot(data []byte) (Snapshot, error) {
	var s Snapshot
	err := snapshotTable.Unmarshal(data, &s)
	return s, err
}

// version is the version of the JSON, as a part.
type version struct{}

func (version) AppendJSON(b []byte) ([]byte, error) { return append(b, snapshotVersion...), nil }

func (version) ParseJSON(text jsontable.Text) error {
	if string(text) != snapshotVersion {
		return jsontable.NotA(text, snapshotVersion+", the version that can be read")
	}
	return nil
}

func (version) Check() error { return nil }

// snapshotNodes are the nodes of a snapshot, as a part.
type snapshotNodes Snapshot

func (s *snapshotNodes) AppendJSON(b []byte) ([]byte, error) {
	return jsontable.AppendByName(b, s.Nodes, figures.Append)
}

// ParseJSON reads the object of all nodes. WindowSize has been read before.
func (s *snapshotNodes) ParseJSON(text jsontable.Text) error {
	s.Nodes = map[string]NodeMetrics{}
	var m NodeMetrics // One for all, because decode has it moved to the heap.
	return jsontable.ParseByName(text, func(name string, val jsontable.Text) error {
		if _, twice := s.Nodes[name]; twice {
			return jsontable.ErrTwice
		}
		m = NodeMetrics{}
		if err := figures.Parse(val, &m); err != nil {
			return err
		}
		s.Nodes[name] = m
		return m.checkWindow(s.WindowSize)
	})
}

func (s *snapshotNodes) Check() error {
	for name, m := range Snapshot(*s).All() {
		if err := cmp.Or(figures.Check(&m), m.checkWindow(s.WindowSize)); err != nil {
			return jsontable.NodeError(name, err)
		}
	}
	return nil
}

// empty reports whether the snapshot says nothing of any node.
func (s *Snapshot) empty() bool { return len(s.Nodes)+len(s.InFlight)+len(s.Ignored) == 0 }

// valid returns the snapshot with all names made valid UTF-8. It returns an
// error if ParseSnapshot would refuse the JSON of the snapshot. It does not
// look at the TakenAt, the WindowSize and the Percentiles of one that is empty.
func (s Snapshot) valid() (Snapshot, error) {
	var err error
	if s.Nodes, err = jsontable.ValidNames(s.Nodes); err != nil {
		return s, err
	}
	for _, d := range allDetails {
		if err := d.ValidNames(&s); err != nil {
			return s, err
		}
	}
	if !s.empty() {
		return s, snapshotTable.Check(&s)
	}
	for _, d := range allDetails {
		if err := d.Check(&s); err != nil {
			return s, err
		}
	}
	return s, jsontable.FieldError("sources", checkSources(s.Sources))
}

// The JSON of what a snapshot has, and of events and statistics, alone. A
// reader skips fields that it does not know, as ParseSnapshot does. On an error
// the value is left as it was.

// MarshalJSON returns the metrics as inside the JSON of a [Snapshot].
func (m NodeMetrics) MarshalJSON() ([]byte, error) { return figures.Marshal(&m, nodeBytes) }

// UnmarshalJSON reads metrics as inside the JSON of a [Snapshot].
func (m *NodeMetrics) UnmarshalJSON(data []byte) error { return figures.Unmarshal(data, m) }

// MarshalJSON returns the last failure as inside the JSON of a [Snapshot].
func (f LastFailure) MarshalJSON() ([]byte, error) { return lastFailureTable.Marshal(&f, 128) }

// UnmarshalJSON reads a last failure as inside the JSON of a [Snapshot].
func (f *LastFailure) UnmarshalJSON(data []byte) error { return lastFailureTable.Unmarshal(data, f) }

// MarshalJSON returns what is in flight as inside the JSON of a [Snapshot].
func (f InFlight) MarshalJSON() ([]byte, error) { return inFlightTable.Marshal(&f, 64) }

// UnmarshalJSON reads what is in flight as inside the JSON of a [Snapshot].
func (f *InFlight) UnmarshalJSON(data []byte) error { return inFlightTable.Unmarshal(data, f) }

// MarshalJSON returns the sketch as inside the JSON of a [Snapshot].
func (s Sketch) MarshalJSON() ([]byte, error) {
	b, err := appendSketch(make([]byte, 0, pairBytes*(len(s)+1)), &s)
	if err != nil {
		return nil, fmt.Errorf("atomicmetrics: sketch: %w", err)
	}
	return b, nil
}

// UnmarshalJSON reads a sketch as inside the JSON of a [Snapshot].
func (s *Sketch) UnmarshalJSON(data []byte) error {
	var parsed Sketch
	text, err := jsontable.Valid(data)
	if err == nil {
		err = parseSketch(text, &parsed)
	}
	if err == nil {
		_, err = parsed.samples()
	}
	if err != nil {
		return fmt.Errorf("atomicmetrics: sketch: %w", err)
	}
	*s = parsed
	return nil
}

// The JSON of an Event.
var eventTable = jsontable.New("event",
	jsontable.Field[Event]{Name: "node", At: func(e *Event) any { return &e.Node }},
	jsontable.Field[Event]{Name: "kind", At: func(e *Event) any { return &e.Kind }, Words: eventKindNames[:]},
	jsontable.Field[Event]{Name: "breached", At: func(e *Event) any { return &e.Breached }},
	jsontable.Field[Event]{Name: "failureRate", At: func(e *Event) any { return &e.FailureRate }},
	jsontable.Field[Event]{Name: "p99Ms", At: func(e *Event) any { return &e.P99 }, Longest: MaxDuration},
	jsontable.Field[Event]{Name: "samples", At: func(e *Event) any { return &e.Samples }},
	jsontable.Field[Event]{Name: "at", At: func(e *Event) any { return &e.At }},
	jsontable.Field[Event]{Name: "runningMs", At: func(e *Event) any { return &e.Running }, Optional: true},
)

// MarshalJSON returns the event as a JSON object: node, kind, breached,
// failureRate, p99Ms in milliseconds, samples, at as of RFC 3339 in UTC, and
// runningMs in milliseconds.
func (e Event) MarshalJSON() ([]byte, error) { return eventTable.Marshal(&e, 160+len(e.Node)) }

// UnmarshalJSON reads an event that MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error { return eventTable.Unmarshal(data, e) }

// The JSON of a Stats.
var statsTable = jsontable.New("stats",
	jsontable.Field[Stats]{Name: "nodes", At: func(s *Stats) any { return &s.Nodes }},
	jsontable.Field[Stats]{Name: "shardedNodes", At: func(s *Stats) any { return &s.ShardedNodes }},
	jsontable.Field[Stats]{Name: "overflowRecords", At: func(s *Stats) any { return &s.OverflowRecords }},
	jsontable.Field[Stats]{Name: "eventsDropped", At: func(s *Stats) any { return &s.EventsDropped }},
	jsontable.Field[Stats]{Name: "durationsClamped", At: func(s *Stats) any { return &s.DurationsClamped }},
	jsontable.Field[Stats]{Name: "bytes", At: func(s *Stats) any { return &s.Bytes }},
	jsontable.Field[Stats]{Name: "forgotten", At: func(s *Stats) any { return jsontable.Object(figures, &s.Forgotten) }},
)

// MarshalJSON returns the figures as a JSON object, named as the fields are but
// in camel case. Forgotten is as inside the JSON of a [Snapshot].
func (s Stats) MarshalJSON() ([]byte, error) { return statsTable.Marshal(&s, 160+nodeBytes) }

// UnmarshalJSON reads figures that MarshalJSON wrote.
func (s *Stats) UnmarshalJSON(data []byte) error { return statsTable.Unmarshal(data, s) }
