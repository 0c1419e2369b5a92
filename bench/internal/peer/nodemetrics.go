package peer

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// TDigestWindow is the window of nodemetrics-tdigest.
const TDigestWindow = 1_000_000

// Nodemetrics is this library.
type Nodemetrics struct{ *atomicmetrics.Collector }

// NewNodemetrics returns a Nodemetrics with options. It panics if the collector
// refuses an option.
func NewNodemetrics(opts ...atomicmetrics.Option) Nodemetrics {
	return Nodemetrics{must(atomicmetrics.New(append([]atomicmetrics.Option{
		atomicmetrics.WithLogger(zerolog.Nop()), atomicmetrics.WithMaxNodes(1 << 20)}, opts...)...))}
}

func newNodemetrics() Registry { return NewNodemetrics(atomicmetrics.WithPercentiles(digest.Exact())) }

func newNodemetricsTDigest() Registry {
	return NewNodemetrics(atomicmetrics.WithPercentiles(digest.TDigest(100)), atomicmetrics.WithWindowSize(TDigestWindow))
}

// Node returns a *atomicmetrics.Node, which implements Node.
func (r Nodemetrics) Node(name string) Node { return r.Collector.Node(name) }

// Timer is Start and Stop.
func (r Nodemetrics) Timer(name string) func() {
	n := r.Collector.Node(name)
	return func() { n.Start().Stop(nil) }
}

// Named returns the collector's own methods by name.
func (r Nodemetrics) Named(names []string) Named { return nodemetricsNamed{r.Collector, names} }

type nodemetricsNamed struct {
	c     *atomicmetrics.Collector
	names []string
}

func (n nodemetricsNamed) RecordSuccess(i int, d time.Duration) { n.c.RecordSuccess(n.names[i], d) }

func (n nodemetricsNamed) RecordFailure(i int, d time.Duration, err error) {
	n.c.RecordFailure(n.names[i], d, err)
}

// Snapshot takes a snapshot.
func (r Nodemetrics) Snapshot() int { return len(r.Collector.Snapshot().Nodes) }

// Read reads a node.
func (r Nodemetrics) Read(name string) Reading {
	m := r.NodeMetrics(name)
	return Reading{m.SuccessCount, m.FailureCount, uint64(m.WindowSamples), m.P50}
}
