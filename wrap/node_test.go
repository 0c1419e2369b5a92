package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// newCollector returns a collector with the options given.
func newCollector(tb testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// wantCounts compares the counters of the node called "node".
func wantCounts(t *testing.T, c *atomicmetrics.Collector, successes, failures, retries uint64) {
	t.Helper()
	m := c.NodeMetrics("node")
	if m.SuccessCount != successes || m.FailureCount != failures || m.RetryCount != retries {
		t.Errorf("%d successes, %d failures, %d retries; want %d, %d, %d",
			m.SuccessCount, m.FailureCount, m.RetryCount, successes, failures, retries)
	}
}

// failing returns a node that takes d, fails with each of errs in turn and then succeeds. Its result is the number of
// calls it has had.
func failing(d time.Duration, errs ...error) wrap.Func[int, int] {
	calls := 0
	return func(context.Context, int) (int, error) {
		time.Sleep(d)
		calls++
		if calls <= len(errs) {
			return calls, errs[calls-1]
		}
		return calls, nil
	}
}

// constant is a Retry.Backoff.
func constant(d time.Duration) func() backoff.BackOff {
	return func() backoff.BackOff { return backoff.NewConstantBackOff(d) }
}

// stop is a Retry.Backoff.
func stop() backoff.BackOff { return &backoff.StopBackOff{} }

// repeated returns n times err.
func repeated(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestEachCallIsOneExecution(t *testing.T) {
	errNode := errors.New("node failed")
	for _, c := range []struct {
		name                         string
		retry                        *wrap.Retry
		errs                         []error
		calls                        int
		successes, failures, retries uint64
	}{
		{"success", nil, nil, 5, 5, 0, 0},
		{"failure", nil, repeated(errNode, 2), 5, 3, 2, 0},
		{"success after retries", &wrap.Retry{MaxAttempts: 4}, repeated(errNode, 3), 2, 2, 0, 3},
		{"failure after retries", &wrap.Retry{MaxAttempts: 2}, repeated(errNode, 4), 3, 1, 2, 2},
		{"retry not needed", &wrap.Retry{MaxAttempts: 4}, nil, 3, 3, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: c.retry}, failing(0, c.errs...))
				failures := uint64(0)
				for range c.calls {
					if _, err := node(t.Context(), 0); err != nil {
						failures++
					}
				}
				wantCounts(t, m, c.successes, c.failures, c.retries)
				if failures != c.failures {
					t.Errorf("%d calls failed, want %d", failures, c.failures)
				}
			})
		})
	}
}

// TestResultAndErrorAreTheLastAttempts checks identity, not equality, however the retries came to an end.
func TestResultAndErrorAreTheLastAttempts(t *testing.T) {
	type result struct{ attempt int }
	for _, c := range []struct {
		name     string
		attempts int
		retry    *wrap.Retry
		end      time.Duration // of the caller's context
	}{
		{"no retry", 1, nil, 0},
		{"one attempt", 1, &wrap.Retry{MaxAttempts: 1}, 0},
		{"out of attempts", 4, &wrap.Retry{MaxAttempts: 4, Backoff: constant(time.Second)}, 0},
		{"backoff.Stop", 1, &wrap.Retry{MaxAttempts: 4, Backoff: stop}, 0},
		{"Retry.If", 1, &wrap.Retry{MaxAttempts: 4, If: func(error) bool { return false }}, 0},
		{"context ended", 2, &wrap.Retry{MaxAttempts: 4, Backoff: constant(time.Second)}, 1500 * time.Millisecond},
		{"long beyond 15 minutes", 4, &wrap.Retry{MaxAttempts: 4, Backoff: constant(time.Hour)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.end > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.end)
					defer cancel()
				}
				var results []*result
				var errs []error
				node := wrap.MustNode(wrap.Config{Name: "node", Collector: newCollector(t), Retry: c.retry},
					func(context.Context, struct{}) (*result, error) {
						results = append(results, &result{len(results) + 1})
						errs = append(errs, fmt.Errorf("attempt %d: %w", len(results), context.DeadlineExceeded))
						return results[len(results)-1], errs[len(errs)-1]
					})
				out, err := node(ctx, struct{}{})
				if len(results) != c.attempts {
					t.Fatalf("%d attempts, want %d", len(results), c.attempts)
				}
				if out != results[c.attempts-1] || err != errs[c.attempts-1] {
					t.Errorf("got (%v, %v), want those of attempt %d", out, err, c.attempts)
				}
			})
		})
	}
}

func TestInputAndContextReachEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "value")
		attempts := 0
		node := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{MaxAttempts: 3}},
			func(got context.Context, in *int) (int, error) {
				if got != ctx || in != &attempts {
					t.Errorf("called with %v and %p", got, in)
				}
				attempts++
				return 0, errors.New("node failed")
			})
		if _, err := node(ctx, &attempts); err == nil || attempts != 3 {
			t.Errorf("%d attempts, error %v; want 3 and one", attempts, err)
		}
	})
}

func TestPermanentErrorIsReturnedAsWhatItWraps(t *testing.T) {
	cause := errors.New("no such order")
	nested := fmt.Errorf("charge: %w", backoff.Permanent(cause))
	joined := errors.Join(errors.New("charge"), backoff.Permanent(cause))
	inner, empty := backoff.Permanent(cause), &backoff.PermanentError{}
	always := func(error) bool { return true }
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"itself", backoff.Permanent(cause), cause},
		{"wrapped", nested, nested},
		{"joined", joined, joined},
		{"twice", backoff.Permanent(inner), inner}, // one layer: the other is for whoever calls the caller
		{"of nothing", empty, empty},
		{"nil pointer", (*backoff.PermanentError)(nil), (*backoff.PermanentError)(nil)},
	} {
		for name, retry := range map[string]*wrap.Retry{
			"without retry": nil,
			"with retry":    {MaxAttempts: 3},
			"with If":       {MaxAttempts: 3, If: always},
		} {
			for _, measured := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/measured=%t", c.name, name, measured), func(t *testing.T) {
					var classified []error
					var m *atomicmetrics.Collector
					if measured {
						m = newCollector(t, atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
							classified = append(classified, err)
							return atomicmetrics.CategoryValidation
						}))
					}
					node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: retry}, failing(0, c.err))
					out, err := node(t.Context(), 0)
					if err != c.want || out != 1 {
						t.Errorf("got (%d, %#v), want (1, %#v)", out, err, c.want)
					}
					if !measured {
						return
					}
					wantCounts(t, m, 0, 1, 0)
					if len(classified) != 1 || classified[0] != c.want {
						t.Errorf("classified %#v, want %#v alone", classified, c.want)
					}
				})
			}
		}
	}
}

func TestConfigErrorNamesEveryBadField(t *testing.T) {
	ok := failing(0)
	for _, c := range []struct {
		name string
		cfg  wrap.Config
		fn   wrap.Func[int, int]
		want string
	}{
		{"empty name", wrap.Config{}, ok, `wrap: node "": Name must not be empty`},
		{"nil function", wrap.Config{Name: "n"}, nil, `wrap: node "n": the function must not be nil`},
		{"no attempt", wrap.Config{Name: "n", Retry: &wrap.Retry{}}, ok,
			`wrap: node "n": Retry.MaxAttempts: 0 must be at least 1`},
		{"negative attempts", wrap.Config{Name: "n", Retry: &wrap.Retry{MaxAttempts: -1}}, ok,
			`wrap: node "n": Retry.MaxAttempts: -1 must be at least 1`},
		{"negative timeout", wrap.Config{Name: "a \"b\"\n", Timeout: -time.Second}, ok,
			`wrap: node "a \"b\"\n": Timeout: -1s must be at least 0`},
		{"all", wrap.Config{Retry: &wrap.Retry{MaxAttempts: -7}, Timeout: -1}, nil,
			"wrap: node \"\": Name must not be empty\n" +
				"wrap: node \"\": the function must not be nil\n" +
				"wrap: node \"\": Retry.MaxAttempts: -7 must be at least 1\n" +
				"wrap: node \"\": Timeout: -1ns must be at least 0"},
		{"least", wrap.Config{Name: "n", Retry: &wrap.Retry{MaxAttempts: 1}}, ok, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Collector = newCollector(t, atomicmetrics.WithMaxNodes(1))
			node, err := wrap.Node(c.cfg, c.fn)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("error %q, want %q", got, c.want)
			}
			if (node == nil) != (err != nil) {
				t.Errorf("node is nil: %t, with error %v", node == nil, err)
			}
			if name := c.cfg.Collector.Node("other").Name(); err != nil && name != "other" {
				t.Error("a node that was refused took a place in the collector")
			}
			defer func() {
				if p := recover(); fmt.Sprint(p) != fmt.Sprint(err) {
					t.Errorf("MustNode panicked with %v, want %v", p, err)
				}
			}()
			wrap.MustNode(c.cfg, c.fn)
		})
	}
}

func TestConfigIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retry := wrap.Retry{MaxAttempts: 2}
		node := wrap.MustNode(wrap.Config{Name: "node", Retry: &retry}, failing(0, repeated(errors.New("x"), 9)...))
		retry.MaxAttempts = 5
		if out, _ := node(t.Context(), 0); out != 2 {
			t.Errorf("%d attempts, want 2", out)
		}
	})
}

func TestNodeWithoutCollectorRunsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errNode := errors.New("node failed")
		cfg := wrap.Config{
			Name:    "node",
			Retry:   &wrap.Retry{MaxAttempts: 3, Backoff: constant(time.Second)},
			Timeout: time.Second,
			Ignore:  func(error) bool { t.Error("Ignore was asked"); return false },
		}
		node := wrap.MustNode(cfg, func(ctx context.Context, in int) (int, error) {
			<-ctx.Done()
			return in + 1, errNode
		})
		start := time.Now()
		if out, err := node(t.Context(), 1); out != 2 || err != errNode {
			t.Errorf("got (%d, %v), want (2, %v)", out, err, errNode)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want three attempts and two waits of a second", took)
		}
	})
}

func TestHandleOutlivesAReset(t *testing.T) {
	m := newCollector(t)
	node := wrap.MustNode(wrap.Config{Name: "node", Collector: m}, failing(0))
	if _, err := node(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	m.Reset()
	wantCounts(t, m, 0, 0, 0)
	if _, err := node(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, m, 1, 0, 0)
}

func TestNilContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errNode := errors.New("node failed")
		for _, c := range []struct {
			name string
			cfg  wrap.Config
			took time.Duration
		}{
			{"plain", wrap.Config{Ignore: wrap.Canceled}, 0},
			{"retry", wrap.Config{Retry: &wrap.Retry{MaxAttempts: 2, Backoff: constant(time.Second)}}, time.Second},
			{"timeout", wrap.Config{Timeout: time.Minute}, 0},
		} {
			m, start := newCollector(t), time.Now()
			c.cfg.Name, c.cfg.Collector = "node", m
			node := wrap.MustNode(c.cfg, func(ctx context.Context, _ int) (int, error) {
				if (ctx == nil) == (c.cfg.Timeout > 0) {
					t.Errorf("%s: called with context %v", c.name, ctx)
				}
				return 0, errNode
			})
			if _, err := node(nil, 0); err != errNode {
				t.Errorf("%s: error %v, want %v", c.name, err, errNode)
			}
			wantCounts(t, m, 0, 1, uint64(c.took/time.Second))
			if took := time.Since(start); took != c.took {
				t.Errorf("%s: took %v, want %v", c.name, took, c.took)
			}
		}
	})
}

func TestCanceled(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{context.Canceled, true},
		{fmt.Errorf("call: %w", context.Canceled), true},
		{errors.Join(errors.New("x"), context.Canceled), true},
		{context.DeadlineExceeded, false},
		{errors.New("context canceled"), false},
		{nil, false},
	} {
		if got := wrap.Canceled(c.err); got != c.want {
			t.Errorf("Canceled(%v) = %t", c.err, got)
		}
	}
}

// TestConcurrentCalls has several goroutines call one node with retries, timeout and Ignore; each call's course is its
// own. It is for the race detector, and for anything that calls might share.
func TestConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines, calls = 8, 50
		errIgnored := errors.New("no verdict")
		m := newCollector(t)
		type call struct{ failures, attempts int }
		node := wrap.MustNode(wrap.Config{
			Name:      "node",
			Collector: m,
			Retry: &wrap.Retry{MaxAttempts: 4, Backoff: func() backoff.BackOff {
				return &backoff.ExponentialBackOff{InitialInterval: time.Millisecond, Multiplier: 2, MaxInterval: time.Second}
			}},
			Timeout: time.Second,
			Ignore:  func(err error) bool { return err == errIgnored },
		}, func(_ context.Context, c *call) (int, error) {
			c.attempts++
			switch {
			case c.failures == 5:
				return 0, backoff.Permanent(errIgnored)
			case c.attempts <= c.failures:
				return 0, errors.New("node failed")
			}
			return c.attempts, nil
		})
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for i := range calls {
					c := call{failures: i % 6}
					start := time.Now()
					out, err := node(t.Context(), &c)
					took := time.Since(start)
					// A policy that calls share would give other waits than 1, 2 and 4 ms.
					waits := min(c.failures, 3)
					if c.failures == 5 {
						waits = 0
					}
					if want := time.Duration(1<<waits-1) * time.Millisecond; took != want {
						t.Errorf("%d failures took %v, want %v", c.failures, took, want)
					}
					if (err == nil) != (c.failures < 4) || err == nil && out != c.failures+1 {
						t.Errorf("%d failures: got (%d, %v)", c.failures, out, err)
					}
				}
			})
		}
		wg.Wait()
		var successes, failures, retries uint64
		for i := range calls {
			switch f := uint64(i % 6); {
			case f < 4:
				successes++
				retries += f
			case f == 4:
				failures++
				retries += 3
			}
		}
		wantCounts(t, m, goroutines*successes, goroutines*failures, goroutines*retries)
	})
}
