package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/wrap"
)

func TestRetriesAreNumberedAndRecordedWhenTheyStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCollector(t)
		attempt := 0
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: m,
			Retry: &wrap.Retry{MaxAttempts: 11, Backoff: constant(time.Minute)},
		}, func(context.Context, int) (int, error) {
			attempt++
			var want [8]uint64 // one for each retry that has started, of this attempt too
			for retry := 1; retry < attempt; retry++ {
				want[min(retry, 8)-1]++
			}
			if got := m.NodeMetrics("node").RetriesByAttempt; got != want {
				t.Errorf("in attempt %d: retries %v, want %v", attempt, got, want)
			}
			time.AfterFunc(30*time.Second, func() { // in the middle of the back-off
				if got := m.NodeMetrics("node").RetriesByAttempt; got != want {
					t.Errorf("after attempt %d: retries %v, want %v", attempt, got, want)
				}
			})
			return 0, errors.New("node failed")
		})
		_, _ = node(t.Context(), 0)
		if got, want := m.NodeMetrics("node").RetriesByAttempt, [8]uint64{1, 1, 1, 1, 1, 1, 1, 3}; got != want {
			t.Errorf("retries %v, want %v", got, want)
		}
	})
}

func TestRetriesOfAnIgnoredExecutionStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: m,
			Retry:  &wrap.Retry{MaxAttempts: 3},
			Ignore: func(error) bool { return true },
		}, failing(0, repeated(errors.New("node failed"), 9)...))
		_, _ = node(t.Context(), 0)
		wantCounts(t, m, 0, 0, 2)
	})
}

func TestNoMoreThanMaxAttempts(t *testing.T) {
	errNode := errors.New("node failed")
	for attempts := range 12 {
		retry := &wrap.Retry{MaxAttempts: attempts, Backoff: constant(0), If: func(error) bool { return true }}
		if attempts == 0 {
			retry = nil
		}
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: retry}, failing(0, repeated(errNode, 99)...))
		want := max(attempts, 1)
		if out, err := node(t.Context(), 0); out != want || err != errNode {
			t.Errorf("MaxAttempts %d: %d attempts, error %v", attempts, out, err)
		}
		wantCounts(t, m, 0, 1, uint64(want-1))
	}
}

func TestRetriesStopWhenTheContextEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		end      time.Duration // of the caller's context, in a call of attempts of 10 s with waits of 60 s
		attempts int
		took     time.Duration
	}{
		{"before the call", 0, 1, 10 * time.Second},
		{"in the first attempt", 5 * time.Second, 1, 10 * time.Second},
		{"in the first back-off", 34567 * time.Millisecond, 1, 34567 * time.Millisecond},
		{"in the second attempt", 75 * time.Second, 2, 80 * time.Second},
		{"in the second back-off", 139*time.Second + 1, 2, 139*time.Second + 1},
		{"after the call", time.Hour, 3, 150 * time.Second},
	} {
		for _, deadline := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/deadline=%t", c.name, deadline), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					if deadline {
						ctx, cancel = context.WithTimeout(t.Context(), c.end)
					} else if c.end == 0 {
						cancel()
					} else {
						time.AfterFunc(c.end, cancel)
					}
					defer cancel()
					m := newCollector(t)
					asked := 0
					node := wrap.MustNode(wrap.Config{
						Name: "node", Collector: m,
						Retry: &wrap.Retry{
							MaxAttempts: 3,
							Backoff:     constant(time.Minute),
							If: func(error) bool {
								if asked++; ctx.Err() != nil {
									t.Error("If was asked after the context had ended")
								}
								return true
							},
						},
					}, failing(10*time.Second, repeated(errors.New("node failed"), 9)...))
					start := time.Now()
					out, err := node(ctx, 0)
					if took := time.Since(start); took != c.took {
						t.Errorf("took %v, want %v", took, c.took)
					}
					if out != c.attempts || err == nil || err.Error() != "node failed" {
						t.Errorf("got (%d, %v), want those of attempt %d", out, err, c.attempts)
					}
					wantCounts(t, m, 0, 1, uint64(c.attempts-1))
				})
			})
		}
	}
}

// TestNoRetryStartsOnceTheContextEnded ends the context where no wait would notice.
func TestNoRetryStartsOnceTheContextEnded(t *testing.T) {
	for name, waits := range map[string]time.Duration{"no wait": 0, "negative wait": -2, "wait": time.Second} {
		for _, end := range []string{"If", "Backoff", "NextBackOff"} {
			t.Run(name+"/"+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					at := func(where string) {
						if where == end {
							cancel()
						}
					}
					start := time.Now()
					out, err := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{
						MaxAttempts: 3,
						If:          func(error) bool { at("If"); return true },
						Backoff: func() backoff.BackOff {
							at("Backoff")
							return &scripted{waits: repeat(waits, 9), onNext: func() { at("NextBackOff") }}
						},
					}}, failing(0, repeated(errors.New("x"), 9)...))(ctx, 0)
					if took := time.Since(start); out != 1 || err == nil || took != 0 {
						t.Errorf("%d attempts, error %v, took %v", out, err, took)
					}
				})
			})
		}
	}
}

// scripted is a policy that answers each of waits in turn, then backoff.Stop, and keeps a log of its calls.
type scripted struct {
	waits  []time.Duration
	onNext func()
	log    *[]string
	next   int
}

func repeat(d time.Duration, n int) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }

func (s *scripted) note(call string) {
	if s.log != nil {
		*s.log = append(*s.log, call)
	}
}

func (s *scripted) Reset() {
	s.note("reset")
	s.next = 0
}

func (s *scripted) NextBackOff() time.Duration {
	s.note("next")
	if s.onNext != nil {
		s.onNext()
	}
	if s.next == len(s.waits) {
		return backoff.Stop
	}
	s.next++
	return s.waits[s.next-1]
}

func TestPolicyIsMadeOncePerCallThatRetries(t *testing.T) {
	errNode := errors.New("node failed")
	for _, c := range []struct {
		name  string
		errs  []error
		retry wrap.Retry
		want  []string
	}{
		{"success at once", nil, wrap.Retry{MaxAttempts: 3}, nil},
		{"one attempt", repeated(errNode, 9), wrap.Retry{MaxAttempts: 1}, nil},
		{"permanent", []error{backoff.Permanent(errNode)}, wrap.Retry{MaxAttempts: 3}, nil},
		{"no by If", repeated(errNode, 9), wrap.Retry{MaxAttempts: 3, If: func(error) bool { return false }}, nil},
		{"two retries", repeated(errNode, 9), wrap.Retry{MaxAttempts: 3}, []string{"new", "reset", "next", "next"}},
		{"stop", repeated(errNode, 9), wrap.Retry{MaxAttempts: 9}, []string{"new", "reset", "next", "next", "next", "next"}},
		{"RetryAfter", []error{backoff.RetryAfter(1), errNode}, wrap.Retry{MaxAttempts: 9},
			[]string{"new", "reset", "next", "reset", "next"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 2 { // the second call has a policy of its own
					var log []string
					c.retry.Backoff = func() backoff.BackOff {
						log = append(log, "new")
						return &scripted{waits: repeat(time.Second, 3), log: &log, next: 3} // at its end until it is reset
					}
					node := wrap.MustNode(wrap.Config{Name: "node", Retry: &c.retry}, failing(0, c.errs...))
					_, _ = node(t.Context(), 0)
					if !slices.Equal(log, c.want) {
						t.Errorf("calls %q, want %q", log, c.want)
					}
				}
			})
		})
	}
}

func TestBackoffStopEndsTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: &wrap.Retry{
			MaxAttempts: 9,
			Backoff:     func() backoff.BackOff { return &scripted{waits: repeat(time.Second, 2)} },
		}}, failing(0, repeated(backoff.RetryAfter(1), 9)...))
		start := time.Now()
		if out, _ := node(t.Context(), 0); out != 9 {
			t.Errorf("%d attempts, want 9: each RetryAfter resets the policy", out)
		}
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("took %v, want 8s", took)
		}
		node = wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: &wrap.Retry{
			MaxAttempts: 9,
			Backoff:     func() backoff.BackOff { return &scripted{waits: repeat(time.Second, 2)} },
		}}, failing(0, repeated(errors.New("x"), 9)...))
		if out, _ := node(t.Context(), 0); out != 3 {
			t.Errorf("%d attempts, want 3: the policy stops after two waits", out)
		}
		for _, err := range []error{errors.New("x"), backoff.RetryAfter(1)} {
			node = wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: &wrap.Retry{
				MaxAttempts: 9,
				Backoff:     stop,
			}}, failing(0, repeated(err, 9)...))
			if out, got := node(t.Context(), 0); out != 1 || got != err {
				t.Errorf("got (%d, %v), want (1, %v)", out, got, err)
			}
		}
	})
}

func TestWaitsAreThePolicys(t *testing.T) {
	errNode := errors.New("node failed")
	exponential := func() backoff.BackOff {
		return &backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: 5 * time.Second}
	}
	after := func(seconds int) error { return fmt.Errorf("busy: %w", backoff.RetryAfter(seconds)) }
	for _, c := range []struct {
		name    string
		backoff func() backoff.BackOff
		errs    []error
		want    []time.Duration // in seconds, between the starts of attempts
	}{
		{"constant", constant(3 * time.Second), repeated(errNode, 3), []time.Duration{3, 3, 3}},
		{"zero", func() backoff.BackOff { return &backoff.ZeroBackOff{} }, repeated(errNode, 3), []time.Duration{0, 0, 0}},
		{"negative", constant(-time.Second), repeated(errNode, 3), []time.Duration{0, 0, 0}}, // not backoff.Stop
		{"exponential", exponential, repeated(errNode, 5), []time.Duration{1, 2, 4, 5, 5}},
		{"RetryAfter", exponential, []error{errNode, errNode, after(40), errNode, errNode}, []time.Duration{1, 2, 40, 1, 2}},
		{"RetryAfter first", exponential, []error{after(7), errNode}, []time.Duration{7, 1}},
		{"RetryAfter 0", exponential, []error{after(0), errNode}, []time.Duration{0, 1}},
		{"RetryAfter negative", exponential, []error{after(-1), errNode}, []time.Duration{0, 1}},
		{"RetryAfter like Stop", exponential, []error{&backoff.RetryAfterError{Duration: backoff.Stop}}, []time.Duration{0}},
		{"RetryAfter nil", exponential, []error{(*backoff.RetryAfterError)(nil)}, []time.Duration{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var waits []time.Duration
				last, next := time.Now(), failing(0, c.errs...)
				node := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{MaxAttempts: 9, Backoff: c.backoff}},
					func(ctx context.Context, in int) (int, error) {
						waits = append(waits, time.Since(last)/time.Second)
						last = time.Now()
						return next(ctx, in)
					})
				if _, err := node(t.Context(), 0); err != nil {
					t.Errorf("error %v", err)
				}
				if !slices.Equal(waits[1:], c.want) {
					t.Errorf("waits %d, want %d", waits[1:], c.want)
				}
			})
		})
	}
}

func TestNoBackoffIsTheExponentialDefault(t *testing.T) {
	for name, factory := range map[string]func() backoff.BackOff{
		"nil":         nil,
		"returns nil": func() backoff.BackOff { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls = 100
				var least, most, total time.Duration
				for range calls {
					node := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{MaxAttempts: 3, Backoff: factory}},
						failing(0, repeated(errors.New("x"), 2)...))
					start := time.Now()
					_, _ = node(t.Context(), 0)
					took := time.Since(start)
					if least == 0 || took < least {
						least = took
					}
					most, total = max(most, took), total+took
				}
				// Two waits, 250 to 750 ms and 375 to 1,125 ms: 1.25 s on average, with a deviation of 26 ms for a mean of 100.
				mean := total / calls
				if least < 625*time.Millisecond || most > 1876*time.Millisecond || least == most ||
					mean < time.Second || mean > 1500*time.Millisecond {
					t.Errorf("took %v to %v, %v on average", least, most, mean)
				}
			})
		})
	}
}

func TestIfDecidesAboutRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errBusy, errBad := errors.New("busy"), errors.New("bad request")
		var asked []error
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Retry: &wrap.Retry{
			MaxAttempts: 4,
			If:          func(err error) bool { asked = append(asked, err); return err == errBusy },
		}}, failing(0, errBusy, errBusy, errBad, errBusy, errBusy, errBusy, errBusy))
		if out, err := node(t.Context(), 0); out != 3 || err != errBad {
			t.Errorf("got (%d, %v), want (3, %v)", out, err, errBad)
		}
		if want := []error{errBusy, errBusy, errBad}; !slices.Equal(asked, want) {
			t.Errorf("asked about %v, want %v", asked, want)
		}
		asked = nil
		if out, err := node(t.Context(), 0); out != 7 || err != errBusy {
			t.Errorf("got (%d, %v), want (7, %v)", out, err, errBusy)
		}
		if len(asked) != 3 {
			t.Errorf("asked %d times, want 3: not after the last attempt", len(asked))
		}
		wantCounts(t, m, 0, 2, 5)
	})
}

func TestIfIsNotAskedAboutAPermanentError(t *testing.T) {
	asked := func(err error) bool {
		t.Errorf("asked about %v", err)
		return true
	}
	node := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{MaxAttempts: 4, If: asked}},
		failing(0, fmt.Errorf("x: %w", backoff.Permanent(errors.New("y")))))
	if out, err := node(t.Context(), 0); out != 1 || err == nil {
		t.Errorf("got (%d, %v), want one attempt and its error", out, err)
	}
}

// TestNoIfRetriesEveryOtherError has errors that look like an end and are none: the caller's context goes on.
func TestNoIfRetriesEveryOtherError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := wrap.MustNode(wrap.Config{Name: "node", Retry: &wrap.Retry{MaxAttempts: 9}},
			failing(0, context.Canceled, context.DeadlineExceeded, errors.New("x")))
		if out, err := node(t.Context(), 0); out != 4 || err != nil {
			t.Errorf("got (%d, %v), want (4, nil)", out, err)
		}
	})
}

func TestWaitingNeedsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: newCollector(t),
			Retry: &wrap.Retry{MaxAttempts: 2, Backoff: constant(time.Minute)},
		}, failing(0, errors.New("x")))
		before := runtime.NumGoroutine()
		go func() { _, _ = node(t.Context(), 0) }()
		synctest.Wait() // the call is in its back-off
		if n := runtime.NumGoroutine() - before; n != 1 {
			t.Errorf("%d goroutines for a call, want 1", n)
		}
	})
}
