//go:build amd64 && !race && !nodemetrics_portable

package release

import (
	"sync/atomic"
	"unsafe"
)

// Store stores v in at. The caller is the only writer of the word until somebody else acquires what it is part of, and
// stores it once in that time. Whoever loads v atomically sees all that the caller stored before.
//
// On amd64 every store is one with release order, while atomic.Store is an XCHG, which waits for all stores before it:
// with it a record takes 36 ns in place of 13. The compiler keeps stores to different words in their order and emits one
// instruction for each, but may leave out one that another to the same word follows. Go's memory model does not promise
// the former: so the race detector's build, and nodemetrics_portable, have the twin.
func Store(at *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(at)) = v }
