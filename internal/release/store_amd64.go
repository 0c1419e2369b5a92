//go:build amd64 && !race && !nodemetrics_portable

package release

import (
	"sync/atomic"
	"unsafe"
)

// Store stores v in at. The caller is the only writer of the word until another
// goroutine acquires the structure around the word. Until then the caller
// stores the word only once. A goroutine that loads v atomically sees
// everything that the caller stored before.
//
// On amd64 every store has release order. An atomic.Store is an XCHG, which
// waits for all stores before it, so a record would take 36 ns in place of 13.
// The compiler keeps stores to different words in their order and emits one
// instruction for each. It may leave a store out if another store to the same
// word follows. Go's memory model promises neither order nor single
// instructions. So the race detector's build and nodemetrics_portable use the
// portable twin.
func Store(at *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(at)) = v }
