// Package enum has the texts of enumerations. These are types whose values are
// 0, 1 and so on, each with a name.
package enum

import (
	"fmt"
	"slices"
	"strings"
)

// An Enum describes the values of a T.
type Enum[T ~uint8] struct {
	Type  string   // of T, for a value without a name
	What  string   // a T, in errors
	Names []string // by value
}

// String returns the name of v. For a value without a name it returns the type
// and the number, such as "Category(9)".
func (e *Enum[T]) String(v T) string {
	if int(v) >= len(e.Names) {
		return fmt.Sprintf("%s(%d)", e.Type, uint8(v))
	}
	return e.Names[v]
}

// MarshalText returns the name of v, or an error if v has none.
func (e *Enum[T]) MarshalText(v T) ([]byte, error) {
	if int(v) >= len(e.Names) {
		return nil, fmt.Errorf("atomicmetrics: %s is not %s", e.String(v), e.What)
	}
	return []byte(e.Names[v]), nil
}

// UnmarshalText sets v to the value with the name. If no value has the name,
// UnmarshalText returns an error and leaves v unchanged.
func (e *Enum[T]) UnmarshalText(name []byte, v *T) error {
	i := slices.Index(e.Names, string(name))
	if i < 0 {
		return fmt.Errorf("atomicmetrics: %q is not %s (%s)", name, e.What, strings.Join(e.Names, ", "))
	}
	*v = T(i)
	return nil
}
