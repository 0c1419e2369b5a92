package atomicmetrics

import (
	"github.com/nodemetrics/nodemetrics/internal/callback"
	"github.com/nodemetrics/nodemetrics/internal/warn"
)

// WithThresholdsFor calls f for the thresholds of each new node that has none
// of its own, in the place of those of [WithThresholds]. It does not call f for
// OverflowNode, to which WithThresholds applies. A nil f is ignored.
//
// The collector calls f on the goroutine that registers the name, before the
// record, without a lock. So f may use the collector, but must not register the
// name of its argument. If several goroutines register a name at the same time,
// the collector may call f several times, and keeps one of the answers. If a
// node comes back after [Collector.Forget], the collector calls f again.
//
// If f panics, or returns thresholds that New would refuse, the node has no
// thresholds. The collector logs a warning, at most once a second. If f calls
// runtime.Goexit, the name is not registered and nothing is recorded.
func WithThresholdsFor(f func(node string) Thresholds) Option {
	return func(c *config) {
		if f != nil {
			c.thresholdsFor = f
		}
	}
}

// askThresholds returns the answer of the user's function.
func (c *Collector) askThresholds(name string) Thresholds {
	t := callback.Ask(c.thresholdsFor, name, func(recovered any) { c.warnThresholdsFor(name, warn.Ending(recovered)) })
	if err := t.check(&c.config); err != nil {
		c.warnThresholdsFor(name, err.Error())
		return Thresholds{}
	}
	return t
}
