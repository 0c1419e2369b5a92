package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is the time of single calls, the clock's readings included, and of
// the same readings with nothing in between.
type Latency struct{ Calls, Clock *hdrhistogram.Histogram }

// NewLatency returns an empty Latency. It takes times up to a minute, to three
// significant digits, and up to 2 µs exactly.
func NewLatency() Latency {
	return Latency{hdrhistogram.New(1, int64(time.Minute), 3), hdrhistogram.New(1, int64(time.Minute), 3)}
}

// Merge adds another.
func (l Latency) Merge(other Latency) {
	l.Calls.Merge(other.Calls)
	l.Clock.Merge(other.Clock)
}

// Single times n single calls on g goroutines, and as many empty measurements
// between them.
func Single(n, g int, call func(i int)) Latency {
	workers := make([]Latency, g)
	for i := range workers {
		workers[i] = NewLatency()
	}
	Spread(n, g, func(worker, from, to int) {
		l := workers[worker]
		for i := from; i < to; i++ {
			start := Now()
			empty := Now() - start
			start = Now()
			call(i)
			took := Now() - start
			record(l.Clock, empty)
			record(l.Calls, took)
		}
	})
	for _, l := range workers[1:] {
		workers[0].Merge(l)
	}
	return workers[0]
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// The error is of a time out of range, which the minimum prevents.
	_ = h.RecordValue(min(int64(d), int64(time.Minute)))
}

// ClockCost is the median of the empty measurements.
func (l Latency) ClockCost() int64 { return l.Clock.ValueAtQuantile(50) }

// Percentile is that of the calls in nanoseconds, less the clock's cost.
func (l Latency) Percentile(p float64) int64 {
	return max(0, l.Calls.ValueAtQuantile(p)-l.ClockCost())
}

// ClockPercentile returns a percentile of the empty measurements, less the
// clock's cost. That is the time that the machine adds to any measurement.
func (l Latency) ClockPercentile(p float64) int64 {
	return max(0, l.Clock.ValueAtQuantile(p)-l.ClockCost())
}
