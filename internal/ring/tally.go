package ring

import (
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// Tally keeps running counts of the samples in the slots of a ring that is not spread, so that a threshold is judged
// without looking at the window. Whoever owns the first shard adds what its sample changes.
type Tally struct {
	latency  uint64 // the bound of Slow, in nanoseconds
	recovery uint64 // the bound of Slowish, at most latency

	samples, failures, slow, slowish atomic.Uint64
}

// NewTally returns an empty tally with the bounds above which a sample is slow, and slowish; recovery is at most
// latency.
func NewTally(latency, recovery uint64) *Tally { return &Tally{latency: latency, recovery: recovery} }

// replace takes a sample into the counts, and the one before it in its slot, if any, out of them. A healthy sample in
// the place of a healthy one costs three comparisons.
func (t *Tally) replace(old, sample Sample) {
	if old == 0 || old.above(t.recovery) || sample.above(t.recovery) {
		t.adjust(old, sample)
	}
}

func (t *Tally) adjust(old, sample Sample) {
	add := func(counter *atomic.Uint64, was, is bool) {
		switch {
		case is && !was:
			release.Store(counter, counter.Load()+1)
			step.At(step.Tallying)
		case was && !is:
			release.Store(counter, counter.Load()-1)
			step.At(step.Tallying)
		}
	}
	add(&t.failures, old.Failed(), sample.Failed())
	add(&t.slow, old.Duration() > t.latency, sample.Duration() > t.latency)
	add(&t.slowish, old.Duration() > t.recovery, sample.Duration() > t.recovery)
	add(&t.samples, old != 0, true)
}

// Stats are counts of a window.
type Stats struct {
	Samples  int
	Failures int
	Slow     int // longer than the latency bound
	Slowish  int // longer than the recovery bound
	Recorded int // since the ring began; of a large window only
}

// Stats returns the counts. Each is exact at some moment of the call; with no record in flight all of them are.
func (t *Tally) Stats() (s Stats) {
	s.Samples = int(t.samples.Load())
	step.At(step.Reading)
	s.Failures = int(t.failures.Load())
	step.At(step.Reading)
	s.Slow = int(t.slow.Load())
	step.At(step.Reading)
	s.Slowish = int(t.slowish.Load())
	return s
}

// Count returns the counts of a copied window.
func (t *Tally) Count(window []Sample) (s Stats) {
	s.Samples = len(window)
	for _, sample := range window {
		if sample.above(t.recovery) {
			if sample.Failed() {
				s.Failures++
			}
			if sample.Duration() > t.latency {
				s.Slow++
			}
			if sample.Duration() > t.recovery {
				s.Slowish++
			}
		}
	}
	return s
}
