package helper

import "context"

// Flush waits until every item put before the call has been delivered (and its failure, if any, reported) or dropped,
// or until ctx ends; then it returns ctx.Err(). What the deliveries did happens before Flush returns nil.
// When there is nothing to wait for it returns nil, even if ctx has ended. Items put later are not waited for.
//
// Within a delivery Flush waits for that delivery itself, that is, until ctx ends.
func (q *Queue[T]) Flush(ctx context.Context) error {
	target := q.last().seq
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
// The order of the two reads matters. The helper announces a cell before it takes it; so whoever sees it taken sees
// the announcement, until it is settled. The other way round, the helper could announce and take between the reads.
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

// wake follows whatever can make done true: a settled announcement, a drop. It comes after it, as a Flush looks again
// after it has installed its channel: one of the two sees the other.
func (q *Queue[T]) wake() {
	if q.waiters.Load() == nil {
		return
	}
	if p := q.waiters.Swap(nil); p != nil {
		close(*p)
	}
}
