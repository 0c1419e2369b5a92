//go:build nodemetrics_step

package step

import "slices"

// Explore runs threads in every order of their steps with at most so many
// preemptions, and returns the number of these orders. A thread is preempted if
// another thread goes on before the first has ended. For each order Explore
// calls start for fresh threads. Each thread runs on a goroutine of its own,
// one thread at a time, from step to step. After each such turn it calls check
// with the threads of the turns so far and whether all have ended. If check
// returns false, Explore lets the threads end and stops.
//
// A thread must pass no step while it holds a lock that another thread needs.
func Explore(preemptions int, start func() (threads []func(), check func(turns []int, ended bool) bool)) (orders int) {
	defer Hook(nil)
	for choices, more := []int{}, true; more; orders++ {
		threads, check := start()
		choices, more = explore(choices, preemptions, threads, check)
	}
	return orders
}

// explore runs a single order. The first choices are given, and the rest are 0.
// It returns the first choices of the next order, and whether there is a next
// order.
func explore(choices []int, preemptions int, threads []func(), check func([]int, bool) bool) (next []int, more bool) {
	stopped := make(chan bool) // whether the running thread has ended
	resume := make([]chan struct{}, len(threads))
	var running int
	Hook(func(Step) {
		proceed := resume[running]
		stopped <- false
		<-proceed
	})
	var alive, turns []int // the running thread is the first, unless it has ended
	for i, f := range threads {
		resume[i] = make(chan struct{})
		alive = append(alive, i)
		go func() {
			<-resume[i]
			f()
			stopped <- true
		}()
	}
	ok, ended := true, true
	for turn := 0; len(alive) > 0; turn++ {
		if turn == len(choices) {
			choices = append(choices, 0)
		}
		choice := choices[turn]
		if choice > 0 && !ended {
			preemptions--
		}
		if choice+1 < len(alive) && (ended || preemptions > 0) {
			next, more = append(slices.Clone(choices[:turn]), choice+1), true
		}
		running = alive[choice]
		turns = append(turns, running)
		alive = slices.Delete(alive, choice, choice+1)
		resume[running] <- struct{}{}
		if ended = <-stopped; !ended {
			alive = slices.Insert(alive, 0, running)
		}
		ok = ok && check(turns, len(alive) == 0)
	}
	return next, more && ok
}
