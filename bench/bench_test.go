package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
)

// errTimeout is what failures fail with: an error to be classified, as it comes
// from a client of something.
var errTimeout = fmt.Errorf("fetch page 7: %w", context.DeadlineExceeded)

// cores is how many goroutines run at once.
func cores() int { return runtime.GOMAXPROCS(0) }

// goroutines is how many a value of g= stands for.
func goroutines(g string) int {
	switch g {
	case "1":
		return 1
	case "cores":
		return cores()
	case "4xcores":
		return 4 * cores()
	case "8xcores":
		return 8 * cores()
	case "64xcores":
		return 64 * cores()
	case "rest":
		return max(1, cores()-1)
	}
	panic("no such number of goroutines: " + g)
}

// turns is how much own work a value of work= stands for.
func turns(work string) int {
	if work == "1us" {
		return measure.Microsecond()
	}
	return 0
}

// ours says whether an implementation is this library.
func ours(impl string) bool { return impl == "nodemetrics" || impl == "nodemetrics-tdigest" }

// rivals are the implementations in benchmarks of which there would be too many
// with all: ours, the one written by hand, and the fastest published ones.
var rivals = []string{"nodemetrics", "nodemetrics-tdigest", "mutex-ring", "xsync-mutex-ring",
	"monkit-durationval", "prometheus-histogram", "victoria-histogram"}

// implsOf returns the implementations whose registry is a T; with names given,
// those of them.
func implsOf[T any](names ...string) []peer.Impl {
	var impls []peer.Impl
	for _, impl := range peer.All {
		if _, ok := impl.New().(T); ok && (len(names) == 0 || slices.Contains(names, impl.Name)) {
			impls = append(impls, impl)
		}
	}
	return impls
}

// fill has the windows of a registry filled, so that what is measured is what
// goes on for ever: a t-digest begins to fold and to forget only then.
func fill(impl peer.Impl, n peer.Node) {
	window := 200
	if impl.Name == "nodemetrics-tdigest" {
		window = peer.TDigestWindow
	}
	for i := range window {
		n.RecordSuccess(measure.Duration(i))
	}
}

// bursts is how often spreadNode tries.
const bursts = 10_000

// spreadNode has all cores contend for a node of a collector, until it is spread
// over them. With one core, two goroutines contend on a second one.
func spreadNode(c *atomicmetrics.Collector, n *atomicmetrics.Node) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, cores())))
	before := c.Stats().ShardedNodes
	for range bursts {
		measure.Spread(10_000, cores(), successes(n, 0))
		if c.Stats().ShardedNodes > before {
			return nil
		}
	}
	return fmt.Errorf("node %s is not spread after %d bursts", n.Name(), bursts)
}

// spreadRegistry returns a registry of ours with nodes of these names, all of
// them spread. It is made on first use.
func spreadRegistry(names ...string) func() (peer.Nodemetrics, error) {
	return sync.OnceValues(func() (peer.Nodemetrics, error) {
		r := peer.NewNodemetrics()
		for _, name := range names {
			if err := spreadNode(r.Collector, r.Collector.Node(name)); err != nil {
				return r, err
			}
		}
		return r, nil
	})
}

// registry has a node named "node" with a full window. It is made on first use:
// a benchmark is run several times, each longer than the last, and goes on
// where it was.
func registry(impl peer.Impl) func() peer.Registry {
	return sync.OnceValue(func() peer.Registry {
		r := impl.New()
		fill(impl, r.(peer.Handles).Node("node"))
		return r
	})
}

// no takes a metric off that a benchmark has by default and that says nothing
// in it.
func no(b *testing.B, metric string) { b.ReportMetric(0, metric) }
