package atomicmetrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nodemetrics/nodemetrics/internal/ring"
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

// categoryTable has a row for each category, with its name and the figure that
// counts it.
var categoryTable = [...]struct {
	name  string
	count func(*NodeMetrics) *uint64
}{
	CategoryOther:      {"other", func(m *NodeMetrics) *uint64 { return &m.OtherErrors }},
	CategoryTimeout:    {"timeout", func(m *NodeMetrics) *uint64 { return &m.TimeoutErrors }},
	CategoryValidation: {"validation", func(m *NodeMetrics) *uint64 { return &m.ValidationErrors }},
	CategoryNetwork:    {"network", func(m *NodeMetrics) *uint64 { return &m.NetworkErrors }},
}

// These do not compile unless each category has a row, and an outcome in the
// ring beside Success.
var (
	_ [categories]struct{}     = [len(categoryTable)]struct{}{}
	_ [categories + 1]struct{} = [ring.Outcomes]struct{}{}
)

var categoryNames = func() (names [categories]string) {
	for i := range categoryTable {
		names[i] = categoryTable[i].name
	}
	return names
}()

// failed returns the ring's outcome for a category. The outcomes are the
// categories in their order, behind Success.
func failed(c Category) ring.Outcome {
	if c >= categories {
		c = CategoryOther
	}
	return ring.Success + 1 + ring.Outcome(c)
}

// String returns "other", "timeout", "validation" or "network". For a value
// that is no category it returns "Category(9)".
func (c Category) String() string {
	if c >= categories {
		return fmt.Sprintf("Category(%d)", uint8(c))
	}
	return categoryTable[c].name
}

// MarshalText returns the name that String does; a value that is no category is
// an error.
func (c Category) MarshalText() ([]byte, error) {
	if c >= categories {
		return nil, fmt.Errorf("atomicmetrics: %v is not a category", c)
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads a name that MarshalText wrote. On an error it leaves the
// category unchanged.
func (c *Category) UnmarshalText(text []byte) error {
	i := slices.Index(categoryNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("atomicmetrics: %q is not a category (%s)", text, strings.Join(categoryNames[:], ", "))
	}
	*c = Category(i)
	return nil
}
