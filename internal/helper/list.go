package helper

import "sync/atomic"

// list is the queue of Michael and Scott ("Simple, Fast, and Practical
// Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996), with
// numbered cells. No cell is ever unlinked or reused. A cell is garbage once
// head and tail have passed it. The garbage collector keeps each cell while a
// goroutine still looks at it, so there is no ABA problem.
type list[T any] struct {
	// The last cell taken, at first a dummy; moves only to the next cell; cells
	// behind head wait.
	head atomic.Pointer[cell[T]]
	// The last cell linked, or its predecessor; head may pass tail by a cell.
	tail atomic.Pointer[cell[T]]
}

type cell[T any] struct {
	next atomic.Pointer[cell[T]] // nil in the last cell only; set once
	seq  uint64                  // the predecessor's plus 1; fixed before the cell is linked
	// Written before the cell is linked, then owned by the goroutine that moves
	// head here.
	item T
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
			l.tail.CompareAndSwap(last, c) // on failure another goroutine has moved tail, see last
			return c.seq
		}
	}
}

// last returns the last cell. No cell that was linked before the call comes
// after the last cell.
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

// take moves head from h to n, the cell after it. If take succeeds, the item
// belongs to the caller and the list forgets it.
func (l *list[T]) take(h, n *cell[T]) (item T, ok bool) {
	if !l.head.CompareAndSwap(h, n) {
		return item, false
	}
	item, n.item = n.item, item
	return item, true
}
