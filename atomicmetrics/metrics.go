package atomicmetrics

import (
	"fmt"
	"strings"
	"time"
)

// MaxDuration is the longest duration that a node keeps, 834 days, because a
// sample has 56 bits for its nanoseconds. A longer duration counts as
// MaxDuration, and a negative duration as 0. The collector logs both.
const MaxDuration time.Duration = 1<<56 - 1

// NodeMetrics has the figures of a node since it was created or last reset.
// NodeMetrics is a plain value, which can be compared, copied and kept. No
// later record changes it.
//
// In every read TotalExecutions is SuccessCount plus FailureCount. FailureCount
// is the sum of the categories, and RetryCount the sum of RetriesByAttempt. P50
// ≤ P90 ≤ P99 lie between WindowMin and WindowMax. These, WindowSamples,
// WindowFailures and LastExecution all come from one copy of the window.
//
// # Consistency
//
// A record that happens before a read, in the sense of Go's memory model, is
// part of the read. When nothing is in flight every figure is exact. Beside
// running recorders a read is not of one instant.
//
// The window of a read is the window of one moment between the call and its
// return, even if records overtake the read. A record that is under way at the
// moment may be missing, and may take its place later among records that
// overlap it. LastExecution is the newest sample of the window.
//
// Each counter is linearizable by itself, and so is each of the three sums of
// counters. So is the window, for records that do not overlap. Two counters of
// a read together are not linearizable. Nor are a counter and the window, or
// TotalDuration and AvgExecution. GUARANTEES.md, beside this file, has the
// exception of amd64.
type NodeMetrics struct {
	TotalExecutions uint64 // executions that ended
	SuccessCount    uint64 // of these, without an error
	FailureCount    uint64 // of these, with an error
	RetryCount      uint64 // attempts after the first, of executions that ended or not

	TimeoutErrors    uint64 // failures of CategoryTimeout
	ValidationErrors uint64 // failures of CategoryValidation
	NetworkErrors    uint64 // failures of CategoryNetwork
	OtherErrors      uint64 // failures of CategoryOther

	RetriesByAttempt [8]uint64 // [0]: first retries … [6]: seventh, [7]: eighth and later

	LastExecution time.Duration // the newest sample of the window; 0 if the window is empty
	// TotalDuration over TotalExecutions, from an exact 128-bit sum; 0 when
	// there are none.
	AvgExecution  time.Duration
	TotalDuration time.Duration // of all executions; stops at math.MaxInt64

	P50, P90, P99 time.Duration // nearest rank over the window; 0 if the window is empty
	// The shortest and longest of the window; 0 if the window is empty.
	WindowMin, WindowMax time.Duration
	WindowSamples        int // executions in the window, at most the window size
	WindowFailures       int // failures among them

	FailureRateBreached bool // the failure-rate threshold is breached now
	LatencyBreached     bool // the latency threshold is breached now
	// An execution has been running for longer than its threshold; a reset
	// leaves it alone.
	RunningBreached bool
}

// FailureRate returns failures over executions since the last reset, from 0 to
// 1; 0 when there were none.
func (m NodeMetrics) FailureRate() float64 {
	if m.TotalExecutions == 0 {
		return 0
	}
	return float64(m.FailureCount) / float64(m.TotalExecutions)
}

// WindowFailureRate returns failures over samples of the window, from 0 to 1; 0
// when the window is empty.
func (m NodeMetrics) WindowFailureRate() float64 {
	if m.WindowSamples == 0 {
		return 0
	}
	return float64(m.WindowFailures) / float64(m.WindowSamples)
}

// String returns a line for people, such as
//
//	12 runs, 2 failed (1 timeout, 0 validation, 1 network, 0 other),
//	3 retries [2 1 0 0 0 0 0 0], last 9ms, avg 7ms, total 84ms;
//	newest 12: 2 failed (16.7%), min 2ms, p50 7ms, p90 9ms, p99 9ms, max 9ms;
//	failureRate in breach
//
// in one line. A part without failures, retries or samples is left out.
// Durations are exact.
func (m NodeMetrics) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %d failed", m.TotalExecutions, m.FailureCount)
	if m.FailureCount > 0 {
		fmt.Fprintf(&b, " (%d timeout, %d validation, %d network, %d other)",
			m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors)
	}
	if m.RetryCount > 0 {
		fmt.Fprintf(&b, ", %d retries %v", m.RetryCount, m.RetriesByAttempt)
	}
	if m.TotalExecutions > 0 {
		fmt.Fprintf(&b, ", last %v, avg %v, total %v", m.LastExecution, m.AvgExecution, m.TotalDuration)
	}
	if m.WindowSamples > 0 {
		fmt.Fprintf(&b, "; newest %d: %d failed (%.3g%%), min %v, p50 %v, p90 %v, p99 %v, max %v", m.WindowSamples,
			m.WindowFailures, 100*m.WindowFailureRate(), m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax)
	}
	for kind, breached := range [...]bool{FailureRateEvent: m.FailureRateBreached, LatencyEvent: m.LatencyBreached,
		RunningEvent: m.RunningBreached} {
		if breached {
			fmt.Fprintf(&b, "; %v in breach", EventKind(kind))
		}
	}
	return b.String()
}

// active reports whether anything was recorded, or an execution is overdue.
func (m NodeMetrics) active() bool {
	return m.TotalExecutions != 0 || m.RetryCount != 0 || m.RunningBreached
}
