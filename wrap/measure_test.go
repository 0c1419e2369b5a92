package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/race"
	"github.com/nodemetrics/nodemetrics/wrap"
)

func TestDurationIsOfTheWholeCall(t *testing.T) {
	errNode := errors.New("node failed")
	slow := func(error) bool { time.Sleep(time.Hour); return false }
	for _, c := range []struct {
		name string
		cfg  wrap.Config
		errs []error
		want time.Duration
	}{
		{"one attempt", wrap.Config{}, nil, 10 * time.Second},
		{"one attempt that fails", wrap.Config{}, repeated(errNode, 1), 10 * time.Second},
		{"three attempts, two waits", wrap.Config{Retry: &wrap.Retry{MaxAttempts: 5, Backoff: constant(time.Minute)}},
			repeated(errNode, 2), 2*time.Minute + 30*time.Second},
		{"three attempts that fail", wrap.Config{Retry: &wrap.Retry{MaxAttempts: 3, Backoff: constant(time.Minute)}},
			repeated(errNode, 9), 2*time.Minute + 30*time.Second},
		{"without what Ignore takes", wrap.Config{Ignore: slow}, repeated(errNode, 1), 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				c.cfg.Name, c.cfg.Collector = "node", m
				_, err := wrap.MustNode(c.cfg, failing(10*time.Second, c.errs...))(t.Context(), 0)
				got := m.NodeMetrics("node")
				if got.TotalDuration != c.want || got.TotalExecutions != 1 || (err == nil) != (got.SuccessCount == 1) {
					t.Errorf("%d executions, %d successes, took %v, error %v; want 1, took %v",
						got.TotalExecutions, got.SuccessCount, got.TotalDuration, err, c.want)
				}
			})
		})
	}
}

func TestClassifierSeesTheReturnedErrorOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{errors.New("first"), errors.New("second"), errors.New("third")}
		var classified []error
		m := newCollector(t, atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
			classified = append(classified, err)
			return atomicmetrics.CategoryNetwork
		}))
		cfg := wrap.Config{Name: "node", Collector: m, Retry: &wrap.Retry{MaxAttempts: 3}}
		node := wrap.MustNode(cfg, failing(0, errs...))
		_, err := node(t.Context(), 0)
		if err != errs[2] || len(classified) != 1 || classified[0] != err {
			t.Errorf("returned %v, classified %v", err, classified)
		}
		if got := m.NodeMetrics("node"); got.NetworkErrors != 1 || got.FailureCount != 1 {
			t.Errorf("%d network errors of %d, want 1 of 1", got.NetworkErrors, got.FailureCount)
		}
	})
}

// unasked is a collector and an Ignore that fail the test when they are asked about an error.
func unasked(t *testing.T) (*atomicmetrics.Collector, func(error) bool) {
	m := newCollector(t, atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
		t.Errorf("the classifier was asked about %v", err)
		return atomicmetrics.CategoryNetwork
	}))
	return m, func(err error) bool {
		t.Errorf("Ignore was asked about %v", err)
		return true
	}
}

// wantOneOther checks that one failure of CategoryOther that took d was recorded, and nothing else.
func wantOneOther(t *testing.T, c *atomicmetrics.Collector, d time.Duration, retries uint64) {
	t.Helper()
	wantCounts(t, c, 0, 1, retries)
	if m := c.NodeMetrics("node"); m.OtherErrors != 1 || m.TotalDuration != d {
		t.Errorf("%d of category other, took %v; want 1, %v", m.OtherErrors, m.TotalDuration, d)
	}
}

// explode panics with the value it is given, after a second.
//
//go:noinline
func explode(_ context.Context, value any) (int, error) {
	time.Sleep(time.Second)
	panic(value)
}

func TestPanicIsRecordedAndGoesOn(t *testing.T) {
	for _, measured := range []bool{true, false} {
		for name, retry := range map[string]*wrap.Retry{"without retry": nil, "with retry": {MaxAttempts: 3}} {
			t.Run(fmt.Sprintf("%s/measured=%t", name, measured), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, ignore := unasked(t)
					cfg := wrap.Config{Name: "node", Retry: retry, Timeout: time.Minute, Ignore: ignore}
					if measured {
						cfg.Collector = m
					}
					value := new(int)
					defer func() {
						if p := recover(); p != value {
							t.Errorf("panicked with %v, want %v", p, value)
						}
						// A panic that was recovered and raised again shows twice.
						stack := string(debug.Stack())
						if !strings.Contains(stack, "wrap_test.explode(") || strings.Count(stack, "\npanic(") != 1 {
							t.Errorf("the stack is not the original one:\n%s", stack)
						}
						if measured {
							wantOneOther(t, m, time.Second, 0)
						}
					}()
					_, err := wrap.MustNode(cfg, explode)(t.Context(), value)
					t.Errorf("returned, with error %v", err)
				})
			})
		}
	}
}

func TestPanicInARetryIsRecordedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ignore := unasked(t)
		attempts := 0
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: m, Ignore: ignore,
			Retry: &wrap.Retry{MaxAttempts: 5, Backoff: constant(time.Minute)},
		}, func(context.Context, int) (int, error) {
			if attempts++; attempts == 3 {
				panic("third attempt")
			}
			return 0, errors.New("node failed")
		})
		defer func() {
			if p := recover(); p != "third attempt" {
				t.Errorf("panicked with %v", p)
			}
			wantOneOther(t, m, 2*time.Minute, 2)
		}()
		_, err := node(t.Context(), 0)
		t.Errorf("returned, with error %v", err)
	})
}

// exits calls f on a goroutine of its own and reports whether it ended that without a panic.
func exits(f func()) (exited bool) {
	done := make(chan bool)
	go func() {
		exited := true
		defer func() {
			if recover() != nil {
				exited = false
			}
			done <- exited
		}()
		f()
		exited = false
	}()
	return <-done
}

func TestGoexitIsRecordedAndGoesOn(t *testing.T) {
	for name, retry := range map[string]*wrap.Retry{"without retry": nil, "with retry": {MaxAttempts: 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, ignore := unasked(t)
				attempts := 0
				node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: retry, Ignore: ignore},
					func(context.Context, int) (int, error) {
						attempts++
						time.Sleep(time.Second)
						runtime.Goexit()
						return 0, nil
					})
				if !exits(func() { _, _ = node(t.Context(), 0) }) {
					t.Error("the goroutine did not exit")
				}
				if attempts != 1 {
					t.Errorf("%d attempts, want 1", attempts)
				}
				wantOneOther(t, m, time.Second, 0)
			})
		})
	}
}

// panicky is a policy that panics when it is asked.
type panicky struct{ backoff.ZeroBackOff }

func (panicky) NextBackOff() time.Duration { panic("boom") }

func TestPanicOfTheUsersFunctionsIsRecordedOnceAndGoesOn(t *testing.T) {
	asked := func(error) bool { panic("boom") }
	for name, cfg := range map[string]wrap.Config{
		"Ignore":              {Ignore: asked},
		"Ignore after a wait": {Ignore: asked, Retry: &wrap.Retry{MaxAttempts: 2}},
		"If":                  {Retry: &wrap.Retry{MaxAttempts: 2, If: asked}},
		"Backoff":             {Retry: &wrap.Retry{MaxAttempts: 2, Backoff: func() backoff.BackOff { panic("boom") }}},
		"policy":              {Retry: &wrap.Retry{MaxAttempts: 2, Backoff: func() backoff.BackOff { return &panicky{} }}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.Name, cfg.Collector = "node", newCollector(t)
				node := wrap.MustNode(cfg, failing(0, repeated(errors.New("x"), 9)...))
				defer func() {
					if p := recover(); p != "boom" {
						t.Errorf("panicked with %v", p)
					}
					if m := cfg.Collector.NodeMetrics("node"); m.OtherErrors != 1 || m.TotalExecutions != 1 {
						t.Errorf("%d of category other of %d executions, want 1 of 1", m.OtherErrors, m.TotalExecutions)
					}
				}()
				_, err := node(t.Context(), 0)
				t.Errorf("returned, with error %v", err)
			})
		})
	}
}

// TestGoexitOfTheClassifierLosesNoExecution is about the one function of the user's that the collector calls.
func TestGoexitOfTheClassifierLosesNoExecution(t *testing.T) {
	m := newCollector(t, atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		runtime.Goexit()
		return atomicmetrics.CategoryNetwork
	}))
	node := wrap.MustNode(wrap.Config{Name: "node", Collector: m}, failing(0, errors.New("x")))
	if !exits(func() { _, _ = node(t.Context(), 0) }) {
		t.Error("the goroutine did not exit")
	}
	if got := m.NodeMetrics("node"); got.OtherErrors != 1 || got.TotalExecutions != 1 {
		t.Errorf("%d of category other of %d executions, want 1 of 1", got.OtherErrors, got.TotalExecutions)
	}
}

func TestIgnoreIsAskedAboutTheErrorAndTheContexts(t *testing.T) {
	errNode, errCause := errors.New("node failed"), errors.New("no more need")
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errCause)
	expired, cancelExpired := context.WithTimeout(context.Background(), 0)
	defer cancelExpired()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		err    error
		ignore error // what Ignore says true of
		asked  []error
	}{
		{"success", cancelled, nil, nil, nil},
		{"no context's end", context.Background(), errNode, nil, []error{errNode}},
		{"the error", context.Background(), errNode, errNode, []error{errNode}},
		{"the error first", cancelled, errNode, errNode, []error{errNode}},
		{"cancelled", cancelled, errNode, context.Canceled, []error{errNode, context.Canceled}},
		{"cancelled, other", cancelled, errNode, errCause, []error{errNode, context.Canceled}},
		{"expired", expired, errNode, context.DeadlineExceeded, []error{errNode, context.DeadlineExceeded}},
		{"permanent", context.Background(), backoff.Permanent(errNode), errNode, []error{errNode}},
	} {
		for name, retry := range map[string]*wrap.Retry{"without retry": nil, "with retry": {MaxAttempts: 1}} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				var asked []error
				m := newCollector(t)
				ran := false
				node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: retry, Ignore: func(err error) bool {
					asked = append(asked, err)
					return err == c.ignore
				}}, func(context.Context, int) (int, error) { ran = true; return 0, c.err })
				_, _ = node(c.ctx, 0)
				if !ran {
					t.Error("the first attempt did not run")
				}
				if fmt.Sprint(asked) != fmt.Sprint(c.asked) {
					t.Errorf("asked about %v, want %v", asked, c.asked)
				}
				successes, failures := uint64(0), uint64(0)
				switch {
				case c.err == nil:
					successes = 1
				case len(c.asked) == 0 || c.asked[len(c.asked)-1] != c.ignore:
					failures = 1
				}
				wantCounts(t, m, successes, failures, 0)
				if got, want := m.Node("node").Ignored(), 1-successes-failures; got != want {
					t.Errorf("%d ignored executions, want %d", got, want)
				}
			})
		}
	}
}

// awkward is an error whose methods panic on a nil pointer.
type awkward struct{ error }

func (a *awkward) Unwrap() error { return a.error }

func TestCauseOfADeadlineIsATimeout(t *testing.T) {
	errSlow, errNode := errors.New("too slow"), errors.New("node failed")
	for _, c := range []struct {
		name                     string
		cause, err               error
		retry                    *wrap.Retry
		timeouts, network, other uint64
	}{
		{name: "cause", cause: errSlow, err: errSlow, timeouts: 1},
		{name: "cause, with a retry", cause: errSlow, err: errSlow, retry: &wrap.Retry{MaxAttempts: 3}, timeouts: 1},
		{name: "wrapped cause", cause: errSlow, err: fmt.Errorf("node: %w", errSlow), timeouts: 1},
		{name: "no cause of its own", err: context.DeadlineExceeded, timeouts: 1},
		{name: "another error", cause: errSlow, err: errNode, other: 1},
		{name: "cause with a category", cause: atomicmetrics.Categorize(errSlow, atomicmetrics.CategoryNetwork), network: 1},
		{name: "error whose Unwrap panics", cause: errSlow, err: (*awkward)(nil), other: 1},
		{name: "ignored cause", cause: context.Canceled, err: context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.err == nil {
					c.err = c.cause
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, c.cause)
				defer cancel()
				m := newCollector(t)
				cfg := wrap.Config{Name: "node", Collector: m, Retry: c.retry, Ignore: func(err error) bool { return err == context.Canceled }}
				_, err := wrap.MustNode(cfg, func(ctx context.Context, _ int) (int, error) {
					<-ctx.Done()
					return 0, c.err
				})(ctx, 0)
				if err != c.err {
					t.Errorf("returned %v, want %v itself", err, c.err)
				}
				got := m.NodeMetrics("node")
				if got.TimeoutErrors != c.timeouts || got.NetworkErrors != c.network || got.OtherErrors != c.other ||
					got.TotalExecutions != c.timeouts+c.network+c.other {
					t.Errorf("%d timeouts, %d network, %d other of %d; want %d, %d, %d", got.TimeoutErrors, got.NetworkErrors,
						got.OtherErrors, got.TotalExecutions, c.timeouts, c.network, c.other)
				}
			})
		})
	}
}

// TestPanicIsNotedWithItsText covers the function and the functions of Config.
func TestPanicIsNotedWithItsText(t *testing.T) {
	failed := func(context.Context, int) (int, error) { return 0, errors.New("node failed") }
	for name, c := range map[string]struct {
		cfg  wrap.Config
		fn   wrap.Func[int, int]
		text string
	}{
		"panic":  {wrap.Config{}, func(context.Context, int) (int, error) { panic("boom") }, "panic: boom"},
		"Goexit": {wrap.Config{}, func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }, "runtime.Goexit"},
		"Ignore": {wrap.Config{Ignore: func(error) bool { panic("Ignore") }}, failed, "panic: Ignore"},
		"If":     {wrap.Config{Retry: &wrap.Retry{MaxAttempts: 2, If: func(error) bool { panic("If") }}}, failed, "panic: If"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t, atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
			c.cfg.Name, c.cfg.Collector = "node", m
			exits(func() { _, _ = wrap.MustNode(c.cfg, c.fn)(t.Context(), 0) })
			if got := m.Node("node").LastFailure(); got.Text != c.text || got.Category != atomicmetrics.CategoryOther {
				t.Errorf("the last failure is %v %q, want other %q", got.Category, got.Text, c.text)
			}
			if running := m.Node("node").InFlight().Running; running != 0 {
				t.Errorf("%d executions still run", running)
			}
			wantCounts(t, m, 0, 1, 0)
		})
	}
}

func TestCallAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	type value [4]string
	errNode, permanent := errors.New("node failed"), backoff.Permanent(errors.New("node failed"))
	ctx := context.Background()
	for _, c := range []struct {
		name string
		cfg  wrap.Config
		err  error
	}{
		{"success", wrap.Config{}, nil},
		{"failure", wrap.Config{}, errNode},
		{"permanent", wrap.Config{}, permanent},
		{"ignored", wrap.Config{Ignore: func(error) bool { return true }}, errNode},
		{"retry not needed", wrap.Config{Retry: &wrap.Retry{MaxAttempts: 2}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Name, c.cfg.Collector = "node", newCollector(t)
			node := wrap.MustNode(c.cfg, func(_ context.Context, v value) (value, error) { return v, c.err })
			if n := testing.AllocsPerRun(1000, func() { _, _ = node(ctx, value{}) }); n != 0 {
				t.Errorf("%v allocations a call", n)
			}
		})
	}
}
