// Package detail keeps values of nodes beside their metrics in a snapshot: a
// map by name for each kind of value. A Kind is one value with all functions of
// such a map.
package detail

import (
	"errors"
	"maps"
	"slices"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// A Kind is a V for each of some nodes in a snapshot S, beside the metrics M. C
// is the configuration of a collector, and D all that is read of a node.
type Kind[S, M, C, D, V any] struct {
	Name  string // in the JSON of a snapshot
	Of    func(*S) *map[string]V
	nodes func(*S) map[string]M // as New is given

	// Wanted reports whether an option asks for the values. It is nil if
	// snapshots have them as soon as a node has one.
	Wanted func(*C) bool

	// Pick returns the value read of a node, and whether there is one.
	Pick func(d *D) (V, bool)

	Form jsontable.Form[V] // in the JSON

	// Judge returns an error if no read returns such a v. m is nil if the
	// snapshot does not have the node. If Judge is nil, Form checks v.
	Judge    func(v *V, m *M) error
	OfNodes  bool // whether only nodes of the snapshot have one
	Always   bool // whether all of them have one, if some has
	Unlogged bool // whether a log leaves the values out

	// Merge returns the value of two snapshots together. It is nil if the
	// snapshots' merge does that together with the metrics.
	Merge func(a, b V) (V, error)

	// Since returns the value of a difference of snapshots. The earlier
	// snapshot has the value before, and the difference has the metrics d. d is
	// nil if the difference does not have the node and OfNodes is false.
	Since func(v, before V, d *M) (V, bool)
}

// An Any is a Kind of any V.
type Any[S, M, C, D any] interface {
	begin(s *S, c *C)
	take(s *S, node string, read *D, m *M)
	field() jsontable.Field[S]
	validNames(s *S) error
	check(s *S) error
	add(sum, s *S) (commit func(), err error)
	between(between, s, earlier *S)
	setNodes(nodes func(*S) map[string]M)
}

// A Set has all Kinds of a snapshot, in the order of the JSON.
type Set[S, M, C, D any] []Any[S, M, C, D]

// New returns the set of some Kinds. nodes returns the metrics of a snapshot.
func New[S, M, C, D any](nodes func(*S) map[string]M, kinds ...Any[S, M, C, D]) Set[S, M, C, D] {
	for _, k := range kinds {
		k.setNodes(nodes)
	}
	return kinds
}

// Begin makes the maps that the options ask for.
func (set Set[S, M, C, D]) Begin(s *S, c *C) {
	for _, k := range set {
		k.begin(s, c)
	}
}

// Take puts the values read of a node into the snapshot. m is nil if the
// snapshot does not have the node.
func (set Set[S, M, C, D]) Take(s *S, node string, read *D, m *M) {
	for _, k := range set {
		k.take(s, node, read, m)
	}
}

// Fields returns the rows of the snapshot's table.
func (set Set[S, M, C, D]) Fields() (rows []jsontable.Field[S]) {
	for _, k := range set {
		rows = append(rows, k.field())
	}
	return rows
}

// ValidNames makes the names valid UTF-8.
func (set Set[S, M, C, D]) ValidNames(s *S) error {
	for _, k := range set {
		if err := k.validNames(s); err != nil {
			return err
		}
	}
	return nil
}

// Check returns an error that names a node whose value no read returns.
func (set Set[S, M, C, D]) Check(s *S) error {
	for _, k := range set {
		if err := k.check(s); err != nil {
			return err
		}
	}
	return nil
}

// Add returns a function that adds the values of s to those of sum. With an
// error nothing is to be added.
func (set Set[S, M, C, D]) Add(sum, s *S) (commit func(), err error) {
	commits := make([]func(), len(set))
	for i, k := range set {
		if commits[i], err = k.add(sum, s); err != nil {
			return nil, err
		}
	}
	return func() {
		for _, commit := range commits {
			commit()
		}
	}, nil
}

// Between leaves in between the values of s that belong there. earlier has
// those of before.
func (set Set[S, M, C, D]) Between(between, s, earlier *S) {
	for _, k := range set {
		k.between(between, s, earlier)
	}
}

func (k *Kind[S, M, C, D, V]) setNodes(nodes func(*S) map[string]M) { k.nodes = nodes }

// begin makes the map of the values if the options ask for it.
func (k *Kind[S, M, C, D, V]) begin(s *S, c *C) {
	if k.Wanted != nil && k.Wanted(c) {
		*k.Of(s) = map[string]V{}
	}
}

// take puts the value read of a node into the snapshot.
func (k *Kind[S, M, C, D, V]) take(s *S, node string, read *D, m *M) {
	values := k.Of(s)
	if *values == nil && k.Wanted != nil || k.OfNodes && m == nil {
		return
	}
	if v, ok := k.Pick(read); ok {
		if *values == nil {
			*values = map[string]V{}
		}
		(*values)[node] = v
	}
}

// field returns the row of the snapshot's table.
func (k *Kind[S, M, C, D, V]) field() jsontable.Field[S] {
	return jsontable.Field[S]{
		Name:   k.Name,
		At:     func(s *S) any { return part[S, M, C, D, V]{k, s} },
		Absent: func(s *S) bool { return *k.Of(s) == nil },
	}
}

// A part is a Kind of a snapshot as a part of its JSON.
type part[S, M, C, D, V any] struct {
	*Kind[S, M, C, D, V]
	s *S
}

func (p part[S, M, C, D, V]) AppendJSON(b []byte) ([]byte, error) {
	return jsontable.AppendByName(b, *p.Of(p.s), func(b []byte, v *V) ([]byte, error) {
		b, err := p.Form.Append(b, v)
		return b, jsontable.FieldError(p.Name, err)
	})
}

// ParseJSON reads the object of all nodes' values. The nodes have been read
// before.
func (p part[S, M, C, D, V]) ParseJSON(text jsontable.Text) error {
	values := make(map[string]V, room[V](text))
	*p.Of(p.s) = values
	var v V // a single one for all, because Parse moves it to the heap
	return jsontable.ParseByName(text, func(name string, val jsontable.Text) error {
		v = *new(V)
		err := p.Form.Parse(val, &v)
		if _, twice := values[name]; twice {
			err = jsontable.ErrTwice
		}
		if err == nil {
			err = p.checkOne(p.s, name, &v)
		}
		values[name] = v
		return jsontable.FieldError(p.Name, err)
	})
}

// room returns the size of a map for the members of an object. A map that grows
// would take twice the memory. room does not count members that are too short
// for a V, so that the map stays in proportion to the text.
func room[V any](text jsontable.Text) (members int) {
	if text[0] != '{' {
		return 0
	}
	for range text.Members() {
		members++
	}
	var v V
	return min(members, 3*len(text)/(16+int(unsafe.Sizeof(v))))
}

// LogValue returns a group by node, for a log.
func (p part[S, M, C, D, V]) LogValue() any {
	if p.Unlogged {
		return nil
	}
	return jsontable.LogByName(*p.Of(p.s))
}

func (p part[S, M, C, D, V]) Check() error { return p.check(p.s) }

// metrics returns the metrics of a node, nil if the snapshot does not have it.
func (k *Kind[S, M, C, D, V]) metrics(s *S, name string) *M {
	nodes := k.nodes(s)
	if _, ok := nodes[name]; !ok {
		return nil
	}
	m := nodes[name] // on the heap, so only if the node is there
	return &m
}

func (k *Kind[S, M, C, D, V]) checkOne(s *S, name string, v *V) error {
	m := k.metrics(s, name)
	if m == nil && k.OfNodes {
		return errors.New("of a node that is not in nodes")
	}
	if k.Judge == nil {
		return k.Form.Check(v)
	}
	return k.Judge(v, m)
}

// check returns an error that names the first node whose value no read returns.
func (k *Kind[S, M, C, D, V]) check(s *S) error {
	values := *k.Of(s)
	var first string
	var bad error
	var v V // a single one for all, because a check moves it to the heap
	for name := range values {
		v = values[name]
		if err := k.checkOne(s, name, &v); err != nil && (bad == nil || name < first) {
			first, bad = name, err
		}
	}
	if bad != nil {
		return k.errorOf(first, bad)
	}
	if !k.Always || values == nil || len(values) == len(k.nodes(s)) {
		return nil
	}
	for _, name := range names(k.nodes(s)) {
		if _, ok := values[name]; !ok {
			return k.errorOf(name, jsontable.ErrMissing)
		}
	}
	return nil
}

func (k *Kind[S, M, C, D, V]) errorOf(node string, err error) error {
	return jsontable.NodeError(node, jsontable.FieldError(k.Name, err))
}

func names[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }

// validNames makes the names valid UTF-8.
func (k *Kind[S, M, C, D, V]) validNames(s *S) (err error) {
	*k.Of(s), err = jsontable.ValidNames(*k.Of(s))
	return err
}

// add returns a function that adds the values of s to those of sum. With an
// error nothing is to be added.
func (k *Kind[S, M, C, D, V]) add(sum, s *S) (commit func(), err error) {
	from, to := *k.Of(s), k.Of(sum)
	changed := map[string]V{}
	if k.Merge != nil {
		for _, name := range names(from) {
			if changed[name], err = k.Merge((*to)[name], from[name]); err != nil {
				return nil, k.errorOf(name, err)
			}
		}
	}
	return func() {
		if *to == nil && from != nil {
			*to = map[string]V{}
		}
		maps.Copy(*to, changed)
	}, nil
}

// between leaves in between the values of s that belong there. earlier has
// those of before.
func (k *Kind[S, M, C, D, V]) between(between, s, earlier *S) {
	from, before := *k.Of(s), *k.Of(earlier)
	if from == nil {
		return
	}
	values := make(map[string]V, len(from))
	*k.Of(between) = values
	for name, v := range from {
		d := k.metrics(between, name)
		if d == nil && k.OfNodes {
			continue
		}
		if v, ok := k.Since(v, before[name], d); ok {
			values[name] = v
		}
	}
	if k.Wanted == nil && len(values) == 0 {
		*k.Of(between) = nil
	}
}
