package wrap_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// A call is in flight from its beginning to its end, retries and waits between them included, however it ends.
func TestACallIsInFlightUntilItEnds(t *testing.T) {
	refused := errors.New("refused")
	for name, fn := range map[string]wrap.Func[int, int]{
		"success": func(context.Context, int) (int, error) { return 1, nil },
		"failure": func(context.Context, int) (int, error) { return 0, refused },
		"ignored": func(context.Context, int) (int, error) { return 0, context.Canceled },
		"panic":   func(context.Context, int) (int, error) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t, atomicmetrics.WithInFlight())
				leave := make(chan struct{})
				node := wrap.MustNode(wrap.Config{Name: "node", Collector: m, Ignore: wrap.Canceled,
					Retry: &wrap.Retry{MaxAttempts: 2, Backoff: constant(time.Minute)}},
					func(ctx context.Context, in int) (int, error) {
						<-leave
						return fn(ctx, in)
					})
				for range 2 {
					go func() {
						defer func() { _ = recover() }()
						_, _ = node(t.Context(), 0)
					}()
				}
				time.Sleep(time.Hour)
				want := atomicmetrics.InFlight{Running: 2, Highest: 2, Oldest: time.Hour}
				if got := m.Node("node").InFlight(); got != want {
					t.Errorf("beside the calls: %+v, want %+v", got, want)
				}
				close(leave)
				synctest.Wait()
				if name == "failure" || name == "ignored" { // they wait for another attempt
					if got := m.Node("node").InFlight().Running; got != 2 {
						t.Errorf("between attempts: %d are running", got)
					}
					time.Sleep(time.Hour)
				}
				if got := m.Node("node").InFlight(); got != (atomicmetrics.InFlight{Highest: 2}) {
					t.Errorf("after the calls: %+v", got)
				}
			})
		})
	}
}
