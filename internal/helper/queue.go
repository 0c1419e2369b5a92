package helper

import "sync/atomic"

// A Queue delivers what is put into it, one item at a time and in queue order, on a goroutine that exists only while
// there is something to deliver. Make one with [New]; the zero Queue is not usable. All methods are safe for
// concurrent use, also from within a delivery.
type Queue[T any] struct {
	list[T]
	limit   uint64
	deliver func(T)
	failed  func(any)
	work    func() // run, bound once: a go statement with a plain func value allocates no closure

	// running is the right to deliver. Who turns it from false to true owns it and starts the helper, which gives it
	// back as its last act. So there is never a second one.
	running atomic.Bool

	// delivering is the number of the cell that the helper is about to take, or has taken and not yet settled; else 0.
	// Written by the owner of running only. It may name a cell that a Put drops under the helper's hand.
	delivering atomic.Uint64

	dropped atomic.Uint64
	waiters atomic.Pointer[chan struct{}] // closed, and removed, at the next progress; nil while no Flush waits
}

// New returns an empty queue in which at most limit items wait, the one in delivery not counted.
//
// When deliver panics, failed is called with the recovered value, on the same goroutine and while the stack of the
// panic still stands; when deliver ends the goroutine, failed is called with [ErrGoexit]. Then the next item is
// delivered. A panic in failed is swallowed. A nil failed is not called.
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
	q.work = q.run
	return q
}

// Put queues the item and returns at once: it never waits for another goroutine, and runs no user code. Where more
// than the limit wait, it drops the oldest.
func (q *Queue[T]) Put(item T) {
	seq := q.push(item)
	q.start()
	q.trim(seq)
}

// Dropped returns how many items have been dropped since New. A Put counts what it drops before it returns, but maybe
// not before a Flush that met it on its way.
func (q *Queue[T]) Dropped() uint64 {
	return q.dropped.Load()
}

// trim drops the oldest waiting cells until at most limit wait up to seq. It takes from the very head that it judged:
// with another one, two Puts would drop three cells for two too many.
func (q *Queue[T]) trim(seq uint64) {
	for {
		h := q.head.Load()
		if h.seq+q.limit >= seq { // not seq-h.seq: head may have passed seq
			return
		}
		if _, ok := q.take(h, h.next.Load()); ok {
			q.dropped.Add(1)
			q.wake()
		}
	}
}
