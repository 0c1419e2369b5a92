package atomicmetrics

import (
	"sync"

	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/life"
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

// read returns the metrics of a state of the node, and fills in the details but
// those of executions in flight. It reads the last failure before the counters,
// because that failure has been counted. It copies the window before it reads
// the counters. A sample in the copy has been counted, so there are never more
// samples than executions.
func (n *Node) read(s *life.State, d *details) NodeMetrics {
	overdue := n.life.InFlight().Overdue()
	if s == nil {
		return NodeMetrics{RunningBreached: overdue}
	}
	d.ignored = s.Count(ignoredCount)
	if f := n.life.LastFailure(s); f != (lastfailure.Failure{}) {
		d.lastFailure = LastFailure{f.At.UTC().Round(0), Category(f.Category), f.Text}
	}
	b := readers.Get().(*reader)
	defer readers.Put(b)
	m := &b.metrics
	*m = NodeMetrics{RunningBreached: overdue}

	if w := b.Read(&s.Ring); w.Samples > 0 {
		m.LastExecution = w.Newest
		m.setQuantiles(w.Quantile)
		m.WindowSamples, m.WindowFailures = w.Samples, w.Failures
		if d.sketch != nil {
			*d.sketch = outer(w.Sketch())
		}
	}

	counts := s.Ring.Counts()
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
		m.RetriesByAttempt[i] = s.Count(i)
		step.At(step.Reading)
		m.RetryCount += m.RetriesByAttempt[i]
	}
	v := s.Verdict()
	m.FailureRateBreached = v&verdict.FailureBreach != 0
	m.LatencyBreached = v&verdict.LatencyBreach != 0
	return *m
}
