package order

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

func TestByAddressKeepsAllPointersAndSorts(t *testing.T) {
	var block [1000]struct{ n int }
	pointers := make([]*struct{ n int }, len(block))
	want := map[*struct{ n int }]bool{}
	for i := range block {
		pointers[i] = &block[i]
		want[&block[i]] = true
	}
	rand.Shuffle(len(pointers), func(i, j int) { pointers[i], pointers[j] = pointers[j], pointers[i] })
	ByAddress(pointers)

	got := map[*struct{ n int }]bool{}
	for _, p := range pointers {
		got[p] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d different pointers, want the %d that were given", len(got), len(want))
	}
	sorted := slices.IsSortedFunc(pointers, func(a, b *struct{ n int }) int {
		return int(uintptr(unsafe.Pointer(a))) - int(uintptr(unsafe.Pointer(b)))
	})
	if sorted != sorts {
		t.Errorf("sorted: %t, want %t in this build", sorted, sorts)
	}
}
