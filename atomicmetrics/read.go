package atomicmetrics

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/nearest"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// reader has the buffers of one read.
type reader struct {
	ring.Reader
	sorted []uint64 // durations of a window, ascending, in nanoseconds
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// sort makes b.sorted of a window.
func (b *reader) sort(window []ring.Sample) {
	b.sorted = b.sorted[:0]
	for _, s := range window {
		b.sorted = append(b.sorted, s.Duration())
	}
	slices.Sort(b.sorted)
}

// at returns the quantile q of b.sorted, which must not be empty.
func (b *reader) at(q float64) time.Duration {
	return time.Duration(b.sorted[nearest.Rank(q, len(b.sorted))-1])
}

// quantile returns one quantile of a window that is not empty.
func (b *reader) quantile(window []ring.Sample, q float64) time.Duration {
	b.sort(window)
	return b.at(q)
}

// read returns the state's metrics, with the verdict of its thresholds. The window is copied before the counters are
// read: a sample that is seen has been counted, so there are never more samples than executions.
func (s *state) read(v verdict) (m NodeMetrics) {
	if s == nil {
		return m
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)

	if window, newest := b.Window(&s.ring); len(window) > 0 {
		b.sort(window)
		m.LastExecution = time.Duration(newest.Duration())
		m.P50, m.P90, m.P99 = b.at(0.50), b.at(0.90), b.at(0.99)
		m.WindowMin, m.WindowMax = b.at(0), b.at(1)
		m.WindowSamples = len(window)
		for _, sample := range window {
			if sample.Failed() {
				m.WindowFailures++
			}
		}
	}

	counts := s.ring.Counts()
	of := func(c Category) uint64 { return counts.Outcomes[failed(c)] }
	m.SuccessCount = counts.Outcomes[ring.Success]
	m.TimeoutErrors, m.ValidationErrors = of(CategoryTimeout), of(CategoryValidation)
	m.NetworkErrors, m.OtherErrors = of(CategoryNetwork), of(CategoryOther)
	m.FailureCount = m.TimeoutErrors + m.ValidationErrors + m.NetworkErrors + m.OtherErrors
	m.TotalExecutions = m.SuccessCount + m.FailureCount
	if m.TotalExecutions > 0 {
		m.TotalDuration = time.Duration(counts.Sum.Saturated(math.MaxInt64))
		m.AvgExecution = time.Duration(counts.Sum.Over(m.TotalExecutions, uint64(MaxDuration)))
	}
	for i := range s.retries {
		m.RetriesByAttempt[i] = s.retries[i].Load() &^ retryClosed
		m.RetryCount += m.RetriesByAttempt[i]
	}
	m.FailureRateBreached = v&failureBreach != 0
	m.LatencyBreached = v&latencyBreach != 0
	return m
}

// quantiles returns quantiles of the state's window; nil when it is empty.
func (s *state) quantiles(q []float64) []time.Duration {
	if s == nil {
		return nil
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	window, _ := b.Window(&s.ring)
	if len(window) == 0 {
		return nil
	}
	b.sort(window)
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = b.at(q[i])
	}
	return quantiles
}
