package atomicmetrics

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/race"
)

var errDo = errors.New("down")

// panicking has a frame of its own, which a stack trace must show.
func panicking() error { panic(fmt.Errorf("value %d", 7)) }

// onGoroutine calls f on a goroutine of its own, and returns what f panicked with,
// the stack of that panic, and whether f returned.
func onGoroutine(f func()) (value any, stack string, returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value = recover(); value != nil {
				stack = string(debug.Stack())
			}
		}()
		f()
		returned = true
	}()
	<-done
	return value, stack, returned
}

func TestDoRecordsOneExecutionHoweverTheFunctionEnds(t *testing.T) {
	accept := func(err error) bool { return err == errDo }
	refuse := func(error) bool { return false }
	for _, c := range []struct {
		name              string
		ignore            func(error) bool
		f                 func() error
		success, failures uint64
		text, value       string
		ends              bool // the goroutine
	}{
		{name: "nil", f: func() error { return nil }, success: 1},
		{name: "error", f: func() error { return errDo }, failures: 1, text: "down"},
		{name: "error, refused by ignore", ignore: refuse, f: func() error { return errDo }, failures: 1, text: "down"},
		{name: "error, accepted by ignore", ignore: accept, f: func() error { return errDo }},
		{name: "nil, ignore not asked", ignore: func(error) bool { panic("asked") }, f: func() error { return nil }, success: 1},
		{name: "panic", f: panicking, failures: 1, text: "panic: value 7", value: "value 7"},
		{name: "panic of nil", f: func() error { panic(nil) }, failures: 1,
			text: "panic: panic called with nil argument", value: "panic called with nil"},
		{name: "panic in ignore", ignore: func(error) bool { time.Sleep(time.Second); panic("odd") }, f: func() error { return errDo }, failures: 1,
			text: "panic: odd", value: "odd"},
		{name: "Goexit", f: func() error { runtime.Goexit(); return nil }, failures: 1, text: "runtime.Goexit", ends: true},
	} {
		for _, noted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/lastFailure=%t", c.name, noted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opts := []Option{WithInFlight()}
					if noted {
						opts = append(opts, WithLastFailure())
					}
					n := MustNew(opts...).Node("n")
					var err error
					value, stack, returned := onGoroutine(func() {
						err = n.DoIgnoring(c.ignore, func() error {
							time.Sleep(time.Second)
							if running := n.InFlight().Running; running != 1 {
								t.Errorf("%d executions run, want 1", running)
							}
							return c.f()
						})
					})
					if returned != (c.value == "" && !c.ends) || c.value != "" && !strings.HasPrefix(fmt.Sprint(value), c.value) {
						t.Errorf("returned %t, panicked with %v, want %q", returned, value, c.value)
					}
					if c.name == "panic" && !strings.Contains(stack, "atomicmetrics.panicking") {
						t.Errorf("the stack has lost the frame of the panic:\n%s", stack)
					}
					if want := c.f; returned && err != want() {
						t.Errorf("it returned %v", err)
					}
					m := n.Metrics()
					if m.SuccessCount != c.success || m.FailureCount != c.failures || m.OtherErrors != c.failures {
						t.Errorf("%d successes and %d failures, %d of them other; want %d and %d",
							m.SuccessCount, m.FailureCount, m.OtherErrors, c.success, c.failures)
					}
					if m.TotalExecutions > 0 && m.LastExecution != time.Second {
						t.Errorf("it took %v, want 1s", m.LastExecution)
					}
					if text := n.LastFailure().Text; noted && text != c.text {
						t.Errorf("the last failure says %q, want %q", text, c.text)
					}
					if running := n.InFlight().Running; running != 0 {
						t.Errorf("%d executions still run", running)
					}
				})
			})
		}
	}
}

// exiting is a panic value whose text ends the goroutine.
type exiting struct{}

func (exiting) Error() string { runtime.Goexit(); return "" }

func TestDoSurvivesAPanicWhoseTextEndsTheGoroutine(t *testing.T) {
	n := MustNew(WithInFlight(), WithLastFailure()).Node("n")
	value, stack, returned := onGoroutine(func() { n.Do(func() error { panic(exiting{}) }) })
	if _, same := value.(exiting); !same || returned || !strings.Contains(stack, "TestDoSurvives") {
		t.Errorf("returned %t, panicked with %T; the stack:\n%s", returned, value, stack)
	}
	if m := n.Metrics(); m.OtherErrors != 1 || m.TotalExecutions != 1 || n.LastFailure().Text != "panic" {
		t.Errorf("%d executions, %d failures of category other, the text %q", m.TotalExecutions, m.OtherErrors, n.LastFailure().Text)
	}
	if running := n.InFlight().Running; running != 0 {
		t.Errorf("%d executions still run", running)
	}
}

func TestDoOfANilNodeOnlyCallsTheFunction(t *testing.T) {
	var n *Node
	called := 0
	err := n.DoIgnoring(func(error) bool { panic("asked") }, func() error { called++; return errDo })
	if err != errDo || called != 1 {
		t.Errorf("it returned %v and called the function %d times", err, called)
	}
}

func TestRecordPanicRecordsAFailureWithTheText(t *testing.T) {
	for _, c := range []struct {
		value any
		text  string
	}{
		{"odd", "panic: odd"},
		{errDo, "panic: down"},
		{nil, "runtime.Goexit"},
	} {
		for _, opts := range [][]Option{nil, {WithLastFailure()}} {
			n := MustNew(opts...).Node("n")
			n.RecordPanic(time.Second, c.value)
			if m := n.Metrics(); m.TotalExecutions != 1 || m.OtherErrors != 1 || m.LastExecution != time.Second {
				t.Errorf("%v: %d executions, %d failures of category other, the last took %v; want 1, 1, 1s",
					c.value, m.TotalExecutions, m.OtherErrors, m.LastExecution)
			}
			if text := n.LastFailure().Text; opts != nil && text != c.text || opts == nil && text != "" {
				t.Errorf("%v: the last failure says %q", c.value, text)
			}
		}
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	n := MustNew(WithInFlight()).Node("n")
	failing := 0
	f := func() error {
		if failing++; failing%2 == 0 {
			return errDo
		}
		return nil
	}
	n.Do(f)
	if allocs := testing.AllocsPerRun(1000, func() { _ = n.DoIgnoring(func(error) bool { return failing%4 == 0 }, f) }); allocs != 0 {
		t.Errorf("%v allocations a call", allocs)
	}
}

func TestMustNewPanicsWithTheErrorOfNew(t *testing.T) {
	_, want := New(WithMaxNodes(0))
	value, _, _ := onGoroutine(func() { MustNew(WithMaxNodes(0)) })
	if err, ok := value.(error); !ok || err.Error() != want.Error() {
		t.Errorf("it panicked with %v, want %v", value, want)
	}
}

// TestAPanicWithNilIsOneFailure panics with nil as programs did before Go 1.21.
// To recover such a panic looks like a return.
func TestAPanicWithNilIsOneFailure(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	for name, execute := range map[string]func(*Node){
		"function": func(n *Node) { _ = n.Do(func() error { panic(nil) }) },
		"ignore": func(n *Node) {
			_ = n.DoIgnoring(func(error) bool { panic(nil) }, func() error { return errors.New("refused") })
		},
	} {
		c := MustNew(WithLastFailure(), WithInFlight())
		n := c.Node("n")
		execute(n)
		if m := n.Metrics(); m.TotalExecutions != 1 || m.FailureCount != 1 || n.InFlight().Running != 0 {
			t.Errorf("%s: %d executions, %d failures, %d running, want 1, 1 and 0", name, m.TotalExecutions, m.FailureCount, n.InFlight().Running)
		}
	}
}
