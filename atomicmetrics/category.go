package atomicmetrics

import (
	"github.com/nodemetrics/nodemetrics/internal/enum"
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

var categoryEnum = enum.Enum[Category]{Type: "Category", What: "a category", Names: func() (names []string) {
	for _, c := range categoryTable {
		names = append(names, c.name)
	}
	return names
}()}

// failed returns the ring's outcome for a category. The outcomes are the
// categories in their order, behind Success.
func failed(c Category) ring.Outcome { return ring.Success + 1 + ring.Outcome(c.orOther()) }

// orOther returns c, or CategoryOther if c is no category.
func (c Category) orOther() Category {
	if c >= categories {
		return CategoryOther
	}
	return c
}

// String returns "other", "timeout", "validation" or "network". For a value
// that is no category it returns "Category(9)".
func (c Category) String() string { return categoryEnum.String(c) }

// MarshalText returns the name that String does. A value that is no category is
// an error.
func (c Category) MarshalText() ([]byte, error) { return categoryEnum.MarshalText(c) }

// UnmarshalText reads a name that MarshalText wrote. On an error it leaves the
// category unchanged.
func (c *Category) UnmarshalText(text []byte) error { return categoryEnum.UnmarshalText(text, c) }
