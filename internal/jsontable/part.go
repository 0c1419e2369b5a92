package jsontable

import (
	"errors"
	"fmt"
	"strconv"
	"time"
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

// AppendPairs appends [[milliseconds, weight], …], with n pairs.
func AppendPairs(b []byte, n int, pair func(i int) (mean time.Duration, weight int)) ([]byte, error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		mean, weight := pair(i)
		if mean < 0 || weight < 1 {
			return nil, fmt.Errorf("[%d]: a mean of %v with a weight of %d", i, mean, weight)
		}
		b = AppendMillis(append(b, '['), mean)
		b = strconv.AppendInt(append(b, ','), int64(weight), 10)
		b = append(b, ']')
	}
	return append(b, ']'), nil
}

// Pairs says which pairs ParsePairs accepts.
type Pairs struct {
	Most    int           // pairs
	Longest time.Duration // mean
	Highest uint64        // weight; the lowest is 1
}

// ParsePairs calls begin with no less than the number of pairs in an array, and
// then add with each pair. It does not compare the pairs.
func ParsePairs(text Text, p Pairs, begin func(most int), add func(mean time.Duration, weight int)) error {
	if text[0] != '[' {
		return NotA(text, "an array of pairs")
	}
	const shortest = len("[0,1],")
	begin(min(p.Most, len(text)/shortest+1))
	i := 0
	for element := range text.Elements() {
		if i == p.Most {
			return fmt.Errorf("more than %d pairs", p.Most)
		}
		mean, weight, err := p.parse(element)
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		add(mean, weight)
		i++
	}
	return nil
}

// parse reads [milliseconds, weight].
func (p Pairs) parse(text Text) (mean time.Duration, weight int, err error) {
	var pair [2]Text
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
		return 0, 0, errors.New("an array of more than two is not [milliseconds, weight]")
	case i < len(pair):
		return 0, 0, NotA(text, "[milliseconds, weight]")
	}
	if mean, err = ParseMillis(pair[0], p.Longest); err != nil {
		return 0, 0, err
	}
	n, err := ParseCount(pair[1])
	if err == nil && (n < 1 || n > p.Highest) {
		err = fmt.Errorf("a weight of %d is not from 1 to %d", n, p.Highest)
	}
	return mean, int(n), err
}
