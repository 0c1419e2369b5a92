package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
	"github.com/nodemetrics/nodemetrics/digest"
)

// heap returns the bytes in use after everything that can be freed is.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer or a pool let go in the first
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// weigh reports what one of some nodes takes, the registry's share included, in
// a registry that make makes. It is done once in a run, the first time, which
// has b.N = 1, however long the run is.
func weigh(nodes int, make func() (registry any)) func(b *testing.B) {
	var each float64
	return func(b *testing.B) {
		if b.N == 1 {
			before := heap()
			registry := make()
			each = (float64(heap()) - float64(before)) / float64(nodes)
			runtime.KeepAlive(registry)
		}
		b.StopTimer()
		no(b, "ns/op")
		b.ReportMetric(each, "bytes/node")
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct {
		strategy digest.Strategy
		window   int
	}{
		{digest.Exact(), 100}, {digest.Exact(), 1000}, {digest.Exact(), 10_000}, {digest.Exact(), 65_536},
		{digest.TDigest(100), 10_000}, {digest.TDigest(100), 65_536}, {digest.TDigest(100), 1_000_000},
	} {
		for _, state := range []string{"idle", "one", "contended"} {
			nodes, records := 2000, 0
			switch state {
			case "one":
				nodes, records = max(4, min(2000, 400_000/c.window)), 2*c.window
			case "contended":
				nodes, records = 4, max(100_000, 2*c.window)
			}
			b.Run(fmt.Sprintf("state=%s/strategy=%v/window=%d/impl=nodemetrics", state, c.strategy, c.window),
				weigh(nodes, func() any {
					metrics := peer.NewNodemetrics(atomicmetrics.WithWindowSize(c.window), atomicmetrics.WithPercentiles(c.strategy))
					for _, name := range nodeNames(nodes) {
						n := metrics.Node(name)
						if state == "contended" {
							measure.Spread(records, max(2, cores()), successes(n, 0))
						} else {
							successes(n, 0)(0, 0, records)
						}
					}
					if err := metrics.Flush(context.Background()); err != nil {
						b.Error(err)
					}
					return metrics
				}))
		}
	}
	for _, impl := range implsOf[peer.Handles]() {
		if ours(impl.Name) {
			continue // above
		}
		const nodes = 100
		b.Run("state=one/impl="+impl.Name, weigh(nodes, func() any {
			r := impl.New()
			for _, name := range nodeNames(nodes) {
				fill(impl, r.(peer.Handles).Node(name))
			}
			return r
		}))
	}
}
