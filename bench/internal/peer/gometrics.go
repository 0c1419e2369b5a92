package peer

import (
	"time"

	"github.com/rcrowley/go-metrics"
)

// gometrics has durations of all executions, which are counted, and a Counter
// of failures, by node.
type gometrics struct {
	registry  metrics.Registry
	durations func(r metrics.Registry, name string) gometricsDurations
}

// gometricsDurations is a Timer, or a Histogram of nanoseconds.
type gometricsDurations interface {
	Update(time.Duration)
	Count() int64
	Percentile(float64) float64
}

func newGometricsTimer() Registry {
	return gometrics{metrics.NewRegistry(), func(r metrics.Registry, name string) gometricsDurations {
		return metrics.GetOrRegisterTimer(name, r)
	}}
}

func newGometricsHistogram() Registry {
	return gometrics{metrics.NewRegistry(), func(r metrics.Registry, name string) gometricsDurations {
		// This is the README's example, with the cheaper of its two samples.
		// The function runs only if there is no histogram yet.
		h := r.GetOrRegister(name, func() metrics.Histogram {
			return metrics.NewHistogram(metrics.NewUniformSample(1028))
		})
		return gometricsHistogram{h.(metrics.Histogram)}
	}}
}

type gometricsHistogram struct{ metrics.Histogram }

func (h gometricsHistogram) Update(d time.Duration) { h.Histogram.Update(int64(d)) }

type gometricsNode struct {
	durations gometricsDurations
	failures  metrics.Counter
}

func (n *gometricsNode) RecordSuccess(d time.Duration) { n.durations.Update(d) }

func (n *gometricsNode) RecordFailure(d time.Duration, _ error) {
	n.durations.Update(d)
	n.failures.Inc(1)
}

func (r gometrics) node(name string) *gometricsNode {
	return &gometricsNode{r.durations(r.registry, name), metrics.GetOrRegisterCounter(name+"-failures", r.registry)}
}

func (r gometrics) Node(name string) Node { return r.node(name) }

func (r gometrics) Timer(name string) func() {
	durations := r.node(name).durations
	if timer, ok := durations.(metrics.Timer); ok {
		return func() {
			start := time.Now()
			timer.UpdateSince(start)
		}
	}
	return func() {
		start := time.Now()
		durations.Update(time.Since(start))
	}
}

func (r gometrics) Named(names []string) Named {
	n := gometricsNamed{r, names, make([]string, len(names))}
	for i, name := range names {
		n.failures[i] = name + "-failures"
	}
	return n
}

type gometricsNamed struct {
	gometrics
	names, failures []string
}

func (n gometricsNamed) RecordSuccess(i int, d time.Duration) {
	n.durations(n.registry, n.names[i]).Update(d)
}

func (n gometricsNamed) RecordFailure(i int, d time.Duration, _ error) {
	n.durations(n.registry, n.names[i]).Update(d)
	metrics.GetOrRegisterCounter(n.failures[i], n.registry).Inc(1)
}

func (r gometrics) Read(name string) Reading {
	n := r.node(name)
	all, failures := uint64(n.durations.Count()), uint64(n.failures.Count())
	return Reading{all - failures, failures, all, time.Duration(n.durations.Percentile(0.5))}
}
