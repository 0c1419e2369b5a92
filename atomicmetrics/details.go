package atomicmetrics

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nodemetrics/nodemetrics/internal/detail"
	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
)

// A detailOf is what is kept of a node beside its metrics: a V for each of some
// nodes in a snapshot. Its functions are all there is to say about it.
type detailOf[V any] struct {
	detail.Kind[Snapshot, NodeMetrics, V]

	// wanted reports whether an option asks for the detail. It is nil if
	// snapshots have the detail as soon as a node does.
	wanted func(*config) bool

	// pick returns what was read of a node whose metrics are m, and whether
	// the snapshot has it. m is nil if the snapshot does not have the node.
	pick func(d *details, m *NodeMetrics) (V, bool)
}

func metricsByName(s *Snapshot) map[string]NodeMetrics { return s.Nodes }

var sketches = &detailOf[Sketch]{
	Kind: detail.Kind[Snapshot, NodeMetrics, Sketch]{
		Name:   "sketches",
		Of:     func(s *Snapshot) *map[string]Sketch { return &s.Sketches },
		Nodes:  metricsByName,
		Encode: appendSketch,
		Decode: parseSketch,
		Judge: func(v *Sketch, m *NodeMetrics) error {
			if m == nil {
				return errNoSuchNode
			}
			return v.check(m)
		},
		Always: true,
		Since: func(v, _ Sketch, d *NodeMetrics) (Sketch, bool) {
			if d == nil || d.WindowSamples == 0 {
				return Sketch{}, d != nil
			}
			return slices.Clone(v), true
		},
	},
	wanted: func(c *config) bool { return c.sketches },
	pick: func(d *details, m *NodeMetrics) (Sketch, bool) {
		if m == nil {
			return nil, false
		}
		return *d.sketch, true
	},
}

var lastFailures = &detailOf[LastFailure]{
	Kind: detail.Kind[Snapshot, NodeMetrics, LastFailure]{
		Name:   "lastFailures",
		Of:     func(s *Snapshot) *map[string]LastFailure { return &s.LastFailures },
		Nodes:  metricsByName,
		Encode: lastFailureTable.Append,
		Decode: lastFailureTable.Parse,
		Judge: func(v *LastFailure, m *NodeMetrics) error {
			switch {
			case m == nil:
				return errNoSuchNode
			case m.FailureCount == 0:
				return errors.New("failureCount is 0")
			}
			return lastFailureTable.Check(v)
		},
		Merge: func(a, b LastFailure) (LastFailure, error) { return later(a, b), nil },
		Since: func(v, _ LastFailure, d *NodeMetrics) (LastFailure, bool) {
			return v, d != nil && d.FailureCount > 0
		},
	},
	wanted: func(c *config) bool { return c.lastFailure },
	pick: func(d *details, m *NodeMetrics) (LastFailure, bool) {
		return d.lastFailure, m != nil && d.lastFailure != LastFailure{}
	},
}

var inFlights = &detailOf[InFlight]{
	Kind: detail.Kind[Snapshot, NodeMetrics, InFlight]{
		Name:   "inFlight",
		Of:     func(s *Snapshot) *map[string]InFlight { return &s.InFlight },
		Nodes:  metricsByName,
		Encode: inFlightTable.Append,
		Decode: inFlightTable.Parse,
		Judge:  func(v *InFlight, _ *NodeMetrics) error { return inFlightTable.Check(v) },
		Merge:  InFlight.add,
		Since:  func(v, _ InFlight, _ *NodeMetrics) (InFlight, bool) { return v, true },
	},
	wanted: func(c *config) bool { return c.inFlight },
	pick:   func(d *details, _ *NodeMetrics) (InFlight, bool) { return d.inFlight, d.inFlight.Highest > 0 },
}

var ignoreds = &detailOf[uint64]{
	Kind: detail.Kind[Snapshot, NodeMetrics, uint64]{
		Name:   "ignored",
		Of:     func(s *Snapshot) *map[string]uint64 { return &s.Ignored },
		Nodes:  metricsByName,
		Encode: func(b []byte, v *uint64) ([]byte, error) { return strconv.AppendUint(b, *v, 10), nil },
		Decode: func(text jsontable.Text, v *uint64) (err error) {
			*v, err = jsontable.ParseCount(text)
			return err
		},
		Judge: func(v *uint64, _ *NodeMetrics) error {
			if *v == 0 {
				return errors.New("it is 0")
			}
			return nil
		},
		Merge: jsontable.AddCounts,
		Since: func(v, before uint64, _ *NodeMetrics) (uint64, bool) { return v - before, v > before },
	},
	pick: func(d *details, _ *NodeMetrics) (uint64, bool) { return d.ignored, d.ignored > 0 },
}

// allDetails are what a snapshot can have, in the order of the JSON.
var allDetails = []interface {
	begin(s *Snapshot, c *config)
	take(s *Snapshot, node string, d *details, m *NodeMetrics)
	Field() jsontable.Field[Snapshot]
	ValidNames(s *Snapshot) error
	Check(s *Snapshot) error
	Add(sum, s *Snapshot) (commit func(), err error)
	Between(between, s, earlier *Snapshot)
}{sketches, lastFailures, inFlights, ignoreds}

var errNoSuchNode = errors.New("of a node that is not in nodes")

// begin makes the map of the detail if the options ask for it.
func (d *detailOf[V]) begin(s *Snapshot, c *config) {
	if d.wanted != nil && d.wanted(c) {
		*d.Of(s) = map[string]V{}
	}
}

// take puts what was read of a node into the snapshot.
func (d *detailOf[V]) take(s *Snapshot, node string, read *details, m *NodeMetrics) {
	values := d.Of(s)
	if *values == nil && d.wanted != nil {
		return
	}
	if v, ok := d.pick(read, m); ok {
		if *values == nil {
			*values = map[string]V{}
		}
		(*values)[node] = v
	}
}

// The JSON of a LastFailure.
var lastFailureTable = jsontable.New("last failure",
	jsontable.Field[LastFailure]{Name: "at", At: func(f *LastFailure) any { return &f.At }},
	jsontable.Field[LastFailure]{Name: "category", At: func(f *LastFailure) any { return &f.Category }, Words: categoryNames[:]},
	jsontable.Field[LastFailure]{Name: "text", At: func(f *LastFailure) any { return &f.Text }, Highest: lastfailure.MaxText},
)

// later returns the later of two last failures. The zero one is the earliest,
// and the order of the two does not matter.
func later(a, b LastFailure) LastFailure {
	if cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Text, b.Text)) >= 0 {
		return a
	}
	return b
}

// The JSON of an InFlight.
var inFlightTable = jsontable.New("in flight",
	jsontable.Field[InFlight]{Name: "running", At: func(f *InFlight) any { return &f.Running },
		Highest: maxWindowSize, AtMost: []string{"highest"}},
	jsontable.Field[InFlight]{Name: "highest", At: func(f *InFlight) any { return &f.Highest },
		Lowest: 1, Highest: maxWindowSize},
	jsontable.Field[InFlight]{Name: "oldestMs", At: func(f *InFlight) any { return &f.Oldest }, Null: noneRunning},
)

var noneRunning = jsontable.When("running is 0", func(f *InFlight) bool { return f.Running == 0 })

// add returns the sum of what two processes have in flight.
func (f InFlight) add(g InFlight) (InFlight, error) {
	sum := InFlight{f.Running + g.Running, f.Highest + g.Highest, max(f.Oldest, g.Oldest)}
	if f.Highest > maxWindowSize-g.Highest {
		return sum, jsontable.FieldError("highest", fmt.Errorf("the sum is above %d", maxWindowSize))
	}
	return sum, nil
}
