// Package helper runs user code off the goroutine that caused it: a lock-free queue, and one goroutine that exists
// only while there is something in it. Callbacks, log warnings and folding each have a queue of their own, so that a
// slow one holds up nothing but itself.
//
// # The model
//
// A [Queue] is a linked list of cells, numbered 1, 2, 3 … in queue order, and three words:
//
//	head        the last cell taken; the waiting ones follow it
//	running     whether a helper owns the right to deliver
//	delivering  the number of the cell the helper announced, 0 for none
//
// A Put links a cell, starts a helper if none is running, and takes the oldest waiting cells away if more than the
// limit wait. The helper announces the oldest waiting cell, takes it, delivers it, withdraws the announcement, and
// ends when nothing waits. Taking is a CAS on head, for the helper and for a Put that drops alike: its winner alone
// owns the item, which is therefore delivered once or dropped once, never both.
//
// Two pairs of accesses see to it that no wake-up is lost. In each, one side writes A and then reads B, the other
// writes B and then reads A. Atomic operations in Go have one total order, so that at least one sees the other's write:
//
//	Put:   link the cell, then read running        helper: clear running, then look for a cell
//	Flush: install a channel, then read progress   helper, Put: make progress, then look for a channel
//
// A third sees to it that no Flush returns early. The helper announces a cell before it moves head to it, and Flush
// reads head before the announcement: if it finds the cell taken, it finds the announcement, until that is withdrawn.
//
// # Guarantees
//
// Items are delivered one at a time, in queue order, each once, unless dropped; what one delivery did happens before
// the next. The items of one goroutine are queued in the order it put them. A Put that has returned needs no
// other Put to finish for its item to be delivered, unless that one is just starting the helper.
// A delivery that panics, or ends its goroutine, costs that item only. There is no Close and nothing to leak: a queue
// without items is plain memory, which nothing refers to but its user, and it keeps no item alive.
//
// # Performance
//
// A Put is two locked instructions and one allocation, its cell; dropping an item adds two, starting the helper one
// and a go statement. The helper spends three on an item. "go test -bench Put ./internal/helper" has the figures.
package helper
