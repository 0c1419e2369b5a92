package peer

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// promRegistry has durations and a counter with the outcome as a label, both by
// node. The instrumentation of client_golang's own promhttp does the same.
type promRegistry struct {
	registry  *prometheus.Registry
	durations prometheus.ObserverVec
	outcomes  *prometheus.CounterVec
}

func newProm[V interface {
	prometheus.ObserverVec
	prometheus.Collector
}](durations V) Registry {
	r := promRegistry{prometheus.NewRegistry(), durations, prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "executions_total"}, []string{"node", "outcome"})}
	r.registry.MustRegister(durations, r.outcomes)
	return r
}

func newPrometheusHistogram() Registry {
	return newProm(prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "duration_seconds"}, []string{"node"}))
}

// newPrometheusNative has the factor that the documentation calls a good
// trade-off, and the recommended limit.
func newPrometheusNative() Registry {
	return newProm(prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "duration_seconds",
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160}, []string{"node"}))
}

func newPrometheusSummary() Registry {
	return newProm(prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: "duration_seconds",
		Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01, 0.99: 0.001}}, []string{"node"}))
}

type promNode struct {
	durations        prometheus.Observer
	success, failure prometheus.Counter
}

func (n *promNode) RecordSuccess(d time.Duration) {
	n.durations.Observe(d.Seconds())
	n.success.Inc()
}

func (n *promNode) RecordFailure(d time.Duration, _ error) {
	n.durations.Observe(d.Seconds())
	n.failure.Inc()
}

func (r promRegistry) node(name string) *promNode {
	return &promNode{r.durations.WithLabelValues(name),
		r.outcomes.WithLabelValues(name, "success"), r.outcomes.WithLabelValues(name, "failure")}
}

func (r promRegistry) Node(name string) Node { return r.node(name) }

func (r promRegistry) Timer(name string) func() {
	n := r.node(name)
	return func() {
		prometheus.NewTimer(n.durations).ObserveDuration()
		n.success.Inc()
	}
}

func (r promRegistry) Named(names []string) Named { return promNamed{r, names} }

type promNamed struct {
	promRegistry
	names []string
}

func (n promNamed) RecordSuccess(i int, d time.Duration) {
	n.durations.WithLabelValues(n.names[i]).Observe(d.Seconds())
	n.outcomes.WithLabelValues(n.names[i], "success").Inc()
}

func (n promNamed) RecordFailure(i int, d time.Duration, _ error) {
	n.durations.WithLabelValues(n.names[i]).Observe(d.Seconds())
	n.outcomes.WithLabelValues(n.names[i], "failure").Inc()
}

// Snapshot gathers. Percentiles of histograms are left to the server.
func (r promRegistry) Snapshot() int {
	for _, family := range must(r.registry.Gather()) {
		if family.GetName() == "duration_seconds" {
			return len(family.Metric)
		}
	}
	return 0
}

func (r promRegistry) Read(name string) Reading {
	n := r.node(name)
	counter := func(m prometheus.Metric) uint64 { return uint64(promWrite(m).Counter.GetValue()) }
	reading := Reading{Successes: counter(n.success), Failures: counter(n.failure)}
	seconds := 0.0
	switch m := promWrite(n.durations.(prometheus.Metric)); {
	case m.Summary != nil:
		reading.Durations = m.Summary.GetSampleCount()
		for _, q := range m.Summary.Quantile {
			if q.GetQuantile() == 0.5 {
				seconds = q.GetValue()
			}
		}
	case len(m.Histogram.Bucket) > 0:
		reading.Durations = m.Histogram.GetSampleCount()
		for _, bucket := range m.Histogram.Bucket {
			if seconds = bucket.GetUpperBound(); 2*bucket.GetCumulativeCount() >= reading.Durations {
				break
			}
		}
	default:
		reading.Durations = m.Histogram.GetSampleCount()
		seconds = nativeMedian(m.Histogram)
	}
	reading.Median = time.Duration(seconds * float64(time.Second))
	return reading
}

// nativeMedian walks the spans of a native histogram's positive buckets, the
// counts of which are deltas. Bucket i ends at 2^(i / 2^schema).
func nativeMedian(h *dto.Histogram) float64 {
	index, next, count, below := int32(0), 0, int64(0), uint64(0)
	for _, span := range h.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.PositiveDelta[next]
			next++
			if below += uint64(count); 2*below >= h.GetSampleCount() {
				return math.Exp2(float64(index) * math.Exp2(-float64(h.GetSchema())))
			}
			index++
		}
	}
	return 0
}

func promWrite(m prometheus.Metric) *dto.Metric {
	out := new(dto.Metric)
	if err := m.Write(out); err != nil {
		panic(err)
	}
	return out
}
