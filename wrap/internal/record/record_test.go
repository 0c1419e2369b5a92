package record

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var errFailed, errBusy = errors.New("failed"), errors.New("busy")

func ignore(err error) bool {
	if err == nil {
		panic("asked about nil")
	}
	return err == errBusy
}

func newCollector() *atomicmetrics.Collector {
	return atomicmetrics.MustNew(atomicmetrics.WithInFlight(), atomicmetrics.WithLastFailure())
}

func TestNodeWithoutANameIsNil(t *testing.T) {
	c := newCollector()
	if Node(c, "") != nil || Node(nil, "node") != nil || Node(c, "node") != c.Node("node") {
		t.Error("want nil, nil and the node")
	}
}

func TestNamedAsksForTheName(t *testing.T) {
	c := newCollector()
	double := func(s string) string { return s + s }
	if Named(c, double, "a", "given") != c.Node("aa") || Named(c, double, "", "given") != nil || Named(c, nil, "a", "given") != c.Node("given") {
		t.Error("want aa, nil and given")
	}
}

func TestAttemptRecordsItsRetryIfItCounts(t *testing.T) {
	for name, c := range map[string]struct {
		number                     int
		f                          func() error
		successes, others, retries uint64
	}{
		"first, succeeds":  {0, func() error { return nil }, 1, 0, 0},
		"first, fails":     {0, func() error { return errFailed }, 0, 1, 0},
		"second, succeeds": {1, func() error { return nil }, 1, 0, 1},
		"second, fails":    {1, func() error { return errFailed }, 0, 1, 1},
		"second, ignored":  {1, func() error { return errBusy }, 0, 0, 0},
		"second, panics":   {1, func() error { panic("value") }, 0, 1, 1},
		"second, ends":     {1, func() error { runtime.Goexit(); return nil }, 0, 1, 1},
	} {
		m, done := newCollector(), make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			Attempt(m.Node("node"), c.number, ignore, c.f)
		}()
		<-done
		got := m.NodeMetrics("node")
		if got.SuccessCount != c.successes || got.OtherErrors != c.others || got.RetriesByAttempt != [8]uint64{c.retries} {
			t.Errorf("%s: %d successes, %d failures, retries %v; want %d, %d, %d", name,
				got.SuccessCount, got.OtherErrors, got.RetriesByAttempt, c.successes, c.others, c.retries)
		}
	}
}

func TestExecutionIsRecordedOnce(t *testing.T) {
	panics := func(error) bool { panic("no verdict") }
	for name, c := range map[string]struct {
		end               func(*Execution)
		successes, others uint64
		text              string
	}{
		"nil":              {func(e *Execution) { e.End(nil, ignore) }, 1, 0, ""},
		"error":            {func(e *Execution) { e.End(errFailed, ignore) }, 0, 1, "failed"},
		"error, no ignore": {func(e *Execution) { e.End(errBusy, nil) }, 0, 1, "busy"},
		"ignored":          {func(e *Execution) { e.End(errBusy, ignore) }, 0, 0, ""},
		"ignore panics":    {func(e *Execution) { e.End(errBusy, panics) }, 0, 1, "panic: no verdict"},
		"panic":            {func(e *Execution) { e.Panicked("value") }, 0, 1, "panic: value"},
		"guard, returned":  {func(e *Execution) { ok := true; defer e.Guard(&ok); e.End(nil, nil) }, 1, 0, ""},
		"guard, panic":     {func(e *Execution) { ok := false; defer e.Guard(&ok); panic("value") }, 0, 1, "panic: value"},
		"guard, Goexit":    {func(e *Execution) { ok := false; defer e.Guard(&ok); runtime.Goexit() }, 0, 1, "runtime.Goexit"},
		"discard":          {func(e *Execution) { e.Discard(); e.End(nil, nil) }, 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector()
				node := m.Node("node")
				e := Start(node)
				if got := node.InFlight().Running; got != 1 {
					t.Errorf("%d in flight, want 1", got)
				}
				time.Sleep(time.Second) // by the bubble's clock
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() {
						if value := recover(); value != nil && c.text != "panic: "+value.(string) {
							t.Errorf("panicked with %v", value)
						}
					}()
					c.end(e)
				}()
				<-done
				e.End(errFailed, nil)
				e.Panicked("later")
				got := node.Metrics()
				if got.SuccessCount != c.successes || got.OtherErrors != c.others || node.LastFailure().Text != c.text {
					t.Errorf("%d successes, %d failures, %q; want %d, %d, %q", got.SuccessCount, got.OtherErrors,
						node.LastFailure().Text, c.successes, c.others, c.text)
				}
				if want := time.Duration(c.successes+c.others) * time.Second; got.TotalDuration != want {
					t.Errorf("took %v, want %v", got.TotalDuration, want)
				}
				if got := node.InFlight().Running; got != 0 {
					t.Errorf("%d in flight afterwards, want 0", got)
				}
			})
		})
	}
}

// exiting is a panic value whose text ends the goroutine.
type exiting struct{}

func (exiting) Error() string { runtime.Goexit(); return "" }

func TestAPanicWhoseTextEndsTheGoroutineGoesOn(t *testing.T) {
	for name, end := range map[string]func(*Execution){
		"guard":         func(e *Execution) { ok := false; defer e.Guard(&ok); panic(exiting{}) },
		"ignore panics": func(e *Execution) { e.End(errBusy, func(error) bool { panic(exiting{}) }) },
	} {
		node := newCollector().Node("node")
		var value any
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { value = recover() }()
			end(Start(node))
		}()
		<-done
		if _, same := value.(exiting); !same || node.Metrics().OtherErrors != 1 || node.InFlight().Running != 0 {
			t.Errorf("%s: panicked with %T, %d failures, %d in flight", name, value, node.Metrics().OtherErrors, node.InFlight().Running)
		}
	}
}
