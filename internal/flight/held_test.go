//go:build nodemetrics_step

package flight

import (
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// TestEveryOrderOfSteps runs executions in every order of their steps with at
// most four preemptions.
func TestEveryOrderOfSteps(t *testing.T) {
	type scenario struct {
		*Set
		first Execution
	}
	run := func(s scenario) { s.End(s.Begin(2)) }
	end := func(s scenario) { s.End(s.first) }
	reset := func(s scenario) { s.Reset() }
	for _, row := range []struct {
		name    string
		free    int // slots, before the first execution
		threads []func(scenario)
	}{
		{"timed, ended twice", 8, []func(scenario){run, end, end}},
		{"untimed, ended twice", 0, []func(scenario){run, end, end}},
		{"two for the last slot", 2, []func(scenario){run, run, end}},
		{"a reset", 8, []func(scenario){run, end, reset}},
	} {
		t.Run(row.name, func(t *testing.T) {
			orders := step.Explore(4, func() ([]func(), func([]int, bool) bool) {
				step.Hook(nil)
				s := scenario{Set: withSlots(row.free)}
				if s.first = s.Begin(1); (s.first.slot == nil) != (row.free == 0) {
					t.Fatal("the slots are not as they should be")
				}
				var threads []func()
				for _, f := range row.threads {
					threads = append(threads, func() { f(s) })
				}
				most := 1 + len(row.threads)
				return threads, func(turns []int, ended bool) bool {
					running, highest := s.Running(), int(s.count.Load()>>highestShift)
					if running < 0 || running > highest || highest > most || ended && running != 0 {
						t.Errorf("after the turns %v: %d running, highest %d of at most %d, ended: %v",
							turns, running, highest, most, ended)
						return false
					}
					return true
				}
			})
			t.Logf("%d orders", orders)
		})
	}
}

// withSlots returns a Set with so many free slots, all in the first block.
func withSlots(free int) *Set {
	s := new(Set)
	first := following(&s.blocks, firstSlots)
	for i := free; i < len(first.slots); i++ {
		first.slots[i].Store(busy)
	}
	if free < firstSlots { // the other blocks are as full as they can be
		first.next.Store(&block{slots: fullBlock})
	}
	return s
}

// fullBlock is the slots of a block that is full, and the last one by its size.
var fullBlock = func() []atomic.Uint64 {
	slots := make([]atomic.Uint64, mostSlots)
	for i := range slots {
		slots[i].Store(busy)
	}
	return slots
}()
