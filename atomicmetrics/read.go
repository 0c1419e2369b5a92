package atomicmetrics

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
	"github.com/nodemetrics/nodemetrics/internal/step"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// reader has the buffers of one read.
type reader struct {
	ring.Reader
	durations []uint64        // of a window, in nanoseconds
	sorted    quantile.Sorter // of the same

	metrics NodeMetrics // of one read; a variable of the read would move to the heap
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// window is a copy of a node's window. Its quantiles are in its reader, until that copies another.
type window struct {
	reader            *reader
	large             *history.Reader // has the quantiles, if the window is large; else nil
	samples, failures int
	newest            time.Duration
}

// window copies the window of a ring.
func (b *reader) window(r *ring.Ring) window {
	if r.Digested() {
		w := b.Digest(r)
		return window{b, w, w.Samples, w.Failures, time.Duration(w.Newest & history.Duration)}
	}
	samples, newest := b.Window(r)
	failures := b.sort(samples)
	return window{b, nil, len(samples), failures, time.Duration(newest.Duration())}
}

// quantile returns the quantile q of a window that is not empty.
func (w *window) quantile(q float64) time.Duration {
	if w.large != nil {
		return time.Duration(w.large.Quantile(q))
	}
	return time.Duration(w.reader.sorted.Quantile(q))
}

// sketch returns the sketch of the window.
func (w *window) sketch() sketch.Sketch {
	if w.large != nil {
		return sketch.Fit(w.large.Centroids(), time.Duration(w.large.Min), time.Duration(w.large.Max))
	}
	return sketch.Of(w.reader.sorted.All())
}

// sort puts the samples into b.sorted, and returns how many of them failed.
func (b *reader) sort(samples []ring.Sample) (failures int) {
	b.durations = slices.Grow(b.durations[:0], len(samples))[:len(samples)]
	for i, s := range samples {
		b.durations[i] = s.Duration()
		if s.Failed() {
			failures++
		}
	}
	b.sorted.Set(b.durations)
	return failures
}

// read returns the state's metrics, and sets sketch, if it is not nil, to that of the
// same window, if that is not empty. The window is copied before the counters are read: a sample that is seen has been
// counted, so there are never more samples than executions.
func (s *state) read(sketch *Sketch) NodeMetrics {
	if s == nil {
		return NodeMetrics{}
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	m := &b.metrics
	*m = NodeMetrics{}

	if w := b.window(&s.ring); w.samples > 0 {
		m.LastExecution = w.newest
		m.P50 = w.quantile(0.50)
		m.P90 = max(m.P50, w.quantile(0.90))
		m.P99 = max(m.P90, w.quantile(0.99))
		m.WindowMin, m.WindowMax = w.quantile(0), w.quantile(1)
		m.WindowSamples, m.WindowFailures = w.samples, w.failures
		if sketch != nil {
			*sketch = outer(w.sketch())
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
		m.TotalDuration = time.Duration(counts.Sum.Saturated(math.MaxInt64))
		m.AvgExecution = time.Duration(counts.Sum.Over(m.TotalExecutions, uint64(MaxDuration)))
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

// quantiles returns quantiles of the state's window; nil when it is empty.
func (s *state) quantiles(q []float64) []time.Duration {
	step.At(step.Loaded)
	if s == nil {
		return nil
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	w := b.window(&s.ring)
	if w.samples == 0 {
		return nil
	}
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = w.quantile(q[i])
	}
	return quantiles
}
