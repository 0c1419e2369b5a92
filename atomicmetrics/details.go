package atomicmetrics

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
)

// A detail is what an option keeps of a node beside its metrics: a V for each
// of some nodes in a snapshot. Its functions are all there is to say about it.
type detail[V any] struct {
	name   string // in the JSON of a snapshot
	of     func(*Snapshot) *map[string]V
	wanted func(*config) bool

	// pick returns what was read of a node whose metrics are m, and whether
	// the snapshot has it. m is nil if the snapshot does not have the node.
	pick func(d *details, m *NodeMetrics) (V, bool)

	encode func([]byte, *V) ([]byte, error)
	decode func(jsontable.Text, *V) error

	// judge returns why v is not what a read returns. m is nil if the
	// snapshot does not have the node.
	judge  func(v *V, m *NodeMetrics) error
	always bool // whether all nodes of a snapshot have one, if some has

	// merge returns what two snapshots have together. It is nil if Merge
	// does that together with the metrics.
	merge func(a, b V) (V, error)

	// since returns what is left in a snapshot since another, with metrics
	// d. d is nil if the result does not have the node.
	since func(v V, d *NodeMetrics) (V, bool)
}

var sketches = &detail[Sketch]{
	name:   "sketches",
	of:     func(s *Snapshot) *map[string]Sketch { return &s.Sketches },
	wanted: func(c *config) bool { return c.sketches },
	pick: func(d *details, m *NodeMetrics) (Sketch, bool) {
		if m == nil {
			return nil, false
		}
		return *d.sketch, true
	},
	encode: appendSketch,
	decode: parseSketch,
	judge: func(v *Sketch, m *NodeMetrics) error {
		if m == nil {
			return errNoSuchNode
		}
		return v.check(m)
	},
	always: true,
	since: func(v Sketch, d *NodeMetrics) (Sketch, bool) {
		if d == nil || d.WindowSamples == 0 {
			return Sketch{}, d != nil
		}
		return slices.Clone(v), true
	},
}

var lastFailures = &detail[LastFailure]{
	name:   "lastFailures",
	of:     func(s *Snapshot) *map[string]LastFailure { return &s.LastFailures },
	wanted: func(c *config) bool { return c.lastFailure },
	pick: func(d *details, m *NodeMetrics) (LastFailure, bool) {
		return d.lastFailure, m != nil && d.lastFailure != LastFailure{}
	},
	encode: lastFailureTable.Append,
	decode: lastFailureTable.Parse,
	judge: func(v *LastFailure, m *NodeMetrics) error {
		switch {
		case m == nil:
			return errNoSuchNode
		case m.FailureCount == 0:
			return errors.New("failureCount is 0")
		}
		return lastFailureTable.Check(v)
	},
	merge: func(a, b LastFailure) (LastFailure, error) { return later(a, b), nil },
	since: func(v LastFailure, d *NodeMetrics) (LastFailure, bool) {
		return v, d != nil && d.FailureCount > 0
	},
}

var inFlights = &detail[InFlight]{
	name:   "inFlight",
	of:     func(s *Snapshot) *map[string]InFlight { return &s.InFlight },
	wanted: func(c *config) bool { return c.inFlight },
	pick:   func(d *details, _ *NodeMetrics) (InFlight, bool) { return d.inFlight, d.inFlight.Highest > 0 },
	encode: inFlightTable.Append,
	decode: inFlightTable.Parse,
	judge:  func(v *InFlight, _ *NodeMetrics) error { return inFlightTable.Check(v) },
	merge:  InFlight.add,
	since:  func(v InFlight, _ *NodeMetrics) (InFlight, bool) { return v, true },
}

// allDetails are what a snapshot can have, in the order of the JSON.
var allDetails = []interface {
	begin(s *Snapshot, c *config)
	take(s *Snapshot, node string, d *details, m *NodeMetrics)
	field() jsontable.Field[Snapshot]
	validNames(s *Snapshot) error
	check(s *Snapshot) error
	mergeInto(merged, s *Snapshot) error
	sinceInto(between, s *Snapshot)
}{sketches, lastFailures, inFlights}

var errNoSuchNode = errors.New("of a node that is not in nodes")

// begin makes the map of a new snapshot if the option is set.
func (d *detail[V]) begin(s *Snapshot, c *config) {
	if d.wanted(c) {
		*d.of(s) = map[string]V{}
	}
}

// take puts what was read of a node into the snapshot.
func (d *detail[V]) take(s *Snapshot, node string, read *details, m *NodeMetrics) {
	if values := *d.of(s); values != nil {
		if v, ok := d.pick(read, m); ok {
			values[node] = v
		}
	}
}

// field returns the row of the snapshot's table.
func (d *detail[V]) field() jsontable.Field[Snapshot] {
	return jsontable.Field[Snapshot]{
		Name:   d.name,
		At:     func(s *Snapshot) any { return detailPart[V]{d, s} },
		Absent: func(s *Snapshot) bool { return *d.of(s) == nil },
	}
}

// A detailPart is a detail of a snapshot as a part of its JSON.
type detailPart[V any] struct {
	*detail[V]
	s *Snapshot
}

func (p detailPart[V]) AppendJSON(b []byte) ([]byte, error) {
	return jsontable.AppendByName(b, *p.of(p.s), func(b []byte, v *V) ([]byte, error) {
		b, err := p.encode(b, v)
		return b, jsontable.FieldError(p.name, err)
	})
}

// ParseJSON reads the object of all nodes' details. The nodes have been read
// before.
func (p detailPart[V]) ParseJSON(text jsontable.Text) error {
	values := map[string]V{}
	*p.of(p.s) = values
	return jsontable.ParseByName(text, func(name string, val jsontable.Text) error {
		var v V
		err := p.decode(val, &v)
		if _, twice := values[name]; twice {
			err = jsontable.ErrTwice
		}
		if err == nil {
			err = p.checkOne(p.s, name, v)
		}
		values[name] = v
		return jsontable.FieldError(p.name, err)
	})
}

func (p detailPart[V]) Check() error { return p.detail.check(p.s) }

// checkOne returns an error if v is not a detail of the node.
func (d *detail[V]) checkOne(s *Snapshot, name string, v V) error {
	if m, ok := s.Nodes[name]; ok {
		return d.judge(&v, &m)
	}
	return d.judge(&v, nil)
}

// check returns an error that names a node whose detail is not what a read
// returns.
func (d *detail[V]) check(s *Snapshot) error {
	values := *d.of(s)
	for _, name := range sortedKeys(values) {
		if err := d.checkOne(s, name, values[name]); err != nil {
			return jsontable.NodeError(name, jsontable.FieldError(d.name, err))
		}
	}
	if !d.always || values == nil || len(values) == len(s.Nodes) {
		return nil
	}
	for _, name := range sortedKeys(s.Nodes) {
		if _, ok := values[name]; !ok {
			return jsontable.NodeError(name, jsontable.FieldError(d.name, jsontable.ErrMissing))
		}
	}
	return nil
}

// validNames makes the names valid UTF-8.
func (d *detail[V]) validNames(s *Snapshot) (err error) {
	*d.of(s), err = jsontable.ValidNames(*d.of(s))
	return err
}

// mergeInto merges the details of s into merged.
func (d *detail[V]) mergeInto(merged, s *Snapshot) error {
	from, to := *d.of(s), d.of(merged)
	if from != nil && *to == nil {
		*to = map[string]V{}
	}
	if d.merge == nil {
		return nil
	}
	for _, name := range sortedKeys(from) {
		v, err := d.merge((*to)[name], from[name])
		if err != nil {
			return jsontable.NodeError(name, jsontable.FieldError(d.name, err))
		}
		(*to)[name] = v
	}
	return nil
}

// sinceInto puts the details of s that belong into between.
func (d *detail[V]) sinceInto(between, s *Snapshot) {
	from := *d.of(s)
	if from == nil {
		return
	}
	values := make(map[string]V, len(from))
	*d.of(between) = values
	for name, v := range from {
		var of *NodeMetrics
		if m, ok := between.Nodes[name]; ok {
			of = &m
		}
		if v, ok := d.since(v, of); ok {
			values[name] = v
		}
	}
}

// appendSketch appends [[milliseconds, weight], …].
func appendSketch(b []byte, s *Sketch) ([]byte, error) {
	b = append(b, '[')
	for i, c := range *s {
		if i > 0 {
			b = append(b, ',')
		}
		if c.Mean < 0 || c.Weight < 1 {
			return nil, fmt.Errorf("[%d]: a mean of %v with a weight of %d", i, c.Mean, c.Weight)
		}
		b = jsontable.AppendMillis(append(b, '['), c.Mean)
		b = strconv.AppendInt(append(b, ','), int64(c.Weight), 10)
		b = append(b, ']')
	}
	return append(b, ']'), nil
}

// parseSketch sets s to the pairs of an array. It does not compare them.
func parseSketch(text jsontable.Text, s *Sketch) error {
	if text[0] != '[' {
		return jsontable.NotA(text, "an array of pairs")
	}
	const shortest = len("[0,1],")
	*s = make(Sketch, 0, min(maxPairs, len(text)/shortest+1))
	for element := range text.Elements() {
		i := len(*s)
		if i == maxPairs {
			return fmt.Errorf("more than %d pairs", maxPairs)
		}
		c, err := parseCentroid(element)
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		*s = append(*s, c)
	}
	return nil
}

// parseCentroid reads [milliseconds, weight].
func parseCentroid(text jsontable.Text) (c Centroid, err error) {
	var pair [2]jsontable.Text
	i := 0
	if text[0] == '[' {
		for element := range text.Elements() {
			if i < len(pair) {
				pair[i] = element
			}
			i++
		}
	}
	switch {
	case i > len(pair):
		return c, errors.New("an array of more than two is not [milliseconds, weight]")
	case i < len(pair):
		return c, jsontable.NotA(text, "[milliseconds, weight]")
	}
	if c.Mean, err = jsontable.ParseMillis(pair[0], MaxDuration); err != nil {
		return c, err
	}
	weight, err := jsontable.ParseCount(pair[1])
	if err == nil && (weight < 1 || weight > maxWindowSize) {
		err = fmt.Errorf("a weight of %d is not from 1 to %d", weight, maxWindowSize)
	}
	c.Weight = int(weight)
	return c, err
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
