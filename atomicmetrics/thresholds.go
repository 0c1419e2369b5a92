package atomicmetrics

import (
	"fmt"
	"math"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/nearest"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// Thresholds say when a node's window counts as unhealthy. The zero value has both thresholds off.
//
// A breach is judged by float64(failures)/float64(samples) > FailureRate, and by p99 > Latency. A node has recovered
// when the rate is at most FailureRate*Recovery, and when float64(p99) is at most float64(Latency)*Recovery.
type Thresholds struct {
	FailureRate float64       // breach when the window's failure rate is above it; in (0, 1), 0 turns it off
	Latency     time.Duration // breach when the window's p99 is above it; 0 turns it off
	MinSamples  int           // samples the window needs before either is judged; 0 means 1; at most the window size
	Recovery    float64       // recovered at or below Recovery times the threshold; in (0, 1], 0 means 1: no hysteresis
}

// check returns an error that names the first bad field and its value.
func (t Thresholds) check(windowSize int) error {
	bad := func(field, format string, args ...any) error {
		return fmt.Errorf("%s: %w", field, fmt.Errorf(format, args...))
	}
	switch {
	case t.FailureRate != 0 && !(t.FailureRate > 0 && t.FailureRate < 1):
		return bad("FailureRate", "%v is not between 0 and 1", t.FailureRate)
	case t.Latency < 0:
		return bad("Latency", "%v is negative", t.Latency)
	case t.MinSamples < 0:
		return bad("MinSamples", "%d is negative", t.MinSamples)
	case t.MinSamples > windowSize && windowSize > 0: // a bad window size has an error of its own
		return bad("MinSamples", "%d is above the window size %d: it would never be reached", t.MinSamples, windowSize)
	case t.Recovery != 0 && !(t.Recovery > 0 && t.Recovery <= 1):
		return bad("Recovery", "%v is not above 0 and at most 1", t.Recovery)
	}
	return nil
}

func (t Thresholds) off() bool { return t.FailureRate == 0 && t.Latency == 0 }

// rule is Thresholds made ready for judging. It never changes.
type rule struct {
	failureRate     float64 // 2, which no rate reaches, when off
	failureRecovery float64
	latency         uint64 // in nanoseconds; ring.MaxDuration, which no sample is above, when off
	latencyRecovery uint64 // the largest duration that is recovered
	minSamples      int
	lazily          int // in a sharded node: records that may pass before a window is looked at again
}

// tally returns running counts for the window of a node.
func (r *rule) tally() *ring.Tally { return ring.NewTally(r.latency, r.latencyRecovery) }

// exactWindow is the largest window whose thresholds are judged exactly in a node whose records are spread over shards;
// in a larger one, within a hundredth of the window.
const exactWindow = 1000

func newRule(t Thresholds, windowSize int) *rule {
	r := &rule{
		failureRate: 2, failureRecovery: 2,
		latency: ring.MaxDuration, latencyRecovery: ring.MaxDuration,
		minSamples: max(1, t.MinSamples),
		lazily:     1,
	}
	recovery := t.Recovery
	if recovery == 0 {
		recovery = 1
	}
	if t.FailureRate != 0 {
		r.failureRate, r.failureRecovery = t.FailureRate, t.FailureRate*recovery
	}
	if t.Latency != 0 {
		r.latency = min(uint64(t.Latency), ring.MaxDuration)
		r.latencyRecovery = min(atMost(float64(t.Latency)*recovery), r.latency)
	}
	if windowSize > exactWindow {
		r.lazily = windowSize / 100
	}
	return r
}

// atMost returns the largest duration d with float64(d) <= bound: above 2^53 ns several durations are one float64.
func atMost(bound float64) uint64 {
	d := uint64(bound)
	for float64(d) > bound {
		d--
	}
	for float64(d+1) <= bound {
		d++
	}
	return d
}

// verdict is what is known of a node's window.
type verdict uint32

const (
	judged        verdict = 1 << iota // the window has had MinSamples
	failureBreach                     // the failure-rate threshold is breached
	latencyBreach                     // the latency threshold is breached
)

// judge returns the verdict that follows v when the window has these counts.
func (r *rule) judge(v verdict, s ring.Stats) verdict {
	if s.Samples == 0 || v&judged == 0 && max(s.Samples, s.Recorded) < r.minSamples {
		return v
	}
	v |= judged
	switch rate := float64(s.Failures) / float64(s.Samples); {
	case rate > r.failureRate:
		v |= failureBreach
	case rate <= r.failureRecovery:
		v &^= failureBreach
	}
	// By nearest rank, the p99 is above a bound exactly when more samples are than stand behind the p99.
	switch behind := s.Samples - nearest.Rank(0.99, s.Samples); {
	case s.Slow > behind:
		v |= latencyBreach
	case s.Slowish <= behind:
		v &^= latencyBreach
	}
	return v
}

// distance returns how many records must at least follow a window with these counts before the verdict v can change:
// each record brings at most one failure or slow sample, or takes one out, or adds one sample. It is at least 1, and
// rather too small than too large. In a healthy node only failures and slow records count, otherwise all do.
func (r *rule) distance(v verdict, s ring.Stats) int {
	if v&judged == 0 {
		return max(1, r.minSamples-s.Samples)
	}
	n := float64(s.Samples)
	behind := float64(s.Samples - nearest.Rank(0.99, s.Samples))
	d := math.Inf(1)
	switch {
	case v&failureBreach != 0:
		d = min(d, (float64(s.Failures)-r.failureRecovery*n)/(1+r.failureRecovery)-1)
	case r.failureRate < 1: // not off
		d = min(d, r.failureRate*n-float64(s.Failures)-1)
	}
	switch {
	case v&latencyBreach != 0:
		d = min(d, (float64(s.Slowish)-behind-1)/1.01-1)
	case r.latency < ring.MaxDuration:
		d = min(d, behind-float64(s.Slow))
	}
	return max(1, int(min(d, math.MaxInt32)))
}
