//go:build !nodemetrics_portable

package order

import (
	"cmp"
	"slices"
	"unsafe"
)

// sorts tells whether ByAddress sorts.
const sorts = true

// ByAddress sorts pointers by the addresses of their objects.
func ByAddress[T any](pointers []*T) {
	slices.SortFunc(pointers, func(a, b *T) int {
		return cmp.Compare(uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(b)))
	})
}
