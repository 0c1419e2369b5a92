package atomicmetrics

import (
	"fmt"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/registry"
	"github.com/nodemetrics/nodemetrics/internal/warn"
)

func (c *Collector) warnClamped(node string, d time.Duration) {
	if held, ok := c.clamped.Pass(); ok {
		c.warnings.Warn("duration out of range: a negative one counts as 0, a longer one as the longest that is kept",
			"node", node, "durationNs", d.Nanoseconds(), "suppressed", held)
	}
}

func (c *Collector) warnOverflow(node string) {
	if !c.overflowed.Load() && !c.overflowed.Swap(true) {
		c.warnings.Warn(fmt.Sprintf("too many nodes: records of new names go to node %q", OverflowNode),
			"node", registry.Valid(node), "maxNodes", c.maxNodes)
	}
}

func (c *Collector) warnThresholdsFor(node, reason string) {
	if held, ok := c.misanswered.Pass(); ok {
		c.warnings.Warn("WithThresholdsFor gave no valid thresholds: the node has none",
			"node", node, "reason", reason, "suppressed", held)
	}
}

// warnClassifier needs the stack of the classifier.
func (c *Collector) warnClassifier(recovered any) {
	if held, ok := c.misclassified.Pass(); ok {
		c.warnings.Warn("the classifier did not return: the failure counts as other",
			"reason", warn.Ending(recovered), "suppressed", held, "stack", warn.Stack())
	}
}

func (c *Collector) warnDropped(n uint64) {
	c.warnings.Warn("a callback holds up events: the oldest were dropped", "dropped", n)
}

// warnCallback needs the stack of the callback.
func (c *Collector) warnCallback(e Event, recovered any, held uint64) {
	c.warnings.Warn("a callback did not return", "node", e.Node, "event", e.Kind.String(),
		"reason", warn.Ending(recovered), "suppressed", held, "stack", warn.Stack())
}
