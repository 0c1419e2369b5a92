package atomicmetrics

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/detail"
	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// A detailOf is a V that is kept of nodes beside their metrics. Its functions
// are all there is to say about it.
type detailOf[V any] = detail.Kind[Snapshot, NodeMetrics, config, details, V]

// snapshotDetails are the details of a snapshot, in the order of the JSON.
var snapshotDetails = detail.New(func(s *Snapshot) map[string]NodeMetrics { return s.Nodes },
	&detailOf[Sketch]{
		Name:   "sketches",
		Of:     func(s *Snapshot) *map[string]Sketch { return &s.Sketches },
		Wanted: func(c *config) bool { return c.sketches },
		Pick:   func(d *details) (Sketch, bool) { return *d.sketch, true },
		Form:   sketchForm,
		Judge: func(s *Sketch, m *NodeMetrics) error {
			return sketch.Check(*s, sketchForm.Limits, m.WindowSamples, m.WindowMin, m.WindowMax)
		},
		OfNodes:  true,
		Always:   true,
		Unlogged: true,
		Since: func(s, _ Sketch, d *NodeMetrics) (Sketch, bool) {
			if d.WindowSamples == 0 {
				return Sketch{}, true
			}
			return slices.Clone(s), true
		},
	},
	&detailOf[LastFailure]{
		Name:   "lastFailures",
		Of:     func(s *Snapshot) *map[string]LastFailure { return &s.LastFailures },
		Wanted: func(c *config) bool { return c.lastFailure },
		Pick:   func(d *details) (LastFailure, bool) { return d.lastFailure, d.lastFailure != LastFailure{} },
		Form:   lastFailureTable,
		Judge: func(f *LastFailure, m *NodeMetrics) error {
			if m.FailureCount == 0 {
				return errors.New("failureCount is 0")
			}
			return lastFailureTable.Check(f)
		},
		OfNodes: true,
		Merge:   func(a, b LastFailure) (LastFailure, error) { return later(a, b), nil },
		Since:   func(f, _ LastFailure, d *NodeMetrics) (LastFailure, bool) { return f, d.FailureCount > 0 },
	},
	&detailOf[InFlight]{
		Name:   "inFlight",
		Of:     func(s *Snapshot) *map[string]InFlight { return &s.InFlight },
		Wanted: func(c *config) bool { return c.inFlight },
		Pick:   func(d *details) (InFlight, bool) { return d.inFlight, d.inFlight.Highest > 0 },
		Form:   inFlightTable,
		Merge:  InFlight.add,
		Since:  func(f, _ InFlight, _ *NodeMetrics) (InFlight, bool) { return f, true },
	},
	&detailOf[uint64]{
		Name:  "ignored",
		Of:    func(s *Snapshot) *map[string]uint64 { return &s.Ignored },
		Pick:  func(d *details) (uint64, bool) { return d.ignored, d.ignored > 0 },
		Form:  jsontable.Count{},
		Merge: jsontable.AddCounts,
		Since: func(n, before uint64, _ *NodeMetrics) (uint64, bool) { return n - before, n > before },
	},
)

var lastFailureTable = jsontable.New("last failure", []jsontable.Field[LastFailure]{
	{Name: "at"},
	{Name: "category", Words: categoryEnum.Names},
	{Name: "text", Highest: lastfailure.MaxText},
}...)

// later returns the later of two last failures. The zero LastFailure is the
// earliest. The order of the arguments does not matter.
func later(a, b LastFailure) LastFailure {
	if cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Text, b.Text)) >= 0 {
		return a
	}
	return b
}

var inFlightTable = jsontable.New("in flight", []jsontable.Field[InFlight]{
	{Name: "running", Highest: maxWindowSize, AtMost: []string{"highest"}},
	{Name: "highest", Lowest: 1, Highest: maxWindowSize},
	{Name: "oldestMs", Null: jsontable.When("running is 0", func(f *InFlight) bool { return f.Running == 0 })},
}...)

// add returns the executions in flight of two processes together.
func (f InFlight) add(g InFlight) (InFlight, error) {
	sum := InFlight{f.Running + g.Running, f.Highest + g.Highest, max(f.Oldest, g.Oldest)}
	if f.Highest > maxWindowSize-g.Highest {
		return sum, jsontable.FieldError("highest", fmt.Errorf("the sum is above %d", maxWindowSize))
	}
	return sum, nil
}
