package peer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// otel has a histogram with the node and the outcome as attributes, by the
// semantic conventions. It has their buckets for durations in seconds. Each
// series counts.
type otel struct {
	reader    *sdk.ManualReader
	histogram metric.Float64Histogram
}

func newOtel() Registry {
	reader := sdk.NewManualReader()
	// No limit: 10⁴ names and more.
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithCardinalityLimit(0))
	return &otel{reader, must(provider.Meter("bench").Float64Histogram("node.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)))}
}

// otelNode has its attributes as sets made beforehand. The documentation
// advises these if the attributes are always the same.
type otelNode struct {
	histogram        metric.Float64Histogram
	success, failure []metric.RecordOption
}

func (r *otel) Node(name string) Node {
	option := func(outcome string) []metric.RecordOption {
		return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(
			attribute.String("node", name), attribute.String("outcome", outcome)))}
	}
	return &otelNode{r.histogram, option("success"), option("failure")}
}

func (n *otelNode) RecordSuccess(d time.Duration) {
	n.histogram.Record(context.Background(), d.Seconds(), n.success...)
}

func (n *otelNode) RecordFailure(d time.Duration, _ error) {
	n.histogram.Record(context.Background(), d.Seconds(), n.failure...)
}

func (r *otel) Named(names []string) Named { return otelNamed{r.histogram, names} }

type otelNamed struct {
	histogram metric.Float64Histogram
	names     []string
}

func (n otelNamed) RecordSuccess(i int, d time.Duration) { n.record(i, d, "success") }

func (n otelNamed) RecordFailure(i int, d time.Duration, _ error) { n.record(i, d, "failure") }

func (n otelNamed) record(i int, d time.Duration, outcome string) {
	n.histogram.Record(context.Background(), d.Seconds(),
		metric.WithAttributes(attribute.String("node", n.names[i]), attribute.String("outcome", outcome)))
}

func (r *otel) Read(name string) Reading {
	var data metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &data); err != nil {
		panic(err)
	}
	var reading Reading
	var bounds []float64
	var buckets []uint64 // of both outcomes
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, point := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				if node, _ := point.Attributes.Value("node"); node.AsString() != name {
					continue
				}
				if outcome, _ := point.Attributes.Value("outcome"); outcome.AsString() == "success" {
					reading.Successes += point.Count
				} else {
					reading.Failures += point.Count
				}
				reading.Durations += point.Count
				bounds = point.Bounds
				if buckets == nil {
					buckets = make([]uint64, len(point.BucketCounts))
				}
				for i, count := range point.BucketCounts {
					buckets[i] += count
				}
			}
		}
	}
	below := uint64(0)
	for i, bound := range bounds {
		if below += buckets[i]; 2*below >= reading.Durations {
			reading.Median = time.Duration(bound * float64(time.Second))
			break
		}
	}
	return reading
}
