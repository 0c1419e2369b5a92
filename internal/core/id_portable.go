//go:build !gc || nodemetrics_portable

package core

import (
	"sync"
	"sync/atomic"
)

var (
	made atomic.Int64
	pool = sync.Pool{New: func() any { id := made.Add(1) - 1; return &id }}
)

// ID returns a number that goroutines running on one processor tend to share, from 0: tokens live in a sync.Pool,
// which keeps one for each processor at hand.
func ID() int {
	token := pool.Get().(*int64)
	id := int(*token)
	pool.Put(token)
	return id
}
