package atomicmetrics_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// New takes or refuses any values without a panic. It refuses with a line for each bad option that names option and
// value; a collector that it makes works.
func FuzzOptions(f *testing.F) {
	nan, inf := math.NaN(), math.Inf(1)
	f.Add(100, byte(0), 0.0, 10, 0.0, int64(0), 0, 0.0, "n", 0.0, int64(0), 0, 0.0)
	f.Add(0, byte(1), 0.0, 0, 1.0, int64(-1), -1, 2.0, "", -1.0, int64(1), 101, nan)
	f.Add(100, byte(1), 0.0, 2, 0.5, int64(9), 3, nan, "(overflow)", 0.5, int64(7), 100, nan)
	f.Add(65_536, byte(1), 0.0, 1, 0.5, int64(1), 1, 0.5, "n", 1e-300, int64(math.MaxInt64), 65_536, 5e-324)
	f.Add(65_537, byte(1), 0.0, 1, nan, int64(1), 1, inf, "m", inf, int64(math.MinInt64), 1, -inf)
	f.Add(1<<30, byte(2), 20.0, 1, 0.99, int64(1<<57), 1<<30, 1.0, "\xff", 0.5, int64(1), 1, 0.0)
	f.Add(1<<30+1, byte(2), 19.0, -1, 0.5, int64(1), 1, 1.0, "n", 0.5, int64(1), 1, 0.0)
	f.Add(4096, byte(2), 1001.0, 1, 0.5, int64(1), 1, 1.0, "n", 0.5, int64(1), 1, 0.0)
	f.Add(4097, byte(2), nan, math.MaxInt, 0.5, int64(1), 4098, 1.0, "n", 0.5, int64(1), math.MaxInt, 1.0)
	f.Add(math.MinInt, byte(2), inf, math.MinInt, 0.5, int64(1), math.MinInt, 1.0, "n", 0.5, int64(1), math.MaxInt, 1.0)
	f.Fuzz(func(t *testing.T, window int, kind byte, compression float64, maxNodes int,
		rate float64, latency int64, minSamples int, recovery float64,
		node string, rateOfNode float64, latencyOfNode int64, minSamplesOfNode int, recoveryOfNode float64) {
		strategy := []digest.Strategy{{}, digest.Exact(), digest.TDigest(compression)}[kind%3]
		all := atomicmetrics.Thresholds{
			FailureRate: rate, Latency: time.Duration(latency), MinSamples: minSamples, Recovery: recovery}
		own := atomicmetrics.Thresholds{FailureRate: rateOfNode, Latency: time.Duration(latencyOfNode),
			MinSamples: minSamplesOfNode, Recovery: recoveryOfNode}
		var events eventList
		opts := []atomicmetrics.Option{
			atomicmetrics.WithNodeThresholds(node, own), atomicmetrics.WithThresholds(all),
			atomicmetrics.WithMaxNodes(maxNodes), atomicmetrics.WithPercentiles(strategy),
			atomicmetrics.WithWindowSize(window), atomicmetrics.WithSketches(), atomicmetrics.OnEvent(events.add),
		}
		bad := badOptions(window, strategy, maxNodes, all, node, own)
		if len(bad) > 0 {
			checkRefused(t, refusals(t, opts...), bad...)
			return
		}
		c := newCollector(t, opts...)
		for _, name := range []string{"another", node} {
			n, th := c.Node(name), all
			if n.Name() == made(node) { // it may be "another", or OverflowNode
				th = own
			}
			checkWorks(t, c, n, window, th, &events)
		}
	})
}

// badOptions returns what New must say of options, by the comments of the options.
func badOptions(window int, strategy digest.Strategy, maxNodes int, all atomicmetrics.Thresholds,
	node string, own atomicmetrics.Thresholds) (bad []badOption) {
	refuse := func(option string, value any) {
		bad = append(bad, badOption{names: []string{"atomicmetrics: " + option + ": ", fmt.Sprint(value)}})
	}
	limit := 65_536
	if strategy.String() == "tdigest" {
		limit = 1 << 30
		if c := strategy.Compression(); !(20 <= c && c <= 1000) {
			refuse("WithPercentiles", c)
		}
	}
	if window < 1 || window > limit {
		refuse("WithWindowSize", window)
	}
	if maxNodes < 1 {
		refuse("WithMaxNodes", maxNodes)
	}
	thresholds := func(option string, t atomicmetrics.Thresholds) {
		switch {
		case t.FailureRate != 0 && !(0 < t.FailureRate && t.FailureRate < 1):
			refuse(option+": FailureRate", t.FailureRate)
		case t.Latency < 0:
			refuse(option+": Latency", t.Latency)
		case t.MinSamples < 0 || window > 0 && t.MinSamples > window: // a bad window is refused as such
			refuse(option+": MinSamples", t.MinSamples)
		case t.Recovery != 0 && !(0 < t.Recovery && t.Recovery <= 1):
			refuse(option+": Recovery", t.Recovery)
		}
	}
	thresholds("WithThresholds", all)
	thresholds(fmt.Sprintf("WithNodeThresholds(%q)", made(node)), own)
	return bad
}

// checkWorks records in a node until its window is full, unless that is large, and looks at the figures and events. The
// first record is worse than any threshold, if there is one.
func checkWorks(t *testing.T, c *atomicmetrics.Collector, n *atomicmetrics.Node, window int,
	th atomicmetrics.Thresholds, events *eventList) {
	n.Reset()
	flush(t, c)
	*events = nil
	records := min(window, 200) + 3
	for i := range records {
		if i%2 == 0 {
			n.RecordFailureAs(atomicmetrics.MaxDuration, atomicmetrics.CategoryNetwork)
		} else {
			n.RecordSuccess(0)
		}
	}
	flush(t, c)
	m := n.Metrics()
	equal(t, "executions", m.TotalExecutions, uint64(records))
	equal(t, "failures", m.NetworkErrors, uint64(records+1)/2)
	equal(t, "samples", m.WindowSamples, min(window, records))
	breaches := map[atomicmetrics.EventKind]bool{}
	for _, e := range *events {
		breaches[e.Kind] = true
	}
	byRate, byLatency := breaches[atomicmetrics.FailureRateEvent], breaches[atomicmetrics.LatencyEvent]
	if byRate && th.FailureRate == 0 || byLatency && th.Latency == 0 {
		t.Errorf("events %+v, of thresholds %+v", *events, th)
	}
	if window <= digest.SmallWindow && th.MinSamples <= 1 {
		equal(t, "a breach by the failure rate", byRate, th.FailureRate > 0)
		equal(t, "a breach by latency", byLatency, th.Latency > 0 && th.Latency < atomicmetrics.MaxDuration)
	}
	writtenAndRead(t, c.Snapshot())
}
