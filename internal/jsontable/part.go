package jsontable

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
)

// Object returns v as a Part: the object of a table inside another.
func Object[T any](table *Table[T], v *T) Part { return object[T]{table, v} }

type object[T any] struct {
	table *Table[T]
	v     *T
}

func (o object[T]) AppendJSON(b []byte) ([]byte, error) { return o.table.Append(b, o.v) }
func (o object[T]) ParseJSON(text Text) error           { return o.table.Parse(text, o.v) }
func (o object[T]) Check() error                        { return o.table.Check(o.v) }
func (o object[T]) LogValue() any                       { return *o.v } // for Attributes

// List returns values as a Part: an array of objects of a table. together
// returns why values that are each right do not fit together.
func List[T any](table *Table[T], values *[]T, together func([]T) error) Part {
	return list[T]{table, values, together}
}

type list[T any] struct {
	table    *Table[T]
	values   *[]T
	together func([]T) error
}

func (l list[T]) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, '[')
	for i := range *l.values {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = l.table.Append(b, &(*l.values)[i]); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

func (l list[T]) ParseJSON(text Text) error {
	if text[0] != '[' {
		return NotA(text, "an array of objects")
	}
	for element := range text.Elements() {
		var v T
		if err := l.table.Parse(element, &v); err != nil {
			return fmt.Errorf("[%d]: %w", len(*l.values), err)
		}
		*l.values = append(*l.values, v)
	}
	return l.together(*l.values)
}

func (l list[T]) Check() error {
	for i := range *l.values {
		if err := l.table.Check(&(*l.values)[i]); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return l.together(*l.values)
}

// Map returns values as a Part: an object with the object of a table for each
// node. fits returns an error if a correct value does not fit the values around
// it.
func Map[T any](table *Table[T], values *map[string]T, fits func(*T) error) Part {
	return byName[T]{table, values, fits}
}

type byName[T any] struct {
	table  *Table[T]
	values *map[string]T
	fits   func(*T) error
}

func (p byName[T]) AppendJSON(b []byte) ([]byte, error) {
	return AppendByName(b, *p.values, p.table.Append)
}

func (p byName[T]) ParseJSON(text Text) error {
	values := map[string]T{}
	*p.values = values
	var v T // One for all, because Parse has it moved to the heap.
	return ParseByName(text, func(name string, val Text) error {
		if _, twice := values[name]; twice {
			return ErrTwice
		}
		var zero T
		v = zero
		if err := p.table.Parse(val, &v); err != nil {
			return err
		}
		values[name] = v
		return p.fits(&v)
	})
}

func (p byName[T]) Check() error {
	for _, name := range slices.Sorted(maps.Keys(*p.values)) {
		v := (*p.values)[name]
		if err := cmp.Or(p.table.Check(&v), p.fits(&v)); err != nil {
			return NodeError(name, err)
		}
	}
	return nil
}

// LogValue returns a group by node, for Attributes.
func (p byName[T]) LogValue() any { return LogByName(*p.values) }

// LogByName returns a group with an attribute for each name. log/slog would
// merge a group without a key with the attributes beside it.
func LogByName[V any](values map[string]V) slog.Value {
	var attrs []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(values)) {
		attrs = append(attrs, slog.Any(cmp.Or(name, `""`), values[name]))
	}
	return slog.GroupValue(attrs...)
}

// Constant returns a Part that is always the same text. why is the reason in an
// error.
func Constant(text, why string) Part { return constant{text, why} }

type constant struct{ text, why string }

func (c constant) AppendJSON(b []byte) ([]byte, error) { return append(b, c.text...), nil }

func (c constant) ParseJSON(text Text) error {
	if string(text) != c.text {
		return NotA(text, c.text+", "+c.why)
	}
	return nil
}

func (c constant) Check() error { return nil }

// ParseEqual returns an error unless text is the number x, which follows from
// other fields by the formula.
func ParseEqual(text Text, formula string, x float64) error {
	if y, err := strconv.ParseFloat(string(text), 64); err != nil || y != x || text[0] == '-' {
		return NotA(text, fmt.Sprintf("%s = %v", formula, x))
	}
	return nil
}
