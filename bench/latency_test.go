package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
)

// fewest is how many single records there are at least, so that the percentiles
// exist where benchmarks run once.
const fewest = 2000

// readAll reads all there is in a registry, as its library does it, or its one
// node where it has no such way.
func readAll(r peer.Registry) func() {
	if r, ok := r.(peer.Snapshotter); ok {
		return func() { r.Snapshot() }
	}
	return func() { r.Read("node") }
}

func BenchmarkLatency(b *testing.B) {
	for _, g := range []string{"1", "cores", "4xcores"} {
		for _, impl := range implsOf[peer.Handles](append(rivals, "hdr-mutex")...) {
			full := registry(impl)
			b.Run(fmt.Sprintf("by=handle/op=success/impl=%s/g=%s/work=0", impl.Name, g), func(b *testing.B) {
				singles(b, g, full())
			})
		}
	}
	spread := spreadRegistry("node")
	b.Run("by=handle/op=success/node=spread/impl=nodemetrics/g=1/work=0", func(b *testing.B) {
		r, err := spread()
		if err != nil {
			b.Fatal(err)
		}
		singles(b, "1", r)
	})
}

// singles times single records on the node of a registry, beside a reader.
func singles(b *testing.B, recorders string, r peer.Registry) {
	n := r.(peer.Handles).Node("node")
	g := goroutines(recorders)
	// One for the reader: see the package's comment.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores() + 1))
	b.ResetTimer()
	start := measure.Now()
	stop := measure.Reader(time.Millisecond, readAll(r))
	l := measure.Single(max(b.N, fewest), g, func(i int) { n.RecordSuccess(measure.Duration(i)) })
	reads := stop()
	b.StopTimer()
	no(b, "ns/op")
	for _, p := range []float64{50, 90, 99, 99.8, 99.9, 99.99} {
		b.ReportMetric(float64(l.Percentile(p)), fmt.Sprintf("p%v-ns", p))
	}
	b.ReportMetric(float64(l.Percentile(100)), "max-ns")
	b.ReportMetric(float64(l.ClockCost()), "clock-p50-ns")
	b.ReportMetric(float64(l.ClockPercentile(99.9)), "clock-p99.9-ns")
	b.ReportMetric(float64(l.ClockPercentile(99.99)), "clock-p99.99-ns")
	b.ReportMetric(float64(l.ClockPercentile(100)), "clock-max-ns")
	b.ReportMetric(float64(reads)/(measure.Now()-start).Seconds(), "reads/s")
}
