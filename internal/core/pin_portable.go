//go:build !gc || nodemetrics_portable || nodemetrics_step

package core

import (
	"sync"
	"sync/atomic"
)

var (
	made atomic.Int64
	pool = sync.Pool{New: func() any { id := made.Add(1) - 1; return &id }}
)

// Pins tells whether Pin keeps the caller on its processor.
const Pins = false

// Pin returns a number that goroutines running on one processor tend to share, from 0: tokens live in a sync.Pool,
// which keeps one for each processor at hand. The caller is not kept from running elsewhere.
func Pin() int {
	token := pool.Get().(*int64)
	id := int(*token)
	pool.Put(token)
	return id
}

// Unpin does nothing.
func Unpin() {}
