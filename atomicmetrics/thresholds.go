package atomicmetrics

import (
	"fmt"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/callback"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
	"github.com/nodemetrics/nodemetrics/internal/warn"
)

// Thresholds say when a node counts as unhealthy. The zero value has all
// thresholds off.
//
// A failure-rate breach begins when float64(failures)/float64(samples) is above
// FailureRate. The breach ends when the rate is at most FailureRate*Recovery.
//
// A latency breach begins when the p99 is above Latency. Let behind be the
// number of samples that stand behind the p99, one in a hundred. The breach
// ends when the p99 is at most Latency*Recovery and at most Recovery*behind
// samples are above Latency. So with Recovery below 1 a p99 that is one slow
// sample away from Latency does not raise event after event.
//
// A running breach begins when an execution has been running for longer than
// Running. No record and no read is needed for that. A timer finds the
// execution at most max(Running/10, 10ms) later, if a processor is free. The
// breach ends when the last such execution ends. MinSamples and Recovery do not
// matter. A reset and [Collector.Forget] end no execution, so they leave this
// breach alone. Running is about the executions that [WithInFlight] knows. If
// more than 500,000 of a node run at once, some of them are not timed, and can
// make no breach.
//
// There is no goroutine while executions run. [Node.Start] arms a timer if none
// is armed. The timer ends at most one Running after the last execution.
type Thresholds struct {
	// Breach when the window's failure rate is above it; above 0 and below 1; 0
	// turns it off.
	FailureRate float64
	Latency     time.Duration // breach when the window's p99 is above it; 0 turns it off
	// Breach while an execution has been running for longer; 0 turns it off;
	// needs WithInFlight.
	Running time.Duration
	// Samples the window needs before rate and latency are judged; 0 means 1;
	// at most the window size.
	MinSamples int
	// Recovered at or below Recovery times the threshold; above 0, at most 1; 0
	// means 1.
	Recovery float64
}

// check returns an error that names the first bad field and its value.
func (t Thresholds) check(c *config) error {
	refuse := func(field string, value any, rule string) error { return fmt.Errorf("%s: %v %s", field, value, rule) }
	switch {
	case t.FailureRate != 0 && !(t.FailureRate > 0 && t.FailureRate < 1):
		return refuse("FailureRate", t.FailureRate, "must be at least 0 and below 1")
	case t.Latency < 0:
		return refuse("Latency", t.Latency, "must be at least 0")
	case t.Running < 0:
		return refuse("Running", t.Running, "must be at least 0")
	case t.Running > 0 && !c.inFlight:
		return refuse("Running", t.Running, "needs WithInFlight")
	case t.MinSamples < 0:
		return refuse("MinSamples", t.MinSamples, "must be at least 0")
	// A bad window size has an error of its own.
	case t.MinSamples > c.windowSize && c.windowSize > 0:
		return refuse("MinSamples", t.MinSamples, fmt.Sprint("must be at most the window size ", c.windowSize))
	case t.Recovery != 0 && !(t.Recovery > 0 && t.Recovery <= 1):
		return refuse("Recovery", t.Recovery, "must be at least 0 and at most 1")
	}
	return nil
}

// windowOff reports whether no threshold is about the window.
func (t Thresholds) windowOff() bool { return t.FailureRate == 0 && t.Latency == 0 }

// rule returns the thresholds, which must be valid, ready for judging.
func (t Thresholds) rule() *verdict.Rule {
	return verdict.NewRule(verdict.Thresholds{
		FailureRate: t.FailureRate, Latency: int64(t.Latency), MinSamples: t.MinSamples, Recovery: t.Recovery,
	})
}

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
