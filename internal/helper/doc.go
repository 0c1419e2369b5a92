// Package helper runs user code off the goroutine that caused it. A [Queue] is
// lock-free, and its helper goroutine exists only while an item waits.
// Callbacks, log warnings and folding each have a queue, so a slow callback
// holds up nothing else.
//
// # The model
//
// A queue is a linked list of cells, numbered 1, 2, 3, … in queue order, and
// two words:
//
//	head   the last cell taken; the waiting cells follow it
//	state  settled, the number up to which every cell is delivered or dropped;
//	       and a channel, nil while no helper runs
//
// A Put links a cell, starts a helper if none runs, and drops the oldest
// waiting cells beyond the limit. The helper takes the oldest waiting cell,
// delivers it, and ends when no cell waits. Helper and Put both take by a CAS
// on head. The winner alone owns the item, so the item is delivered once or
// dropped once.
//
// The starter of a helper puts a state with a new channel in place, by a CAS
// that only a state without a channel allows. So there is never a second
// helper. From then on the helper alone replaces the state, and closes the
// channel of the old state afterwards. After the helper has taken a cell, all
// cells before it are settled, because the helper has delivered the others or
// a Put has dropped them. When no cell waits, all cells up to head are
// settled.
//
// A wake-up cannot be lost. The Put links the cell and then reads the state.
// The helper gives its channel up and then looks for a cell. Atomic operations
// of Go have a total order, so the Put or the helper sees the write of its
// partner. A Flush reads settled and the channel as one word. If the settled of
// that word is too low, the helper closes the channel of that word later.
//
// # Bubbles
//
// A testing/synctest bubble owns the channels that its goroutines make. A
// goroutine outside that touches such a channel ends the process. The starter
// makes the channel, and a goroutine and its starter are in the same bubble or
// in none. So the helper closes only channels of its own side. A Flush on a
// different side leaves the channel alone and polls settled. One queue must not
// be used in two bubbles at a time.
//
// # Guarantees
//
// Items are delivered one at a time, in queue order. A delivery happens before
// the next delivery. The items of one goroutine are queued in the order in
// which it put them. If a Put has returned, its item needs no other Put to be
// delivered, unless that Put is just starting the helper. A delivery that
// panics, or ends its goroutine, costs its item only. There is no Close and no
// leak, because a queue without items is plain memory. It keeps no item alive.
//
// # Performance
//
// A Put is two locked instructions and one allocation, its cell. Dropping an
// item adds two instructions. Starting the helper adds one, a go statement and
// two allocations. "go test -bench Put ./internal/helper" has the figures.
package helper
