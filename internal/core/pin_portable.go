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

// Pin returns a number from 0, which goroutines on the same processor tend to
// share. The numbers are tokens in a sync.Pool, which keeps a token at hand for
// each processor. The caller may move to another processor meanwhile.
func Pin() int {
	token := pool.Get().(*int64)
	id := int(*token)
	pool.Put(token)
	return id
}

// Unpin does nothing.
func Unpin() {}
