package helper

import "sync/atomic"

// list is the queue of Michael and Scott ("Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
// Algorithms", PODC 1996), with numbered cells. Nothing is ever unlinked or reused: a cell is garbage once head and
// tail have passed it, and the collector, by keeping what anybody still looks at, rules the ABA problem out.
type list[T any] struct {
	head atomic.Pointer[cell[T]] // the last cell taken, at first a dummy; those behind it wait. Only moves to the next.
	tail atomic.Pointer[cell[T]] // the last cell linked, or the one before it; head may pass it by one
}

type cell[T any] struct {
	next atomic.Pointer[cell[T]] // nil in the last cell only; set once
	seq  uint64                  // the predecessor's plus one; fixed before the cell is linked
	item T                       // written before the cell is linked, then owned by whoever moves head to the cell
}

func (l *list[T]) init() {
	dummy := new(cell[T])
	l.head.Store(dummy)
	l.tail.Store(dummy)
}

// push links a cell with the item behind the last and returns its number.
func (l *list[T]) push(item T) uint64 {
	c := &cell[T]{item: item}
	for {
		last := l.last()
		c.seq = last.seq + 1
		if last.next.CompareAndSwap(nil, c) {
			l.tail.CompareAndSwap(last, c) // on failure somebody else has moved it, see last
			return c.seq
		}
	}
}

// last returns the last cell. Every cell linked before the call is it or before it.
func (l *list[T]) last() *cell[T] {
	for {
		t := l.tail.Load()
		n := t.next.Load()
		if n == nil {
			return t
		}
		l.tail.CompareAndSwap(t, n) // the Put that linked n is held up: move tail in its place
	}
}

// Empty reports whether no cell waits. The item in delivery does not wait.
func (l *list[T]) Empty() bool {
	return l.head.Load().next.Load() == nil
}

// take moves head from h to n, the cell after it. The item belongs to the caller who succeeds; the list forgets it.
func (l *list[T]) take(h, n *cell[T]) (item T, ok bool) {
	if !l.head.CompareAndSwap(h, n) {
		return item, false
	}
	item, n.item = n.item, item
	return item, true
}
