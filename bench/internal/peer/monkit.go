package peer

import (
	"context"
	"time"

	"github.com/spacemonkeygo/monkit/v3"
)

// monkitDurationVal has a DurationVal of all executions and a Counter of
// failures, which the README shows side by side. The DurationVal counts too, so
// a success needs only the DurationVal.
type monkitDurationVal struct{ scope *monkit.Scope }

func newMonkitDurationVal() Registry {
	return monkitDurationVal{monkit.NewRegistry().ScopeNamed("bench")}
}

type monkitNode struct {
	durations *monkit.DurationVal
	failures  *monkit.Counter
}

func (n *monkitNode) RecordSuccess(d time.Duration) { n.durations.Observe(d) }

func (n *monkitNode) RecordFailure(d time.Duration, _ error) {
	n.durations.Observe(d)
	n.failures.Inc(1)
}

func (r monkitDurationVal) Node(name string) Node {
	return &monkitNode{r.scope.DurationVal(name), r.scope.Counter(name + "-failures")}
}

func (r monkitDurationVal) Named(names []string) Named {
	n := monkitNamed{r.scope, names, make([]string, len(names))}
	for i, name := range names {
		n.failures[i] = name + "-failures"
	}
	return n
}

type monkitNamed struct {
	scope           *monkit.Scope
	names, failures []string
}

func (n monkitNamed) RecordSuccess(i int, d time.Duration) {
	n.scope.DurationVal(n.names[i]).Observe(d)
}

func (n monkitNamed) RecordFailure(i int, d time.Duration, _ error) {
	n.scope.DurationVal(n.names[i]).Observe(d)
	n.scope.Counter(n.failures[i]).Inc(1)
}

func (r monkitDurationVal) Read(name string) Reading {
	var all uint64
	v := r.scope.DurationVal(name)
	v.Stats(func(_ monkit.SeriesKey, field string, val float64) {
		if field == "count" {
			all = uint64(val)
		}
	})
	failures := uint64(r.scope.Counter(name + "-failures").Current())
	return Reading{all - failures, failures, all, v.Quantile(0.5)}
}

// monkitTask has a Task, which it keeps as the README advises for hot code. A
// Task times by itself and cannot be told a duration, so monkitTask has no
// handle.
type monkitTask struct{ scope *monkit.Scope }

func newMonkitTask() Registry { return monkitTask{monkit.NewRegistry().ScopeNamed("bench")} }

// MonkitTask returns the task of a name in a registry of its own.
func MonkitTask(name string) monkit.Task { return newMonkitTask().(monkitTask).scope.TaskNamed(name) }

func (r monkitTask) Timer(name string) func() {
	task := r.scope.TaskNamed(name)
	return func() {
		ctx := context.Background()
		var err error
		defer task(&ctx)(&err)
	}
}

func (r monkitTask) Read(name string) Reading {
	f := r.scope.FuncNamed(name)
	var failures uint64
	for _, n := range f.Errors() {
		failures += uint64(n)
	}
	successes := f.SuccessTimes()
	return Reading{uint64(f.Success()), failures, uint64(successes.Count), successes.Query(0.5)}
}
