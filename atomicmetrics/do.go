package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// Do runs f, records one execution of the node and returns f's error unchanged.
// If f returns nil, the execution is a success, else a failure as by
// [Node.RecordFailure]. Its duration is the time that f took.
//
// If f panics, or ends its goroutine by runtime.Goexit, Do records a failure
// of CategoryOther. Under [WithLastFailure] the text is "panic: " and the
// value, or "runtime.Goexit". The panic then continues with its value and its
// stack.
//
// Under [WithInFlight] the execution is in flight while f runs. Do allocates no
// more than a record. Do of a nil Node only calls f.
func (n *Node) Do(f func() error) error { return n.DoIgnoring(nil, f) }

// DoIgnoring is Do, but records nothing if f returns an error that ignore
// accepts. It then counts the execution by [Node.RecordIgnored]. A nil ignore
// accepts no error. DoIgnoring calls ignore once, after f, on the same
// goroutine, and only with an error that is not nil. If ignore panics,
// DoIgnoring records a failure as if f had panicked.
func (n *Node) DoIgnoring(ignore func(error) bool, f func() error) error {
	if n == nil {
		return f()
	}
	t := n.Start()
	returned, err := t.call(f, 0)
	if !returned {
		return nil
	}
	end, ignored := clock.Now(), false
	t.Discard()
	if err != nil && ignore != nil {
		if returned, _ = t.call(func() error { ignored = ignore(err); return nil }, end); !returned {
			return nil
		}
	}
	switch d := time.Duration(end - t.start); {
	case err == nil:
		if !n.life.Try(ring.Success, uint64(d), end) {
			n.recordAnyhow(ring.Success, d, end)
		}
	case ignored:
		n.RecordIgnored()
	default:
		n.recordError(d, err, end)
	}
	return err
}

// call calls f. If f does not return, call records the execution as
// recordUnlessReturned does. Under GODEBUG=panicnil=1 a panic with nil then ends
// here, and call returns false.
func (t Timer) call(f func() error, end int64) (returned bool, err error) {
	defer t.recordUnlessReturned(&returned, end)
	err = f()
	returned = true
	return returned, err
}

// recordUnlessReturned is deferred. If a call did not return, it records a
// failure, and the panic or runtime.Goexit continues. The execution ended at the
// reading end of clock.Now. If end is 0, the execution ends now.
func (t Timer) recordUnlessReturned(returned *bool, end int64) {
	if *returned {
		return
	}
	var value any
	if t.node.life.KeepsFailures() {
		value = recover()
	}
	// Also when the value's text ends the goroutine.
	defer func() {
		if value != nil {
			panic(value) // from here, so that the frames of f stay on the stack
		}
	}()
	if end == 0 {
		end = clock.Now()
		t.Discard()
	}
	t.node.recordPanic(time.Duration(end-t.start), value, end)
}

// RecordPanic records a failure of CategoryOther that took d and ended by a
// panic with the value. Under [WithLastFailure] the text is "panic: " and the
// value, or "panic" if the value's own text ends the goroutine. A nil value
// stands for runtime.Goexit. The caller recovers the value, and panics again
// with the value in the same deferred function.
//
// [Node.Do] needs no RecordPanic. RecordPanic is for an execution that is not a
// single call, such as a stream. It is also for an execution whose node is
// known only at its end.
func (n *Node) RecordPanic(d time.Duration, value any) {
	if n != nil {
		n.recordPanic(d, value, 0)
	}
}

// recordPanic is RecordPanic; for the end see record.
func (n *Node) recordPanic(d time.Duration, value any, end int64) {
	text := "panic"
	// Also when the value's text ends the goroutine.
	defer func() { n.recordFailure(d, CategoryOther, text, end) }()
	if n.life.KeepsFailures() {
		text = lastfailure.PanicText(value)
	}
}
