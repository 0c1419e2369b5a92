package helper

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// A Queue delivers its items one at a time and in queue order. The delivering
// goroutine exists only while an item waits. Make one with [New]; the zero
// Queue is not usable. All methods are safe for concurrent use, also from
// within a delivery.
type Queue[T any] struct {
	list[T]
	limit   uint64
	deliver func(T)
	failed  func(any)
	work    func() // run, bound once: a go statement with a plain func value allocates no closure
	dropped atomic.Uint64

	// state is never nil. While its channel is nil, any goroutine may start a
	// helper by a CAS. Then the helper alone replaces the state.
	state atomic.Pointer[state]
}

// A state is immutable.
type state struct {
	settled uint64 // the cells up to this number are delivered or dropped
	// Closed after the helper has replaced the state; nil while no helper runs.
	replaced chan struct{}
	// The helper runs in a synctest bubble, and replaced belongs to that
	// bubble.
	bubbled bool
}

// New returns an empty queue in which at most limit items wait, without the
// item in delivery.
//
// When deliver panics, the helper calls failed with the recovered value, while
// the stack of the panic still stands. When deliver ends the goroutine, the
// helper calls failed with [ErrGoexit]. Then it delivers the next item. It
// swallows a panic in failed. A nil failed is not called.
//
// New panics when limit is below 1 or deliver is nil.
func New[T any](limit int, deliver func(T), failed func(recovered any)) *Queue[T] {
	if limit < 1 {
		panic("helper.New: limit below 1")
	}
	if deliver == nil {
		panic("helper.New: nil deliver")
	}
	q := &Queue[T]{limit: uint64(limit), deliver: deliver, failed: failed}
	q.init()
	q.state.Store(&state{})
	q.work = q.run
	return q
}

// Put queues the item and returns at once. Put never waits for another
// goroutine, and runs no user code. If more items than the limit wait, Put
// drops the oldest.
func (q *Queue[T]) Put(item T) {
	seq := q.push(item)
	q.start()
	q.trim(seq)
}

// Dropped returns how many items have been dropped since New. A Put counts the
// items that it drops before it returns. A concurrent Flush may return before.
func (q *Queue[T]) Dropped() uint64 {
	return q.dropped.Load()
}

// Flush waits until every item put before the call was dropped, or was
// delivered and its failure reported. If ctx ends first, Flush returns
// ctx.Err(). The deliveries happen before Flush returns nil. If there is
// nothing to wait for, it returns nil, even if ctx has ended. Flush does not
// wait for items put later.
//
// Within a delivery Flush waits for that delivery itself, that is, until ctx
// ends.
func (q *Queue[T]) Flush(ctx context.Context) error {
	for target := q.last().seq; ; {
		s := q.state.Load()
		if s.settled >= target {
			return nil
		}
		if s.replaced == nil { // the Put that linked the last cell is held up
			q.start()
			continue
		}
		replaced := s.replaced
		var again <-chan time.Time
		if s.bubbled != clock.Bubbled() {
			replaced, again = nil, time.After(interval)
		}
		select {
		case <-replaced:
		case <-again:
		case <-ctx.Done():
			if q.state.Load().settled < target {
				return ctx.Err()
			}
		}
	}
}

// interval is how often Flush polls a helper of the other side. In a bubble an
// interval takes next to no real time, and the helper outside goes on
// meanwhile.
const interval = 100 * time.Microsecond

// trim drops the oldest waiting cells until at most limit wait up to seq. trim
// takes from the very head that it judged. With another head, two Puts would
// drop three cells for two too many.
func (q *Queue[T]) trim(seq uint64) {
	for {
		h := q.head.Load()
		if h.seq+q.limit >= seq { // not seq-h.seq: head may have passed seq
			return
		}
		if _, ok := q.take(h, h.next.Load()); ok {
			q.dropped.Add(1)
		}
	}
}
