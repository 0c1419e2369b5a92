package peer

import (
	"sync/atomic"
	"time"
)

// Add is the yardstick, with one atomic.Add a record. It keeps nothing.
type Add struct{ word atomic.Uint64 }

// RecordSuccess adds.
func (a *Add) RecordSuccess(time.Duration) { a.word.Add(1) }

// RecordFailure adds.
func (a *Add) RecordFailure(time.Duration, error) { a.word.Add(1) }

// RecordRetry adds.
func (a *Add) RecordRetry(int) { a.word.Add(1) }

// Loop is n times the bare instruction.
func (a *Add) Loop(n int) {
	for range n {
		a.word.Add(1)
	}
}
