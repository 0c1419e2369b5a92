//go:build nodemetrics_step

package flight

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
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

// TestEveryOrderOfStepsAtTheLimit runs a timer that fires, and executions that
// are overdue or not, in every order of their steps with at most three
// preemptions. The timer of the first executions is late by a minute at
// most. So it fits the others.
func TestEveryOrderOfStepsAtTheLimit(t *testing.T) {
	const limit = time.Hour
	type scenario struct {
		*Set
		first, second Execution
	}
	now := clock.Now()
	old := now - int64(limit+time.Minute)
	fire := func(s scenario) {
		if plan := s.plan.Load(); plan&timer == timer {
			s.fired(plan)
		}
	}
	defer func(f func(time.Duration, func())) { afterFunc = f }(afterFunc)
	afterFunc = func(time.Duration, func()) {}
	endFirst := func(s scenario) { s.End(s.first) }
	endSecond := func(s scenario) { s.End(s.second) }
	begin := func(s scenario) { s.Begin(old) }
	runOld := func(s scenario) { s.End(s.Begin(old)) }
	runYoung := func(s scenario) { s.End(s.Begin(now)) }
	for _, row := range []struct {
		name    string
		fired   bool // before the threads begin
		threads []func(scenario)
	}{
		{"a breach beside ends", false, []func(scenario){fire, endFirst, endSecond}},
		{"a recovery", true, []func(scenario){endFirst, endSecond, fire}},
		{"a recovery beside an overdue execution", true, []func(scenario){endFirst, endSecond, runOld}},
		{"a recovery beside a begin", true, []func(scenario){endFirst, endSecond, begin}},
		{"an idle Set", false, []func(scenario){endFirst, endSecond, runYoung, fire}},
		{"two timers", false, []func(scenario){fire, fire, begin, endFirst}},
	} {
		t.Run(row.name, func(t *testing.T) {
			orders := step.Explore(3, func() ([]func(), func([]int, bool) bool) {
				step.Hook(nil)
				var raised []time.Duration
				s := scenario{Set: New(func(oldest time.Duration) { raised = append(raised, oldest) }, nil)}
				s.SetLimit(limit)
				s.first, s.second = s.Begin(old), s.Begin(old)
				if row.fired {
					fire(s)
				}
				var threads []func()
				for _, f := range row.threads {
					threads = append(threads, func() { f(s) })
				}
				return threads, func(turns []int, ended bool) bool {
					for i, oldest := range raised {
						if (oldest > 0) != (i%2 == 0) {
							t.Errorf("after the turns %v: raised %v", turns, raised)
							return false
						}
					}
					if !ended {
						return true
					}
					step.Hook(nil)
					fires := 0
					for ; s.plan.Load()&timer == timer && fires < 2; fires++ {
						fire(s)
					}
					left := s.Running()
					breached := left > 0
					plan := s.plan.Load()
					if s.Overdue() != breached || (len(raised)%2 == 1) != breached || plan != map[bool]int64{true: held, false: idle}[breached] {
						t.Errorf("after the turns %v and %d more: %d run, in breach: %v, raised %v, the plan is %x",
							turns, fires, left, s.Overdue(), raised, plan)
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
