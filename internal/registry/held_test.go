//go:build nodemetrics_step

package registry

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// TestCountersThatLagAreNoNegativeCapacity stops registrations between the map
// and the counter, while others forget the names.
func TestCountersThatLagAreNoNegativeCapacity(t *testing.T) {
	const held = 3
	c := newTable(10)
	c.record("kept")
	arrived, proceed := make(chan struct{}), make(chan struct{})
	stopping := held
	step.Hook(func(s step.Step) {
		if s == step.Placed && stopping > 0 {
			stopping--
			arrived <- struct{}{}
			<-proceed
		}
	})
	ended := make(chan struct{})
	for i := range held {
		go func() {
			c.record(fmt.Sprint(i))
			ended <- struct{}{}
		}()
		<-arrived
	}
	step.Hook(nil)
	for i := range held {
		c.forget(fmt.Sprint(i))
	}
	if got := names(c.All()); !slices.Equal(got, []string{overflow, "kept"}) || c.Len() != 0 {
		t.Errorf("All returns %q, Len returns %d while the counter lags", got, c.Len())
	}
	close(proceed)
	for range held {
		<-ended
	}
	if err := c.atRest(); err != nil || c.Len() != 1+held { // each was recorded after its handle was forgotten
		t.Errorf("at last there are %d names, %v", c.Len(), err)
	}
}

// names returns the sorted names of handles.
func names(handles []*handle) []string {
	var names []string
	for _, h := range handles {
		names = append(names, h.name)
	}
	slices.Sort(names)
	return names
}

// thread is one goroutine of a scenario, by what it does.
type thread func(c *table, l *ledger)

// ledger is what the threads of one run did. Only one thread runs at a time.
type ledger struct{ recorded, forgotten int }

// recordOf records under a name.
func recordOf(name string) thread {
	return func(c *table, l *ledger) {
		for {
			h, _ := c.Register(name)
			step.At(step.Loaded)
			if h.record() {
				l.recorded++
				return
			}
		}
	}
}

// forgetOf forgets a name.
func forgetOf(name string) thread {
	return func(c *table, l *ledger) {
		h, ok := c.Lookup(name)
		step.At(step.Loaded)
		if ok {
			l.forgotten += h.forget()
			step.At(step.Closed)
			c.Remove(name)
		}
	}
}

// runOf runs an execution of the handle that a name had at first.
func runOf(name string) thread {
	return func(c *table, _ *ledger) {
		h := c.created[1]
		for {
			h.running.Add(1)
			step.At(step.Counted)
			if !h.forgotten() {
				break
			}
			h.running.Add(-1)
			h, _ = c.Register(name)
		}
		step.At(step.Loaded)
		if h.running.Load() == 0 {
			panic("an execution that runs is not counted")
		}
		if listed, _ := c.Load(h.name); listed.running.Load() == 0 {
			panic("an execution that runs is not seen under its name")
		}
		h.running.Add(-1)
		step.At(step.Released)
		if h.forgotten() && h.running.Load() == 0 {
			c.Remove(h.name)
		}
	}
}

// TestEveryOrderOfSteps runs each scenario in every order of its steps with at
// most four preemptions.
func TestEveryOrderOfSteps(t *testing.T) {
	for _, row := range []struct {
		name    string
		limit   int
		known   []string // registered at first, with one record each
		threads []thread
		spills  bool // whether a record may find all places taken
	}{
		{"first records of one name", 1, nil, []thread{recordOf("a"), recordOf("a"), recordOf("a")}, false},
		{"first records of two names", 1, nil, []thread{recordOf("a"), recordOf("a"), recordOf("b")}, true},
		{"first records and a Forget", 2, nil, []thread{recordOf("a"), recordOf("a"), forgetOf("a")}, false},
		{"a record and Forgets", 3, []string{"a"}, []thread{recordOf("a"), forgetOf("a"), forgetOf("a")}, false},
		{"records and a Forget", 2, []string{"a"}, []thread{recordOf("a"), recordOf("a"), forgetOf("a")}, false},
		{"records and a Forget, all places taken", 1, []string{"a"}, []thread{recordOf("a"), recordOf("a"), forgetOf("a")}, true},
		{"a Forget makes room for one of two", 1, []string{"a"}, []thread{recordOf("b"), recordOf("c"), forgetOf("a")}, true},
		{"two Forgets make room", 2, []string{"a", "b"}, []thread{recordOf("c"), forgetOf("a"), forgetOf("b")}, true},
		{"an execution, a record and a Forget", 2, []string{"a"}, []thread{runOf("a"), recordOf("a"), forgetOf("a")}, false},
		{"two executions and a Forget", 2, []string{"a"}, []thread{runOf("a"), runOf("a"), forgetOf("a")}, false},
		{"an execution and Forgets", 2, []string{"a"}, []thread{runOf("a"), forgetOf("a"), forgetOf("a")}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			orders := step.Explore(4, func() ([]func(), func([]int, bool) bool) {
				c, l := newTable(row.limit), new(ledger)
				step.Hook(nil)
				for _, name := range row.known {
					c.record(name)
					l.recorded++
				}
				var threads []func()
				for _, run := range row.threads {
					threads = append(threads, func() { run(c, l) })
				}
				return threads, func(turns []int, ended bool) bool {
					err := c.midway(l, row.spills)
					if err == nil && ended {
						err = c.atRest()
					}
					if err != nil {
						t.Errorf("after the turns %v: %v", turns, err)
					}
					return err == nil
				}
			})
			t.Logf("%d orders", orders)
		})
	}
}

// midway checks what holds at any time.
func (c *table) midway(l *ledger, spills bool) error {
	listed := c.All()
	sum := l.forgotten
	for _, h := range c.created {
		if sum += h.records; h.records > 0 && !slices.Contains(listed, h) {
			return fmt.Errorf("a handle of %q has records and is not in the map", h.name)
		}
	}
	if sum != l.recorded {
		return fmt.Errorf("%d records in all, want %d", sum, l.recorded)
	}
	if n := len(listed) - 1; n > c.rules.Limit {
		return fmt.Errorf("%d names, at most %d", n, c.rules.Limit)
	}
	if !spills && c.overflow.records > 0 {
		return fmt.Errorf("a record went to the overflow, and there was a place")
	}
	return nil
}
