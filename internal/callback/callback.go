// Package callback calls the functions of the user with events, one at a time
// and in the order in which the events were put. A function that panics, ends
// its goroutine, or does not return, holds up no goroutine that puts an event.
// [Ask] calls a function of the user on the goroutine that needs its answer.
package callback

import (
	"context"

	"github.com/nodemetrics/nodemetrics/internal/helper"
	"github.com/nodemetrics/nodemetrics/internal/warn"
)

// Rules are the functions of a [Queue].
type Rules[E any] struct {
	Limit int       // how many events wait for a slow function, at least 1
	Calls []func(E) // the functions of the user

	// Failed is called if a function did not return. The stack of the panic, or
	// of runtime.Goexit, still stands. recovered is nil for Goexit. held is how
	// many failures of this function were held back since the last call. The
	// queue calls Failed at most once a second for each function.
	Failed func(event E, recovered any, held uint64)

	// Dropped is called with how many events were dropped for slow functions
	// since the last call: once a second, and when no event waits.
	Dropped func(n uint64)
}

// A Queue delivers events. Make one with [New]. A nil Queue delivers nothing.
// It is safe for concurrent use.
type Queue[E any] struct {
	rules  Rules[E]
	queue  *helper.Queue[*delivery[E]]
	failed []warn.Limiter // by function
	drops  warn.Drops
}

// A delivery is an event on its way through the functions.
type delivery[E any] struct {
	event E
	next  int // the function to call next
}

// New returns a queue, nil if there are no functions.
func New[E any](rules Rules[E]) *Queue[E] {
	if len(rules.Calls) == 0 {
		return nil
	}
	q := &Queue[E]{rules: rules, failed: make([]warn.Limiter, len(rules.Calls))}
	q.queue = helper.New(rules.Limit, q.deliver, nil)
	return q
}

// Put queues an event. It waits for nobody.
func (q *Queue[E]) Put(event E) {
	q.queue.Put(&delivery[E]{event: event})
	q.tellDropped()
}

// Dropped returns how many events were dropped since New.
func (q *Queue[E]) Dropped() uint64 {
	if q == nil {
		return 0
	}
	return q.queue.Dropped()
}

// Flush waits until every event of before the call was delivered or dropped. If
// ctx ends first, Flush returns its error.
func (q *Queue[E]) Flush(ctx context.Context) error {
	if q == nil {
		return nil
	}
	return q.queue.Flush(ctx)
}

func (q *Queue[E]) tellDropped() {
	if n, ok := q.drops.Pass(q.queue.Dropped(), q.queue.Empty()); ok {
		q.rules.Dropped(n)
	}
}

// deliver calls the functions that have not been called with the event yet.
func (q *Queue[E]) deliver(d *delivery[E]) {
	q.tellDropped()
	for d.next < len(q.rules.Calls) {
		q.call(d)
	}
}

// call calls the next function. If the function ends its goroutine, call also
// calls the functions behind it. The next event finds another goroutine.
func (q *Queue[E]) call(d *delivery[E]) {
	i, returned := d.next, false
	d.next++
	defer func() {
		if returned {
			return
		}
		recovered := recover()
		if held, ok := q.failed[i].Pass(); ok {
			q.rules.Failed(d.event, recovered, held)
		}
		if recovered == nil {
			q.deliver(d)
		}
	}()
	q.rules.Calls[i](d.event)
	returned = true
}

// Ask returns the answer of a function of the user. If the function does not
// return, Ask calls failed and returns the zero answer. The stack of the panic,
// or of runtime.Goexit, still stands then. recovered is nil for Goexit.
func Ask[A, R any](f func(A) R, about A, failed func(recovered any)) (answer R) {
	returned := false
	defer func() {
		if !returned {
			failed(recover())
		}
	}()
	answer = f(about)
	returned = true
	return answer
}
