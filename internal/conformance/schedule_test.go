//go:build nodemetrics_step

package conformance

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// A scheduler runs functions beside each other until all have returned.
type scheduler func(seed uint64, functions []func())

// inTurns is a scheduler that lets one function run at a time. At every step of
// a record, a read or a reset it throws dice for the function that goes on. So
// it reaches orders that the machine would take years to reach. One seed always
// gives the same order, unless a goroutine looks at a window. Such a goroutine
// and its timer run beside the schedule. A function must not block. Only a reset
// may, because it says so by step.Waiting.
func inTurns(seed uint64, functions []func()) {
	t := &turns{random: rand.New(rand.NewPCG(seed, 1)), finished: make(chan struct{}), scheduled: map[string]bool{}}
	t.often = []int{1, 2, 8, 30}[t.random.IntN(4)]
	t.stall = t.random.IntN(150 * len(functions)) // often behind the last step
	for _, f := range functions {
		r := &runner{turn: make(chan struct{}), began: make(chan string)}
		t.runners = append(t.runners, r)
		go func() {
			r.began <- goroutine()
			<-r.turn
			f()
			r.done = true
			t.next(false)
		}()
	}
	for _, r := range t.runners {
		t.scheduled[<-r.began] = true
	}
	step.Pick(func(id int) int {
		if !t.scheduled[goroutine()] {
			return id
		}
		return t.random.IntN(4)
	})
	step.Hook(t.at)
	t.now = t.runners[t.random.IntN(len(functions))]
	t.now.turn <- struct{}{}
	<-t.finished
	step.Hook(nil)
	step.Pick(nil)
}

// turns belong to the one goroutine that runs.
type turns struct {
	random  *rand.Rand
	often   int // one step in so many is a switch
	stall   int // the step at which the one that runs is put off until the others have nothing left to do
	steps   int
	runners []*runner
	now     *runner // the one that runs

	scheduled map[string]bool // the goroutines of runners; it does not change while they run
	finished  chan struct{}
}

type runner struct {
	turn         chan struct{} // received from: it goes on
	began        chan string   // its goroutine is sent
	done, putOff bool
}

// goroutine names the goroutine of the caller.
func goroutine() string {
	var buffer [32]byte
	text := buffer[:runtime.Stack(buffer[:], false)]
	return string(text[:bytes.IndexByte(text, '[')])
}

func (t *turns) at(s step.Step) {
	if !t.scheduled[goroutine()] {
		return
	}
	if t.steps++; t.steps == t.stall {
		t.now.putOff = true
	}
	if s == step.Waiting || t.now.putOff || t.random.IntN(t.often) == 0 {
		t.next(s == step.Waiting)
	}
}

// next lets somebody go on: not the one that runs, if it waits for another.
func (t *turns) next(waits bool) {
	me := t.now
	if waits && t.random.IntN(16) == 0 { // it may be waiting for one that was put off
		for _, r := range t.runners {
			r.putOff = false
		}
	}
	for {
		var ready []*runner
		for _, r := range t.runners {
			if !r.done && !r.putOff && !(r == me && waits) {
				ready = append(ready, r)
			}
		}
		if len(ready) > 0 {
			t.now = ready[t.random.IntN(len(ready))]
			break
		}
		left := false
		for _, r := range t.runners {
			left, r.putOff = left || r.putOff && !r.done, false
		}
		if !left {
			if me.done {
				close(t.finished)
			}
			return
		}
	}
	if t.now == me {
		return
	}
	t.now.turn <- struct{}{}
	if !me.done {
		<-me.turn
	}
}

// atOnce is a scheduler that lets the functions run on as many cores as there are, and yield at random steps.
func atOnce(seed uint64, functions []func()) {
	var dice atomic.Uint64
	dice.Store(seed)
	step.Hook(func(step.Step) {
		if x := dice.Add(0x9e3779b97f4a7c15); (x^x>>29)*0xbf58476d1ce4e5b9>>62 == 0 {
			runtime.Gosched()
		}
	})
	defer step.Hook(nil)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for _, f := range functions {
		wg.Go(func() {
			<-begin
			f()
		})
	}
	close(begin)
	wg.Wait()
}
