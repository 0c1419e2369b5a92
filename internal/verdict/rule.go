package verdict

import (
	"math"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// Verdict says how a window compares with the thresholds of its node.
type Verdict uint32

const (
	Judged        Verdict = 1 << iota // the window had MinSamples since the last reset
	FailureBreach                     // the failure rate is in breach
	LatencyBreach                     // the p99 is in breach

	breaches = FailureBreach | LatencyBreach
)

// Rule is a node's thresholds, ready for judging. It never changes.
type Rule struct {
	failureRate     float64 // 2, which no rate reaches, if off
	failureRecovery float64
	latency         uint64 // nanoseconds; ring.MaxDuration, which no sample exceeds, if off
	latencyRecovery uint64 // the longest duration that does not hinder recovery
	recovery        float64
	minSamples      int
}

// Thresholds are the figures that a Rule is made of. Zero turns a threshold
// off. Latency is in nanoseconds.
type Thresholds struct {
	FailureRate float64
	Latency     int64
	MinSamples  int
	Recovery    float64
}

// NewRule returns the rule of valid thresholds.
func NewRule(t Thresholds) *Rule {
	r := &Rule{
		failureRate: 2, failureRecovery: 2,
		latency: ring.MaxDuration, latencyRecovery: ring.MaxDuration,
		recovery:   t.Recovery,
		minSamples: max(1, t.MinSamples),
	}
	if r.recovery == 0 {
		r.recovery = 1
	}
	if t.FailureRate != 0 {
		r.failureRate, r.failureRecovery = t.FailureRate, t.FailureRate*r.recovery
	}
	if t.Latency != 0 {
		r.latency = min(uint64(t.Latency), ring.MaxDuration)
		r.latencyRecovery = min(atMost(float64(t.Latency)*r.recovery), r.latency)
	}
	return r
}

// atMost returns the largest duration d with float64(d) <= bound. Above 2^53 ns
// several durations have the same float64.
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

// p99 is the quantile that a latency threshold is about.
const p99 = 0.99

// behind returns how many of n samples stand behind the p99. By nearest rank,
// the p99 is above a bound if and only if more samples than these are.
func behind(n int) int { return n - quantile.Rank(p99, n) }

// Judge returns the verdict that follows v for a window with these counts.
func (r *Rule) Judge(v Verdict, s ring.Stats) Verdict {
	if s.Samples == 0 || v&Judged == 0 && max(s.Samples, s.Recorded) < r.minSamples {
		return v
	}
	v |= Judged
	switch rate := float64(s.Failures) / float64(s.Samples); {
	case rate > r.failureRate:
		v |= FailureBreach
	case rate <= r.failureRecovery:
		v &^= FailureBreach
	}
	switch behind := behind(s.Samples); {
	case s.Slow > behind:
		v |= LatencyBreach
	case s.Recovering <= behind && float64(s.Slow) <= r.recovery*float64(behind):
		v &^= LatencyBreach
	}
	return v
}

// p99 returns the p99 of a large window. The exact counts say on which side of
// a bound the p99 is. So p99 puts the estimate on the same side.
func (r *Rule) p99(w *history.Reader) time.Duration {
	estimate, behind := w.Quantile(p99), behind(w.Samples)
	side := func(above int, bound uint64) {
		if above > behind {
			estimate = max(estimate, bound+1)
		} else {
			estimate = min(estimate, bound)
		}
	}
	side(w.Slow, r.latency)
	side(w.Recovering, r.latencyRecovery)
	return time.Duration(estimate)
}

// Distance returns a number of records, at least 1. Fewer records than that
// cannot change the verdict v of a window with these counts. Each record adds
// at most one failure and one slow sample, and takes at most one of each out.
// It may also add a sample. If v is Judged alone, the number counts only failed
// and slow records.
func (r *Rule) Distance(v Verdict, s ring.Stats) int {
	if v&Judged == 0 {
		return max(1, r.minSamples-s.Samples)
	}
	n := float64(s.Samples)
	behind := float64(behind(s.Samples))
	d := math.Inf(1)
	switch {
	case v&FailureBreach != 0:
		d = min(d, (float64(s.Failures)-r.failureRecovery*n)/(1+r.failureRecovery)-1)
	case r.failureRate < 1: // not off
		d = min(d, r.failureRate*n-float64(s.Failures)-1)
	}
	switch {
	case v&LatencyBreach != 0:
		// A record that adds a sample raises behind by at most 1 - p99, rounded
		// up once.
		missing := max(float64(s.Recovering)-behind, float64(s.Slow)-r.recovery*behind)
		d = min(d, (missing-1)/(2-p99)-1)
	case r.latency < ring.MaxDuration:
		d = min(d, behind-float64(s.Slow))
	}
	return max(1, int(min(d, math.MaxInt32)))
}
