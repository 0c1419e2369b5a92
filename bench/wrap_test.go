package bench

import (
	"context"
	"testing"

	"github.com/spacemonkeygo/monkit/v3"

	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// step is what is wrapped: a node that does nothing.
type step = wrap.Func[int, int]

// clocked is a step with two readings of the clock: what a wrapper cannot do
// without.
func clocked(fn step) step {
	return func(ctx context.Context, in int) (int, error) {
		start := measure.Now()
		out, err := fn(ctx, in)
		if measure.Now() < start {
			panic("the clock went back")
		}
		return out, err
	}
}

// byHand is a step with a mutex-ring.
func byHand(n *peer.RingNode, fn step) step {
	return func(ctx context.Context, in int) (int, error) {
		start := measure.Now()
		out, err := fn(ctx, in)
		if d := measure.Now() - start; err != nil {
			n.RecordFailure(d, err)
		} else {
			n.RecordSuccess(d)
		}
		return out, err
	}
}

// tasked is a step with a task of monkit, as its README has it.
func tasked(task monkit.Task, fn step) step {
	return func(ctx context.Context, in int) (out int, err error) {
		defer task(&ctx)(&err)
		return fn(ctx, in)
	}
}

func BenchmarkWrap(b *testing.B) {
	var bare step = func(_ context.Context, in int) (int, error) { return in + 1, nil }
	ours := peer.NewNodemetrics().Collector
	spread, err := spreadRegistry("node")()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		impl string
		fn   step
	}{
		{"impl=bare", bare},
		{"impl=clock", clocked(bare)},
		{"impl=nodemetrics", wrap.MustNode(wrap.Config{Name: "node", Collector: ours}, bare)},
		{"node=spread/impl=nodemetrics", wrap.MustNode(wrap.Config{Name: "node", Collector: spread.Collector}, bare)},
		{"impl=mutex-ring", byHand(new(peer.RingNode), bare)},
		{"impl=monkit-task", tasked(peer.MonkitTask("node"), bare)},
	} {
		b.Run(c.impl+"/g=1/work=0", func(b *testing.B) {
			ctx, n := context.Background(), 0
			each := func(fn step) func(from, to int) float64 {
				return func(from, to int) float64 {
					start := measure.Now()
					for range to - from {
						n, _ = fn(ctx, n)
					}
					return measure.OnCore(measure.Now()-start, to-from, 1, 1)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			if c.impl == "impl=bare" {
				each(bare)(0, b.N)
				return
			}
			rounds := measure.Interleave(b.N, 20_000, each(bare), each(clocked(bare)), each(c.fn))
			b.StopTimer()
			b.ReportMetric(rounds.Of[2], "ns/op")
			b.ReportMetric(rounds.Over[2], "added-ns/call")
			b.ReportMetric(2*rounds.Over[2]/max(rounds.Over[1], 1), "clockreads/call")
		})
	}
}
