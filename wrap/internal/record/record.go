// Package record records executions for the adapters.
package record

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Node returns the node of a name. It returns nil, which records nothing, for
// the name "".
func Node(c *atomicmetrics.Collector, name string) *atomicmetrics.Node {
	if name == "" {
		return nil
	}
	return c.Node(name)
}

// Named returns the Node of the name that name returns of an execution. If name
// is nil, that is the given name.
func Named[T any](c *atomicmetrics.Collector, name func(T) string, of T, given string) *atomicmetrics.Node {
	if name != nil {
		given = name(of)
	}
	return Node(c, given)
}

// Retry records a retry with a number, or none if the number is below 1.
func Retry(node *atomicmetrics.Node, number int) {
	if number > 0 {
		node.RecordRetry(number)
	}
}

// Attempt calls f by [atomicmetrics.Node.DoIgnoring]. It also records a Retry
// with the number, unless ignore accepts the error of f. Attempt records the
// retry when f has ended, because only then is it known whether the execution
// counts.
func Attempt(node *atomicmetrics.Node, number int, ignore func(error) bool, f func() error) {
	ignored := false
	defer func() {
		if !ignored {
			Retry(node, number)
		}
	}()
	_ = node.DoIgnoring(func(err error) bool {
		ignored = ignore(err)
		return ignored
	}, f)
}

// Execution is one execution that is no call of one function, such as a stream.
// Several goroutines may end it at once. The first one records it.
type Execution struct {
	node  *atomicmetrics.Node
	timer atomicmetrics.Timer
	ended atomic.Bool
	// Whether the execution is no longer in flight.
	landed atomic.Bool
}

// Start starts an execution. If node is nil, nothing is recorded, and nobody is
// asked whether to ignore.
func Start(node *atomicmetrics.Node) *Execution { return &Execution{node: node, timer: node.Start()} }

// Discard ends the execution in flight. End and Panicked still record it.
func (e *Execution) Discard() {
	if !e.landed.Swap(true) {
		e.timer.Discard()
	}
}

// End records the execution with err, as Node.DoIgnoring does when its function
// returns err. If ignore panics, End records that as the failure, and the panic
// goes on.
func (e *Execution) End(err error, ignore func(error) bool) {
	if e.node == nil || e.ended.Swap(true) {
		return
	}
	took := e.timer.Elapsed()
	e.Discard() // first, because ignore and the classifier are the user's
	judged := false
	defer func() {
		if judged {
			return
		}
		value := recover()
		defer goOn(value) // also when the value's text ends the goroutine
		e.node.RecordPanic(took, value)
	}()
	ignored := err != nil && ignore != nil && ignore(err)
	judged = true // before the record, which is made even if the classifier ends the goroutine
	switch {
	case err == nil:
		e.node.RecordSuccess(took)
	case !ignored:
		e.node.RecordFailure(took, err)
	default:
		e.node.RecordIgnored()
	}
}

// Panicked records the execution as a panic with the value, as
// [atomicmetrics.Node.RecordPanic] does.
func (e *Execution) Panicked(value any) {
	if !e.ended.Swap(true) {
		e.Discard()
		e.node.RecordPanic(e.timer.Elapsed(), value)
	}
}

// Guard is deferred by a function that is a part of the execution. Unless that
// function has set returned, Guard records its panic or runtime.Goexit. The
// panic goes on.
func (e *Execution) Guard(returned *bool) {
	if *returned {
		return
	}
	value := recover()
	defer goOn(value) // also when the value's text ends the goroutine
	e.Panicked(value)
}

// goOn panics with the value, unless it is nil. A deferred function that has
// recovered the value defers goOn, so the frames of the panic stay on the stack.
func goOn(value any) {
	if value != nil {
		panic(value)
	}
}
