package atomicmetrics

import (
	"sync"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
	"github.com/nodemetrics/nodemetrics/internal/window"
)

// reader has the buffers of a read.
type reader struct {
	window.Reader
	metrics NodeMetrics // of a read, because a local variable would move to the heap
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// read returns the state's metrics. If sketch is not nil and the window is not
// empty, read sets sketch to that of the same window. It copies the window
// before it reads the counters. A sample in the copy has been counted, so there
// are never more samples than executions.
func (s *state) read(sketch *Sketch) NodeMetrics {
	if s == nil {
		return NodeMetrics{}
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	m := &b.metrics
	*m = NodeMetrics{}

	if w := b.Read(&s.ring); w.Samples > 0 {
		m.LastExecution = w.Newest
		m.setQuantiles(w.Quantile)
		m.WindowSamples, m.WindowFailures = w.Samples, w.Failures
		if sketch != nil {
			*sketch = outer(w.Sketch())
		}
	}

	counts := s.ring.Counts()
	m.SuccessCount = counts.Outcomes[ring.Success]
	for c := range categories {
		n := counts.Outcomes[failed(c)]
		*categoryTable[c].count(m) = n
		m.FailureCount += n
	}
	m.TotalExecutions = m.SuccessCount + m.FailureCount
	if m.TotalExecutions > 0 {
		m.setDurations(counts.Sum)
	}
	for i := range m.RetriesByAttempt {
		m.RetriesByAttempt[i] = s.counts[i].Load() &^ countClosed
		step.At(step.Reading)
		m.RetryCount += m.RetriesByAttempt[i]
	}
	v := s.watch.Verdict()
	m.FailureRateBreached = v&verdict.FailureBreach != 0
	m.LatencyBreached = v&verdict.LatencyBreach != 0
	return *m
}

// quantiles returns quantiles of the state's window, nil if it is empty.
func (s *state) quantiles(q []float64) []time.Duration {
	step.At(step.Loaded)
	if s == nil {
		return nil
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	w := b.Read(&s.ring)
	if w.Samples == 0 {
		return nil
	}
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = w.Quantile(q[i])
	}
	return quantiles
}
