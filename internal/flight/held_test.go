//go:build nodemetrics_step

package flight

import (
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// TestEveryOrderOfSteps runs two executions, each ended by two goroutines, in
// every order of their steps with at most four preemptions, timed and not.
func TestEveryOrderOfSteps(t *testing.T) {
	for name, timed := range map[string]bool{"timed": true, "untimed": false} {
		t.Run(name, func(t *testing.T) {
			orders := step.Explore(4, func() ([]func(), func([]int, bool) bool) {
				step.Hook(nil)
				s := new(Set)
				if !timed {
					fill(s)
				}
				before := s.Running()
				first := s.Begin(1)
				if (first.slot != nil) != timed {
					t.Fatal("the slots are not as they should be")
				}
				run := func() { s.End(s.Begin(2)) }
				end := func() { s.End(first) }
				return []func(){run, end, end}, func(turns []int, ended bool) bool {
					f := s.Read()
					most := before + 2
					if f.Running < before || f.Running > f.Highest || f.Highest > most || ended && f.Running != before {
						t.Errorf("after the turns %v: %+v of at most %d, ended: %v", turns, f, most, ended)
						return false
					}
					return true
				}
			})
			t.Logf("%d orders", orders)
		})
	}
}

// fill leaves no slot in a Set: each block is full of executions that nobody
// ends.
func fill(s *Set) {
	blocks := &s.blocks
	for b := following(blocks, firstSlots); b != nil; b = following(&b.next, 2*len(b.slots)) {
		for i := range b.slots {
			b.slots[i].Store(busy)
		}
	}
}
