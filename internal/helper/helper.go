package helper

import (
	"errors"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// ErrGoexit is given to the failed function of [New] when a delivery ended its
// goroutine by [runtime.Goexit]. Under GODEBUG=panicnil=1 ErrGoexit also stands
// for panic(nil), which looks the same.
var ErrGoexit = errors.New("runtime.Goexit was called")

// start starts a helper if an item waits and no helper runs. Every link and
// every end of a helper is followed by a call, so no cell is left behind. The
// look for a waiting item keeps ending helpers from starting one another for
// ever.
func (q *Queue[T]) start() {
	s := q.state.Load()
	if s.replaced == nil && !q.Empty() && q.state.CompareAndSwap(s, running(s.settled)) {
		go q.work()
	}
}

// running returns the state of a queue whose helper runs on the caller's side.
func running(settled uint64) *state {
	return &state{settled, make(chan struct{}), clock.Bubbled()}
}

// run is the helper. It ends when no item waits or when a delivery ends the
// goroutine. retire treats both alike, because recover cannot always tell
// Goexit from a panic.
func (q *Queue[T]) run() {
	defer q.retire()
	for {
		h := q.head.Load()
		n := h.next.Load()
		if n == nil {
			return
		}
		if item, ok := q.take(h, n); ok {
			q.settle(n.seq - 1)
			q.handle(item)
		}
	}
}

// settle lets Flush know that the cells up to seq are settled.
func (q *Queue[T]) settle(seq uint64) {
	if q.state.Load().settled < seq {
		q.replace(running(seq))
	}
}

// retire gives the right to deliver back, and only then looks for an item that
// came meanwhile.
func (q *Queue[T]) retire() {
	q.replace(&state{settled: q.head.Load().seq})
	q.start()
}

// replace puts s in place of the helper's state and wakes the Flushes that
// wait.
func (q *Queue[T]) replace(s *state) { close(q.state.Swap(s).replaced) }

// handle delivers the item and reports a failure.
func (q *Queue[T]) handle(item T) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil {
			v = ErrGoexit
		}
		q.report(v)
	}()
	q.deliver(item)
	returned = true
}

func (q *Queue[T]) report(v any) {
	defer func() { _ = recover() }()
	if q.failed != nil {
		q.failed(v)
	}
}
