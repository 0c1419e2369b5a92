package wrap_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/wrap"
)

func TestTimeoutIsPerAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCollector(t)
		attempts := 0
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: m, Timeout: 10 * time.Second,
			Retry: &wrap.Retry{MaxAttempts: 3, Backoff: constant(time.Second)},
		}, func(ctx context.Context, _ int) (int, error) {
			attempts++
			start := time.Now()
			if deadline, ok := ctx.Deadline(); !ok || !deadline.Equal(start.Add(10*time.Second)) {
				t.Errorf("attempt %d: deadline %v, %t", attempts, deadline, ok)
			}
			<-ctx.Done()
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("attempt %d ended after %v, want 10s", attempts, took)
			}
			return 0, ctx.Err()
		})
		if _, err := node(t.Context(), 0); err != context.DeadlineExceeded || attempts != 3 {
			t.Errorf("%d attempts, error %v; want 3, %v", attempts, err, context.DeadlineExceeded)
		}
		wantCounts(t, m, 0, 1, 2)
		if got := m.NodeMetrics("node"); got.TotalDuration != 32*time.Second || got.TimeoutErrors != 1 {
			t.Errorf("took %v, %d timeouts; want 32s, 1", got.TotalDuration, got.TimeoutErrors)
		}
	})
}

func TestTimeoutIsNoLongerThanTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{
			Name: "node", Collector: m, Timeout: 10 * time.Second, Retry: &wrap.Retry{MaxAttempts: 3},
		}, func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if _, err := node(ctx, 0); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		wantCounts(t, m, 0, 1, 0)
		if took := m.NodeMetrics("node").TotalDuration; took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
	})
}

func TestAttemptsContextEndsWithTheAttempt(t *testing.T) {
	for _, panics := range []bool{false, true} {
		var handedOut context.Context
		node := wrap.MustNode(wrap.Config{Name: "node", Timeout: time.Minute}, func(ctx context.Context, _ int) (int, error) {
			if handedOut = ctx; ctx.Err() != nil {
				t.Error("ended before the attempt did")
			}
			if panics {
				panic("boom")
			}
			return 0, nil
		})
		func() {
			defer func() { _ = recover() }()
			_, _ = node(t.Context(), 0)
		}()
		if handedOut.Err() != context.Canceled {
			t.Errorf("panics=%t: the attempt's context goes on", panics)
		}
	}
}

// TestLateSuccessIsASuccess is about a node that does not heed its deadline: nothing is interrupted, nothing is judged.
func TestLateSuccessIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCollector(t)
		node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Timeout: time.Second}, failing(time.Minute))
		if out, err := node(t.Context(), 0); out != 1 || err != nil {
			t.Errorf("got (%d, %v), want (1, nil)", out, err)
		}
		wantCounts(t, m, 1, 0, 0)
	})
}
