//go:build nodemetrics_portable

package order

// sorts tells whether ByAddress sorts.
const sorts = false

// ByAddress leaves the order as it is.
func ByAddress[T any]([]*T) {}
