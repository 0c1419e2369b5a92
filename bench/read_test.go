package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
	"github.com/nodemetrics/nodemetrics/digest"
)

// beside runs recorders at full speed until the function returned is called;
// none for recorders=0.
func beside(recorders string, n func() peer.Node) (stop func()) {
	if recorders == "0" {
		return func() {}
	}
	return measure.Busy(goroutines(recorders), successes(n(), 0))
}

func BenchmarkRead(b *testing.B) {
	for _, recorders := range []string{"0", "rest"} {
		for _, c := range []struct {
			strategy digest.Strategy
			window   int
		}{
			{digest.Exact(), 100}, {digest.Exact(), 1000}, {digest.Exact(), 50_000},
			{digest.TDigest(100), 50_000}, {digest.TDigest(100), 1_000_000},
		} {
			for _, node := range []string{"unspread", "spread"} {
				full := sync.OnceValues(func() (*atomicmetrics.Node, error) {
					return fullNode(c.strategy, c.window, node == "spread")
				})
				b.Run(fmt.Sprintf("strategy=%v/window=%d/node=%s/recorders=%s/impl=nodemetrics", c.strategy, c.window, node, recorders),
					func(b *testing.B) {
						n, err := full()
						if err != nil {
							b.Fatal(err)
						}
						defer beside(recorders, func() peer.Node { return n })()
						b.ReportAllocs()
						b.ResetTimer()
						for range b.N {
							n.Metrics()
						}
						b.StopTimer()
					})
			}
		}
		for _, impl := range implsOf[peer.Handles]("mutex-ring", "monkit-durationval", "gometrics-timer", "prometheus-histogram",
			"prometheus-summary", "hdr-mutex", "ddsketch-mutex", "tdigest-mutex") {
			b.Run(fmt.Sprintf("recorders=%s/impl=%s", recorders, impl.Name), func(b *testing.B) {
				r := impl.New()
				n := r.(peer.Handles).Node("node")
				fill(impl, n)
				defer beside(recorders, func() peer.Node { return n })()
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					r.Read("node")
				}
				b.StopTimer()
			})
		}
	}
}

// fullNode returns a node of ours whose window is full. All cores have filled the
// window of a spread node.
func fullNode(strategy digest.Strategy, window int, spread bool) (*atomicmetrics.Node, error) {
	c := peer.NewNodemetrics(atomicmetrics.WithWindowSize(window), atomicmetrics.WithPercentiles(strategy)).Collector
	n, g := c.Node("node"), 1
	if spread {
		if err := spreadNode(c, n); err != nil {
			return n, err
		}
		g = cores()
	}
	measure.Spread(window, g, successes(n, 0))
	return n, c.Flush(context.Background())
}

func BenchmarkSnapshot(b *testing.B) {
	for _, nodes := range []int{10, 1000, 10_000} {
		for _, impl := range implsOf[peer.Snapshotter]("nodemetrics", "mutex-ring", "prometheus-histogram", "victoria-histogram") {
			full := sync.OnceValue(func() peer.Registry { return fullRegistry(impl, nodes) })
			snapshot := func(form, recorders string, read func(r peer.Registry)) {
				b.Run(fmt.Sprintf("nodes=%d/form=%s/recorders=%s/impl=%s", nodes, form, recorders, impl.Name), func(b *testing.B) {
					r := full()
					defer beside(recorders, func() peer.Node { return r.(peer.Handles).Node(nodeNames(1)[0]) })()
					b.ReportAllocs()
					b.ResetTimer()
					for range b.N {
						read(r)
					}
					b.StopTimer()
				})
			}
			values := func(r peer.Registry) { r.(peer.Snapshotter).Snapshot() }
			snapshot("values", "0", values)
			snapshot("values", "rest", values)
			if _, ok := impl.New().(peer.JSON); ok {
				snapshot("json", "0", func(r peer.Registry) {
					if _, err := r.(peer.JSON).MarshalJSON(); err != nil {
						b.Error(err)
					}
				})
			}
		}
	}
	spread := spreadRegistry(nodeNames(1000)...)
	for _, recorders := range []string{"0", "rest"} {
		b.Run(fmt.Sprintf("node=spread/nodes=1000/form=values/recorders=%s/impl=nodemetrics", recorders), func(b *testing.B) {
			r, err := spread()
			if err != nil {
				b.Fatal(err)
			}
			defer beside(recorders, func() peer.Node { return r.Node(nodeNames(1)[0]) })()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				r.Snapshot()
			}
			b.StopTimer()
		})
	}
}

// fullRegistry has nodes with full windows. Each node has samples of its own,
// so that no branch predictor learns how to sort them.
func fullRegistry(impl peer.Impl, nodes int) peer.Registry {
	r := impl.New()
	random := rand.New(rand.NewPCG(5, 6))
	for _, name := range nodeNames(nodes) {
		n := r.(peer.Handles).Node(name)
		for range 100 {
			n.RecordSuccess(time.Duration(random.ExpFloat64() * float64(time.Millisecond)))
		}
	}
	return r
}

func TestNodesOfASnapshotHaveDifferentSamples(t *testing.T) {
	const nodes = 2 * len(measure.Durations)
	seen := map[time.Duration]string{}
	for name, m := range fullRegistry(peer.All[0], nodes).(peer.Nodemetrics).Collector.All() {
		if other, ok := seen[m.TotalDuration]; ok {
			t.Errorf("%s and %s have the same samples", name, other)
		}
		seen[m.TotalDuration] = name
	}
	if len(seen) != nodes {
		t.Errorf("%d nodes, want %d", len(seen), nodes)
	}
}

// fewestBeside is how many records there are beside a reader at least: starting
// one takes longer than some records.
const fewestBeside = 200_000

// BenchmarkReaderCost is what a reader that never pauses costs the recorders.
func BenchmarkReaderCost(b *testing.B) {
	cost := func(name string, full func() (peer.Registry, error)) {
		b.Run(name, func(b *testing.B) {
			r, err := full()
			if err != nil {
				b.Fatal(err)
			}
			g := goroutines("rest")
			body := successes(r.(peer.Handles).Node("node"), 0)
			alone := func(from, to int) float64 {
				return measure.OnCore(measure.Spread(to-from, g, body), to-from, g, cores())
			}
			beside := func(from, to int) float64 {
				defer measure.Reader(0, readAll(r))()
				return alone(from, to)
			}
			b.ResetTimer()
			rounds := measure.Interleave(max(b.N, fewestBeside), 100_000, alone, beside)
			b.StopTimer()
			no(b, "ns/op")
			b.ReportMetric(rounds.Of[0], "alone-ns/record")
			b.ReportMetric(rounds.Of[1], "beside-ns/record")
			b.ReportMetric(rounds.Of[1]/rounds.Of[0], "slowdown")
		})
	}
	for _, impl := range implsOf[peer.Handles](append(rivals, "hdr-mutex")...) {
		full := registry(impl)
		cost(fmt.Sprintf("by=handle/op=success/impl=%s/g=rest/work=0", impl.Name),
			func() (peer.Registry, error) { return full(), nil })
	}
	spread := spreadRegistry("node")
	cost("by=handle/op=success/node=spread/impl=nodemetrics/g=rest/work=0",
		func() (peer.Registry, error) { return spread() })
}
