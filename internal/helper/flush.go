package helper

import "context"

// Flush waits until every item put before the call has been delivered (and its failure, if any, reported) or dropped,
// or until ctx ends; then it returns ctx.Err(). What the deliveries did happens before Flush returns nil.
// When there is nothing to wait for it returns nil, even if ctx has ended. Items put later are not waited for.
//
// Within a delivery Flush waits for that delivery itself, that is, until ctx ends.
func (q *Queue[T]) Flush(ctx context.Context) error {
	return q.await(ctx, q.last().seq)
}

// await waits until the cells up to target are done, or until ctx ends.
func (q *Queue[T]) await(ctx context.Context, target uint64) error {
	for !q.done(target) {
		progress := q.progress()
		if q.done(target) { // made before the channel was in place
			break
		}
		select {
		case <-progress:
		case <-ctx.Done():
			if !q.done(target) {
				return ctx.Err()
			}
		}
	}
	return nil
}

// done reports whether all cells up to target are delivered or dropped: taken, and none of them in delivery.
// The order of the two reads matters: in the other one, the helper could announce and take a cell between them.
func (q *Queue[T]) done(target uint64) bool {
	if q.head.Load().seq < target {
		return false
	}
	s := q.delivering.Load()
	return s == 0 || s > target
}

// progress returns a channel that is closed when something has been settled or dropped after the call.
func (q *Queue[T]) progress() <-chan struct{} {
	for {
		if p := q.waiters.Load(); p != nil {
			return *p
		}
		c := make(chan struct{})
		if q.waiters.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

// wake comes after whatever can make done true: a drop, an announcement withdrawn. As a Flush looks again after it has
// installed its channel, one of the two sees the other.
func (q *Queue[T]) wake() {
	if q.waiters.Load() == nil {
		return
	}
	if p := q.waiters.Swap(nil); p != nil {
		close(*p)
	}
}
