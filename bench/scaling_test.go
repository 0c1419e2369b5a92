package bench

import (
	"fmt"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
)

// upTo returns 1, 2, 4 … and n itself.
func upTo(n int) []int {
	var all []int
	for g := 1; g < n; g *= 2 {
		all = append(all, g)
	}
	return append(all, n)
}

func BenchmarkScaling(b *testing.B) {
	for _, g := range upTo(cores()) {
		for _, impl := range implsOf[peer.Handles](rivals...) {
			r := registry(impl)
			b.Run(fmt.Sprintf("by=handle/op=success/impl=%s/g=%d/work=0", impl.Name, g), func(b *testing.B) {
				n := r().(peer.Handles).Node("node")
				b.ReportAllocs()
				b.ResetTimer()
				measure.Spread(b.N, g, successes(n, 0))
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
				l := measure.Single(max(b.N/4, fewest), g, func(i int) { n.RecordSuccess(measure.Duration(i)) })
				for _, p := range []float64{50, 99, 99.9} {
					b.ReportMetric(float64(l.Percentile(p)), fmt.Sprintf("p%v-ns", p))
				}
			})
		}
	}
}
