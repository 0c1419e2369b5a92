package jsontable

import (
	"errors"
	"fmt"
	"strconv"
)

// A Form is the JSON of a V. A Table is the Form of an object.
type Form[V any] interface {
	Append(b []byte, v *V) ([]byte, error)
	Parse(text Text, v *V) error // of a zero V
	Check(v *V) error            // why Parse refuses the text of Append, or nil
}

// Marshal returns the JSON of v alone. Errors call v by what.
func Marshal[V any](form Form[V], what string, v *V, size int) ([]byte, error) {
	b, err := form.Append(make([]byte, 0, size), v)
	if err != nil {
		return nil, fmt.Errorf("atomicmetrics: %s: %w", what, err)
	}
	return b, nil
}

// Unmarshal sets v to the value of the JSON in data. Errors call v by what.
// With an error Unmarshal leaves v unchanged.
func Unmarshal[V any](form Form[V], what string, data []byte, v *V) error {
	var parsed V
	text, err := Valid(data)
	if err == nil {
		err = form.Parse(text, &parsed)
	}
	if err != nil {
		return fmt.Errorf("atomicmetrics: %s: %w", what, err)
	}
	*v = parsed
	return nil
}

// A Count is the form of a count above 0.
type Count struct{}

// Append appends the count.
func (Count) Append(b []byte, n *uint64) ([]byte, error) { return strconv.AppendUint(b, *n, 10), nil }

// Parse reads a count. It does not check that the count is above 0.
func (Count) Parse(text Text, n *uint64) (err error) {
	*n, err = ParseCount(text)
	return err
}

// Check returns an error if the count is 0.
func (Count) Check(n *uint64) error {
	if *n == 0 {
		return errors.New("it is 0")
	}
	return nil
}
