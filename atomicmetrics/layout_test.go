package atomicmetrics

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/pad"
)

// The allocator puts a header of 8 bytes in front of some objects, which depends
// on the version of Go and on the platform.
func TestTheRingOfANodeBeginsACacheLine(t *testing.T) {
	if pad.Line != 64 || unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("a node's size is not whole lines here, and a ring across two lines is only slower")
	}
	for _, window := range []int{1, DefaultWindowSize, 1000} {
		c, err := New(WithWindowSize(window))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			n := c.Node(fmt.Sprint(i))
			n.RecordSuccess(1)
			if at := uintptr(unsafe.Pointer(&n.life.State().Ring)); at%pad.Line != 0 {
				t.Fatalf("window %d: the ring of node %d begins at %#x", window, i, at)
			}
		}
	}
}
