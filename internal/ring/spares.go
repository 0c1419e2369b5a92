package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// spares are slots of segments to be used again: a stack of whole segments' slots. An entry never changes and is pushed
// once, so that a compare-and-swap of the top that succeeds has found the stack as it was.
type spares struct{ top atomic.Pointer[spare] }

type spare struct {
	slots []atomic.Uint64
	below *spare
	all   int // slots, with those of all below
}

// push adds slots, unless there would be more than limit of them, or others come before it again and again.
func (s *spares) push(slots []atomic.Uint64, limit int) {
	for range attempts {
		top := s.top.Load()
		all := len(slots) + top.total()
		if all > limit {
			return
		}
		step.At(step.Aimed)
		if s.top.CompareAndSwap(top, &spare{slots, top, all}) {
			return
		}
	}
}

// pop takes the slots of a segment away; nil if there are none, or others come before it again and again.
func (s *spares) pop() []atomic.Uint64 {
	for range attempts {
		top := s.top.Load()
		if top == nil {
			break
		}
		step.At(step.Aimed)
		if s.top.CompareAndSwap(top, top.below) {
			return top.slots
		}
	}
	return nil
}

func (s *spare) total() int {
	if s == nil {
		return 0
	}
	return s.all
}
