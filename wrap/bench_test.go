package wrap_test

import (
	"context"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// BenchmarkNode is a call of a node that does nothing, bare and wrapped. What a wrapped call should cost over a bare
// one is two readings of the clock (impl=clock2) and a record on a handle.
func BenchmarkNode(b *testing.B) {
	var bare wrap.Func[int, int] = func(_ context.Context, in int) (int, error) { return in + 1, nil }
	clock2 := func(ctx context.Context, in int) (int, error) {
		start := clock.Now()
		out, err := bare(ctx, in)
		if clock.Now() < start {
			b.Error("the clock went back")
		}
		return out, err
	}
	cfg := wrap.Config{Name: "node", Collector: newCollector(b)}
	retry, timeout := cfg, cfg
	retry.Retry = &wrap.Retry{MaxAttempts: 3}
	timeout.Timeout = time.Minute
	inFlight := wrap.Config{Name: "node", Collector: newCollector(b, atomicmetrics.WithInFlight())}
	ctx := context.Background()
	for _, c := range []struct {
		name string
		node wrap.Func[int, int]
	}{
		{"impl=bare", bare},
		{"impl=clock2", clock2},
		{"impl=wrapped", wrap.MustNode(cfg, bare)},
		{"impl=wrapped/retry", wrap.MustNode(retry, bare)},
		{"impl=wrapped/timeout", wrap.MustNode(timeout, bare)},
		{"impl=wrapped/inFlight", wrap.MustNode(inFlight, bare)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n, _ = c.node(ctx, n)
			}
		})
	}
}
