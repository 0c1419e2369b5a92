package metricstest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// New returns a collector for a test. Its warnings go nowhere, unless an option
// says otherwise. A bad option ends the test.
func New(t testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	t.Helper()
	silent := atomicmetrics.WithLogger(zerolog.Nop())
	c, err := atomicmetrics.New(append([]atomicmetrics.Option{silent}, opts...)...)
	if err != nil {
		t.Fatalf("metricstest: %v", err)
	}
	return c
}

// RequireExecutions ends the test unless the node has want executions since its
// last reset, successes and failures together. An unknown node has 0.
func RequireExecutions(t testing.TB, c *atomicmetrics.Collector, node string, want int) {
	t.Helper()
	m := c.NodeMetrics(node)
	require(t, c, node, m, "execution", "executions", m.TotalExecutions, want)
}

// RequireSuccess ends the test unless the node has want successes since its
// last reset.
func RequireSuccess(t testing.TB, c *atomicmetrics.Collector, node string, want int) {
	t.Helper()
	m := c.NodeMetrics(node)
	require(t, c, node, m, "success", "successes", m.SuccessCount, want)
}

// RequireFailures ends the test unless the node has want failures of the
// category since its last reset.
func RequireFailures(t testing.TB, c *atomicmetrics.Collector, node string, category atomicmetrics.Category, want int) {
	t.Helper()
	m := c.NodeMetrics(node)
	if _, err := category.MarshalText(); err != nil {
		category = atomicmetrics.CategoryOther // A record does the same.
	}
	var got uint64
	for _, figure := range m.LogValue().Group() {
		if figure.Key == category.String()+"Errors" {
			got = figure.Value.Uint64()
		}
	}
	of := fmt.Sprintf(" of category %v", category)
	require(t, c, node, m, "failure"+of, "failures"+of, got, want)
}

// RequireRetries ends the test unless the node has want retries since its last
// reset, of all attempts together.
func RequireRetries(t testing.TB, c *atomicmetrics.Collector, node string, want int) {
	t.Helper()
	m := c.NodeMetrics(node)
	require(t, c, node, m, "retry", "retries", m.RetryCount, want)
}

// require ends the test unless got is want.
func require(t testing.TB, c *atomicmetrics.Collector, node string, m atomicmetrics.NodeMetrics, one, many string, got uint64, want int) {
	t.Helper()
	if got == uint64(want) { // a negative want is larger than any count
		return
	}
	what := many
	if got == 1 {
		what = one
	}
	t.Fatalf("node %q has %d %s, want %d\n%s", node, got, what, want, about(c, m))
}

// about returns all metrics of a node. If the node did nothing, about returns
// the names of the nodes that did.
func about(c *atomicmetrics.Collector, m atomicmetrics.NodeMetrics) string {
	if m == (atomicmetrics.NodeMetrics{}) {
		return fmt.Sprintf("the node has no records, and these nodes have some: %q", slices.Sorted(maps.Keys(c.AllNodeMetrics())))
	}
	return fmt.Sprintf("the metrics of the node: %+v", m)
}
