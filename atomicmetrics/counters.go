package atomicmetrics

import (
	"math"
	"math/bits"
	"strconv"
)

// A counter is a figure of NodeMetrics that only a reset makes lower.
type counter struct {
	name string // in JSON
	at   func(*NodeMetrics) *uint64
}

// counters are all of them, the sums before their parts: what fits or holds for a sum does so for the parts.
var counters = append([]counter{
	{"totalExecutions", func(m *NodeMetrics) *uint64 { return &m.TotalExecutions }},
	{"retryCount", func(m *NodeMetrics) *uint64 { return &m.RetryCount }},
	{"successCount", func(m *NodeMetrics) *uint64 { return &m.SuccessCount }},
	{"failureCount", func(m *NodeMetrics) *uint64 { return &m.FailureCount }},
	{"timeoutErrors", func(m *NodeMetrics) *uint64 { return &m.TimeoutErrors }},
	{"validationErrors", func(m *NodeMetrics) *uint64 { return &m.ValidationErrors }},
	{"networkErrors", func(m *NodeMetrics) *uint64 { return &m.NetworkErrors }},
	{"otherErrors", func(m *NodeMetrics) *uint64 { return &m.OtherErrors }},
}, attemptCounters()...)

func attemptCounters() (all []counter) {
	for i := range (NodeMetrics{}).RetriesByAttempt {
		all = append(all, counter{"retriesByAttempt[" + strconv.Itoa(i) + "]",
			func(m *NodeMetrics) *uint64 { return &m.RetriesByAttempt[i] }})
	}
	return all
}

// durations returns the sum of all durations, in nanoseconds: TotalDuration, or where that has stopped the average for
// each execution, which is less than the truth by up to a nanosecond for each.
func (m *NodeMetrics) durations() (high, low uint64) {
	if m.TotalDuration == math.MaxInt64 {
		return bits.Mul64(uint64(m.AvgExecution), m.TotalExecutions)
	}
	return 0, uint64(m.TotalDuration)
}
