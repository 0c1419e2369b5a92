package atomicmetrics

import (
	"math"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/nearest"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// digests reports whether windows are too large to be exact.
func (c *Collector) digests() bool { return c.percentiles == tdigestPercentiles }

// initDigest makes r the empty ring of a large window.
func (n *Node) initDigest(r *ring.Ring) {
	bounds, published := history.Bounds{Slow: ring.MaxDuration, Slowish: ring.MaxDuration}, (func())(nil)
	if n.watch != nil {
		bounds = history.Bounds{Slow: n.watch.rule.latency, Slowish: n.watch.rule.latencyRecovery}
		published = n.look
	}
	r.InitDigest(n.collector.windowSize, n.collector.strategy.Compression(), bounds, published)
}

// settle publishes all of a large window, and judges it.
func (n *Node) settle() {
	s := n.present()
	if s == nil || n.watch == nil {
		return
	}
	s.ring.Publish()
	n.look()
}

// judgeable returns what a rule judges by. It also returns a copy of the
// window, or of a large one a reader of what is published. So no recorder
// judges samples that the next one does not see.
func (b *reader) judgeable(r *ring.Ring) (ring.Stats, []ring.Sample, *history.Reader) {
	if !r.Digested() {
		samples, _ := b.Window(r)
		return r.Tally().Count(samples), samples, nil
	}
	w := b.Published(r)
	return ring.Stats{
		Samples:  w.Samples,
		Failures: w.Failures,
		Slow:     w.Slow,
		Slowish:  w.Slowish,
		Recorded: int(min(w.Recorded, math.MaxInt)),
	}, nil, w
}

// p99 returns the p99 of the window that judgeable returned. The exact counts of
// a large window say on which side of a bound its p99 is, so the estimate is
// put there too.
func (b *reader) p99(samples []ring.Sample, w *history.Reader, rule *rule) time.Duration {
	if w == nil {
		b.order(samples)
		return b.nearest(0.99)
	}
	p99, behind := w.Quantile(0.99), w.Samples-nearest.Rank(0.99, w.Samples)
	side := func(above int, bound uint64) {
		if above > behind {
			p99 = max(p99, bound+1)
		} else {
			p99 = min(p99, bound)
		}
	}
	side(w.Slow, rule.latency)
	side(w.Slowish, rule.latencyRecovery)
	return time.Duration(p99)
}
