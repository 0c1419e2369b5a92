package atomicmetrics

import (
	"fmt"
	"slices"
)

// Category says why an execution failed. The zero value is CategoryOther.
type Category uint8

// The categories of failure. A value outside them is recorded as CategoryOther.
const (
	CategoryOther      Category = iota // none of the others
	CategoryTimeout                    // a deadline passed
	CategoryValidation                 // the input was refused
	CategoryNetwork                    // a peer could not be reached or hung up
	categories                         // how many there are
)

var categoryNames = [categories]string{"other", "timeout", "validation", "network"}

// String returns "other", "timeout", "validation" or "network", and "Category(9)" for a value that is none of them.
func (c Category) String() string {
	if c >= categories {
		return fmt.Sprintf("Category(%d)", uint8(c))
	}
	return categoryNames[c]
}

// MarshalText returns the name that String does; a value that is no category is an error.
func (c Category) MarshalText() ([]byte, error) {
	if c >= categories {
		return nil, fmt.Errorf("atomicmetrics: %v is not a category", c)
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads a name that MarshalText wrote. On an error the category is left as it was.
func (c *Category) UnmarshalText(text []byte) error {
	i := slices.Index(categoryNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("atomicmetrics: %q is not a category (other, timeout, validation, network)", text)
	}
	*c = Category(i)
	return nil
}
