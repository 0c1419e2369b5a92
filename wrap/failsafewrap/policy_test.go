package failsafewrap_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/failsafewrap"
)

// outcome is what a node should have recorded.
type outcome struct {
	successes, timeouts, network, validation, other, retries uint64
	took                                                     time.Duration // in all
}

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors, m.RetryCount, m.TotalDuration}
}

// newNode returns a node.
func newNode(tb testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Node {
	tb.Helper()
	c, err := atomicmetrics.New(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c.Node("node")
}

// script is a function that takes a second for each call and returns these errors in turn, then nil.
func script(errs ...error) func() (int, error) {
	var calls atomic.Int64 // a hedge calls beside others
	return func() (int, error) {
		time.Sleep(time.Second)
		n := int(calls.Add(1))
		if n <= len(errs) {
			return n, errs[n-1]
		}
		return n, nil
	}
}

// idle is a function that takes a second and may be called by several goroutines.
func idle() (int, error) { time.Sleep(time.Second); return 0, nil }

var errFailed = errors.New("failed")

func TestEachCallIsOneExecution(t *testing.T) {
	_, invalid := strconv.Atoi("x")
	type policies = []failsafe.Policy[int]
	retry := func() failsafe.Policy[int] {
		return retrypolicy.NewBuilder[int]().WithMaxAttempts(3).WithDelay(10 * time.Second).Build()
	}
	open := func() failsafe.Policy[int] {
		breaker := circuitbreaker.NewWithDefaults[int]()
		breaker.Open()
		return breaker
	}
	const s = time.Second
	for _, c := range []struct {
		name    string
		outside policies
		within  policies
		fn      func() (int, error)
		want    outcome
	}{
		{"success", nil, nil, script(), outcome{successes: 1, took: s}},
		{"failure", nil, nil, script(errFailed), outcome{other: 1, took: s}},
		{"invalid", nil, nil, script(invalid), outcome{validation: 1, took: s}},
		{"cancelled", nil, nil, script(context.Canceled), outcome{}},
		{"success at once", nil, policies{retry()}, script(), outcome{successes: 1, took: s}},
		{"success in the end", nil, policies{retry()}, script(errFailed, errFailed), outcome{successes: 1, retries: 2, took: 23 * s}},
		{"retries exceeded", nil, policies{retry()}, script(errFailed, errFailed, invalid), outcome{validation: 1, retries: 2, took: 23 * s}},
		{"each attempt", policies{retry()}, nil, script(errFailed, invalid), outcome{successes: 1, other: 1, validation: 1, took: 3 * s}},
		{"timeout", nil, policies{timeout.New[int](s / 2)}, script(), outcome{timeouts: 1, took: s}},
		{"timeouts exceeded", nil, policies{retry(), timeout.New[int](s / 2)}, script(), outcome{timeouts: 1, retries: 2, took: 23 * s}},
		{"breaker open", nil, policies{open()}, script(), outcome{other: 1}},
		{"fallback within", nil, policies{fallback.NewWithResult(7)}, script(errFailed), outcome{successes: 1, took: s}},
		{"fallback outside", policies{fallback.NewWithResult(7)}, nil, script(errFailed), outcome{other: 1, took: s}},
		{"hedge", nil, policies{hedgepolicy.NewWithDelay[int](s / 4)}, idle, outcome{successes: 1, took: s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := newNode(t)
				all := append(append(c.outside, failsafewrap.Policy[int](failsafewrap.Config{Node: node})), c.within...)
				_, _ = failsafe.With(all...).Get(c.fn)
				if got := read(node.Metrics()); got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
				time.Sleep(s) // by the bubble's clock: a hedge runs on
			})
		})
	}
}

// stubborn is a function that takes two seconds, returns err, and heeds no
// cancellation.
func stubborn(err error) func(failsafe.Execution[int]) (int, error) {
	return func(failsafe.Execution[int]) (int, error) {
		time.Sleep(2 * time.Second)
		return 0, err
	}
}

// heeding is a function that returns err as soon as it is cancelled.
func heeding(err error) func(failsafe.Execution[int]) (int, error) {
	return func(exec failsafe.Execution[int]) (int, error) {
		<-exec.Canceled()
		return 0, err
	}
}

func TestTimeoutPolicyOutside(t *testing.T) {
	const s = time.Second
	functions := map[string]struct {
		fn   func(failsafe.Execution[int]) (int, error)
		took time.Duration
	}{
		"stubborn":             {stubborn(nil), 2 * s},
		"stubborn, fails":      {stubborn(errFailed), 2 * s},
		"stubborn, canceled":   {stubborn(context.Canceled), 2 * s},
		"heeds":                {heeding(context.Canceled), s},
		"heeds, returns nil":   {heeding(nil), s},
		"heeds, its own error": {heeding(errFailed), s},
	}
	limit := func() failsafe.Policy[int] { return timeout.New[int](s) }
	retry := func() failsafe.Policy[int] {
		return retrypolicy.NewBuilder[int]().WithMaxAttempts(3).WithDelay(10 * s).Build()
	}
	type policies = []failsafe.Policy[int]
	for _, c := range []struct {
		name            string
		outside, within policies
		runs            uint64 // how often the policy's function runs in one call
	}{
		{"timeout, measure", policies{limit()}, nil, 1},
		{"retry, timeout, measure", policies{retry(), limit()}, nil, 3},
		{"timeout, retry, measure", policies{limit(), retry()}, nil, 1},
		{"timeout, measure, retry", policies{limit()}, policies{retry()}, 1},
		{"timeout, fallback, measure", policies{limit(), fallback.NewWithResult(7)}, nil, 1},
		{"timeout, hedge, measure", policies{limit(), hedgepolicy.NewWithDelay[int](10 * s)}, nil, 1},
	} {
		for name, f := range functions {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					node := newNode(t, atomicmetrics.WithInFlight())
					measure := failsafewrap.Policy[int](failsafewrap.Config{Node: node})
					executor := failsafe.With(append(append(c.outside, measure), c.within...)...)
					for range 10 {
						if _, err := executor.GetWithExecution(f.fn); !errors.Is(err, timeout.ErrExceeded) {
							t.Fatalf("error %v, want %v", err, timeout.ErrExceeded)
						}
					}
					runs := 10 * c.runs
					if got, want := read(node.Metrics()), (outcome{timeouts: runs, took: time.Duration(runs) * f.took}); got != want {
						t.Errorf("%+v, want %+v", got, want)
					}
					if got := node.InFlight().Running; got != 0 {
						t.Errorf("%d in flight afterwards, want 0", got)
					}
				})
			})
		}
	}
}

func TestTimeoutPolicyOutsideThatIsNotExceeded(t *testing.T) {
	node := newNode(t)
	executor := failsafe.With(timeout.New[int](time.Hour), failsafewrap.Policy[int](failsafewrap.Config{Node: node}))
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = executor.Get(func() (int, error) { return 0, nil })
	_, _ = executor.Get(func() (int, error) { return 0, errFailed })
	_, _ = executor.WithContext(ctx).Get(func() (int, error) { cancel(); return 0, errFailed })
	if got := node.Metrics(); got.SuccessCount != 1 || got.OtherErrors != 1 || got.TotalExecutions != 2 {
		t.Errorf("%d successes, %d other failures of %d; want 1, 1 of 2: the caller has called the third off",
			got.SuccessCount, got.OtherErrors, got.TotalExecutions)
	}
}

// The documentation names these two under what failsafe-go does not tell.
func TestWhatFailsafeDoesNotTell(t *testing.T) {
	t.Run("a timeout whose listener runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newNode(t)
			limit := timeout.NewBuilder[int](time.Second).
				OnTimeoutExceeded(func(failsafe.ExecutionDoneEvent[int]) { time.Sleep(time.Hour) }).Build()
			executor := failsafe.With[int](limit, failsafewrap.Policy[int](failsafewrap.Config{Node: node}))
			if _, err := executor.GetWithExecution(stubborn(nil)); !errors.Is(err, timeout.ErrExceeded) {
				t.Errorf("error %v, want %v", err, timeout.ErrExceeded)
			}
			if got, want := read(node.Metrics()), (outcome{successes: 1, took: 2 * time.Second}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			time.Sleep(time.Hour) // by the bubble's clock, until the listener has ended
		})
	})
	t.Run("whose retry it is, of hedges", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newNode(t)
			retry := retrypolicy.NewBuilder[int]().WithMaxAttempts(2).Build()
			hedge := hedgepolicy.NewWithDelay[int](time.Millisecond)
			var calls atomic.Int64
			_, _ = failsafe.With[int](hedge, failsafewrap.Policy[int](failsafewrap.Config{Node: node}), retry).Get(func() (int, error) {
				n := calls.Add(1)
				time.Sleep(time.Second)
				if n == 1 {
					return 0, errFailed // of the first hedge, whose second attempt is the only retry
				}
				return 0, nil
			})
			time.Sleep(time.Hour) // by the bubble's clock, until all hedges have ended
			if got := read(node.Metrics()); got.successes != 2 || got.retries != 2 {
				t.Errorf("%+v, want 2 successes and the one retry twice", got)
			}
		})
	})
}

func TestIgnoreIsAskedAboutTheTimeoutOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newNode(t)
		var asked []error
		executor := failsafe.With(timeout.New[int](time.Second), failsafewrap.Policy[int](failsafewrap.Config{Node: node,
			Ignore: func(err error) bool {
				asked = append(asked, err)
				return err == timeout.ErrExceeded
			}}))
		_, _ = executor.GetWithExecution(stubborn(errFailed))
		if len(asked) != 1 || asked[0] != timeout.ErrExceeded {
			t.Errorf("Ignore was asked about %v, want %v alone", asked, timeout.ErrExceeded)
		}
		if got := read(node.Metrics()); got != (outcome{}) {
			t.Errorf("%+v, want nothing", got)
		}
	})
}

func TestPanicHasAText(t *testing.T) {
	node := newNode(t, atomicmetrics.WithLastFailure())
	func() {
		defer func() { _ = recover() }()
		_ = failsafe.With(failsafewrap.Policy[any](failsafewrap.Config{Node: node})).Run(func() error { panic("out of range") })
	}()
	last := node.LastFailure()
	if last.Category != atomicmetrics.CategoryOther || last.Text != "panic: out of range" {
		t.Errorf("%v, %q; want other, %q", last.Category, last.Text, "panic: out of range")
	}
}

func TestRetriesAreNumbered(t *testing.T) {
	node := newNode(t)
	retry := retrypolicy.NewBuilder[int]().WithMaxAttempts(5).Build()
	executor := failsafe.With(failsafewrap.Policy[int](failsafewrap.Config{Node: node}), failsafe.Policy[int](retry))
	for range 2 {
		if _, err := executor.Get(func() (int, error) { return 0, errFailed }); !errors.Is(err, retrypolicy.ErrExceeded) {
			t.Errorf("error %v", err)
		}
	}
	if got := node.Metrics(); got.RetriesByAttempt != [8]uint64{2, 2, 2, 2} || got.OtherErrors != 2 || got.TotalExecutions != 2 {
		t.Errorf("retries %v, %d executions", got.RetriesByAttempt, got.TotalExecutions)
	}
}

func TestEveryWayToRunIsRecorded(t *testing.T) {
	node := newNode(t)
	executor := failsafe.With(failsafewrap.Policy[int](failsafewrap.Config{Node: node}))
	run := func() error { return errFailed }
	get := func() (int, error) { return 0, errFailed }
	errs := []error{executor.Run(run), executor.RunWithExecution(func(failsafe.Execution[int]) error { return errFailed }),
		executor.RunAsync(run).Error(), executor.GetAsync(get).Error()}
	_, err := executor.Get(get)
	for _, err := range append(errs, err) {
		if err != errFailed {
			t.Errorf("error %v", err)
		}
	}
	if got := node.Metrics(); got.OtherErrors != 5 || got.TotalExecutions != 5 {
		t.Errorf("%d failures of %d, want 5 of 5", got.OtherErrors, got.TotalExecutions)
	}
}

func TestPanicIsRecordedAndGoesOn(t *testing.T) {
	for name, end := range map[string]func(any){"panic": func(value any) { panic(value) }, "goexit": func(any) { runtime.Goexit() }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node, value := newNode(t), new(int)
				executor := failsafe.With(failsafewrap.Policy[int](failsafewrap.Config{Node: node, Ignore: func(error) bool { return true }}),
					failsafe.Policy[int](retrypolicy.NewWithDefaults[int]()))
				done := make(chan any)
				go func() {
					var p any
					defer func() { done <- p }()
					defer func() { p = recover() }()
					calls := 0
					_, _ = executor.Get(func() (int, error) {
						time.Sleep(time.Second)
						if calls++; calls == 2 {
							end(value)
						}
						return 0, errFailed
					})
				}()
				if p := <-done; (p == value) != (name == "panic") {
					t.Errorf("panicked with %v", p)
				}
				if got, want := read(node.Metrics()), (outcome{other: 1, retries: 1, took: 2 * time.Second}); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestPanicOfIgnoreIsAFailure(t *testing.T) {
	node := newNode(t)
	defer func() {
		if got := read(node.Metrics()); recover() == nil || got.other != 1 {
			t.Errorf("no panic, or %+v", got)
		}
	}()
	_ = failsafe.With(failsafewrap.Policy[any](failsafewrap.Config{Node: node, Ignore: func(error) bool { panic("Ignore") }})).
		Run(func() error { return errFailed })
}

func TestIgnoreIsAskedAboutTheContextToo(t *testing.T) {
	node := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	_ = failsafe.With(failsafewrap.Policy[any](failsafewrap.Config{Node: node})).WithContext(ctx).Run(func() error {
		cancel()
		return errFailed
	})
	if got := read(node.Metrics()); got != (outcome{}) {
		t.Errorf("%+v, want nothing", got)
	}
}

func TestWithoutANodeEverythingRunsTheSame(t *testing.T) {
	n, err := failsafe.With(failsafewrap.Policy[int](failsafewrap.Config{}), failsafe.Policy[int](retrypolicy.NewWithDefaults[int]())).
		Get(func() (int, error) { return 7, nil })
	if n != 7 || err != nil {
		t.Errorf("%d, error %v", n, err)
	}
}

func TestExecutionIsInFlightUntilItEnds(t *testing.T) {
	node := newNode(t, atomicmetrics.WithInFlight())
	executor := failsafe.With(failsafewrap.Policy[any](failsafewrap.Config{Node: node}))
	for _, end := range []func() error{
		func() error { return nil }, func() error { return errFailed }, func() error { return context.Canceled }, func() error { panic("end") },
	} {
		func() {
			defer func() { _ = recover() }()
			_ = executor.Run(func() error {
				if got := node.InFlight().Running; got != 1 {
					t.Errorf("%d in flight within, want 1", got)
				}
				return end()
			})
		}()
		if got := node.InFlight().Running; got != 0 {
			t.Errorf("%d in flight afterwards", got)
		}
	}
}

func TestClassifierThatEndsTheGoroutineCountsOnce(t *testing.T) {
	node := newNode(t, atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		runtime.Goexit()
		return atomicmetrics.CategoryNetwork
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = failsafe.With(failsafewrap.Policy[any](failsafewrap.Config{Node: node})).Run(func() error { return errFailed })
	}()
	<-done
	if got := node.Metrics(); got.TotalExecutions != 1 || got.OtherErrors != 1 {
		t.Errorf("%d executions, %d other; want 1, 1", got.TotalExecutions, got.OtherErrors)
	}
}
