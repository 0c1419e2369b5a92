package atomicmetrics

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"
)

// figures has a row for each figure of NodeMetrics, and is all there is to say
// about it. JSON, logs, invariants, Since and Merge loop over the rows, and so
// does metricstest, by LogValue. A new figure is a field of NodeMetrics, a row
// here, and the line of state.read that sets it.
//
// The sums stand before their parts, so a counter that overflows in Merge is
// reported as the sum.
var figures = newTable("node metrics", slices.Concat([]field[NodeMetrics]{
	{name: "totalExecutions", at: func(m *NodeMetrics) any { return &m.TotalExecutions },
		sumOf: []string{"successCount", "failureCount"}},
	{name: "successCount", at: func(m *NodeMetrics) any { return &m.SuccessCount }},
	{name: "failureCount", at: func(m *NodeMetrics) any { return &m.FailureCount },
		sumOf: categoryFigureNames()},
	{name: "retryCount", at: func(m *NodeMetrics) any { return &m.RetryCount },
		sumOf: []string{"retriesByAttempt"}},
}, categoryFigures(), []field[NodeMetrics]{
	{name: "retriesByAttempt", at: func(m *NodeMetrics) any { return &m.RetriesByAttempt }},
	{name: "lastExecutionMs", at: func(m *NodeMetrics) any { return &m.LastExecution },
		longest: MaxDuration, null: noExecutions},
	{name: "avgExecutionMs", at: func(m *NodeMetrics) any { return &m.AvgExecution },
		longest: MaxDuration, null: noExecutions},
	{name: "totalDurationMs", at: func(m *NodeMetrics) any { return &m.TotalDuration }},
	{name: "p50", at: func(m *NodeMetrics) any { return &m.P50 },
		longest: MaxDuration, null: noSamples, window: true, atMost: []string{"p90"}},
	{name: "p90", at: func(m *NodeMetrics) any { return &m.P90 },
		longest: MaxDuration, null: noSamples, window: true, atMost: []string{"p99"}},
	{name: "p99", at: func(m *NodeMetrics) any { return &m.P99 },
		longest: MaxDuration, null: noSamples, window: true, atMost: []string{"windowMaxMs"}},
	{name: "windowMinMs", at: func(m *NodeMetrics) any { return &m.WindowMin },
		longest: MaxDuration, null: noSamples, window: true, atMost: []string{"p50"}},
	{name: "windowMaxMs", at: func(m *NodeMetrics) any { return &m.WindowMax },
		longest: MaxDuration, null: noSamples, window: true},
	{name: "windowSamples", at: func(m *NodeMetrics) any { return &m.WindowSamples },
		window: true, atMost: []string{"totalExecutions"}},
	{name: "windowFailures", at: func(m *NodeMetrics) any { return &m.WindowFailures },
		window: true, atMost: []string{"windowSamples"}},
	{name: "windowFailureRate", at: func(m *NodeMetrics) any { return (*windowRate)(m) },
		null: noSamples, window: true},
	{name: "failureRateBreached", at: func(m *NodeMetrics) any { return &m.FailureRateBreached }},
	{name: "latencyBreached", at: func(m *NodeMetrics) any { return &m.LatencyBreached }},
})...)

var (
	noExecutions = &condition[NodeMetrics]{
		"totalExecutions is 0", func(m *NodeMetrics) bool { return m.TotalExecutions == 0 },
	}
	noSamples = &condition[NodeMetrics]{
		"windowSamples is 0", func(m *NodeMetrics) bool { return m.WindowSamples == 0 },
	}
)

// categoryFigures returns the row of each category's count. CategoryOther, which
// is the zero category, has the last row.
func categoryFigures() (rows []field[NodeMetrics]) {
	for i := range categoryTable {
		c := &categoryTable[(i+1)%len(categoryTable)]
		rows = append(rows, field[NodeMetrics]{name: c.name + "Errors",
			at: func(m *NodeMetrics) any { return c.count(m) }})
	}
	return rows
}

func categoryFigureNames() (names []string) {
	for _, f := range categoryFigures() {
		names = append(names, f.name)
	}
	return names
}

// windowRate is the failure rate of the window as a part: its value follows from
// other figures.
type windowRate NodeMetrics

func (r *windowRate) rate() float64 { return NodeMetrics(*r).WindowFailureRate() }

func (r *windowRate) logValue() any { return r.rate() }

func (r *windowRate) appendJSON(b []byte) ([]byte, error) { return appendFloat(b, r.rate()), nil }

func (r *windowRate) parseJSON(text jsonText) error {
	if x, err := strconv.ParseFloat(string(text), 64); err != nil || x != r.rate() || text[0] == '-' {
		return notA(text, fmt.Sprintf("windowFailures / windowSamples = %v", r.rate()))
	}
	return nil
}

func (r *windowRate) check() error { return nil }

// checkWindow returns an error if the window has more samples than fit.
func (m *NodeMetrics) checkWindow(size int) error {
	if m.WindowSamples <= size {
		return nil
	}
	return fieldError("windowSamples",
		isAbove(strconv.Itoa(m.WindowSamples), "windowSize", strconv.Itoa(size)))
}

// counters returns all figures that only a reset makes lower, but for
// TotalDuration.
func (m *NodeMetrics) counters() (all []*uint64) {
	for i := range figures.fields {
		all = append(all, figures.fields[i].counts(m)...)
	}
	return all
}

// since returns the difference to before, or m if a figure is lower than before:
// then the node was reset or forgotten between.
func (m NodeMetrics) since(before *NodeMetrics) NodeMetrics {
	d := m
	then := before.counters()
	for i, n := range d.counters() {
		if *n < *then[i] {
			return m
		}
		*n -= *then[i]
	}
	if m.TotalDuration < before.TotalDuration {
		return m
	}
	d.TotalDuration, d.AvgExecution = 0, 0
	if d.TotalExecutions == 0 {
		d.LastExecution = 0
	} else {
		d.TotalDuration, d.AvgExecution = m.durationsSince(before, d.TotalExecutions)
	}
	if uint64(d.WindowSamples) > d.TotalExecutions {
		d.clearWindow()
	}
	return d
}

// clearWindow makes the window empty.
func (m *NodeMetrics) clearWindow() {
	for _, f := range figures.fields {
		if !f.window {
			continue
		}
		switch p := f.at(m).(type) {
		case *time.Duration:
			*p = 0
		case *int:
			*p = 0
		}
	}
}

// add adds the counters of other, and its flags: a threshold is breached if it is
// in one of the two. Of a window it adds the samples, and takes the durations from
// other. The error names a counter whose sum is beyond 64 bits.
func (m *NodeMetrics) add(other *NodeMetrics) error {
	for i := range figures.fields {
		f := &figures.fields[i]
		more := f.counts(other)
		for j, n := range f.counts(m) {
			sum, carry := bits.Add64(*n, *more[j], 0)
			if carry != 0 {
				return fieldError(f.name, fmt.Errorf("the sum is above %d", uint64(math.MaxUint64)))
			}
			*n = sum
		}
		switch p := f.at(m).(type) {
		case *bool:
			*p = *p || *f.at(other).(*bool)
		case *int:
			*p += *f.at(other).(*int)
		case *time.Duration:
			if f.window && other.WindowSamples > 0 {
				*p = *f.at(other).(*time.Duration)
			}
		}
	}
	return nil
}

// durations returns the sum of all durations in nanoseconds. If TotalDuration has
// stopped, that is the average for each execution, which is too low by up to a
// nanosecond for each.
func (m *NodeMetrics) durations() (high, low uint64) {
	if m.TotalDuration == math.MaxInt64 {
		return bits.Mul64(uint64(m.AvgExecution), m.TotalExecutions)
	}
	return 0, uint64(m.TotalDuration)
}

// durationsSince returns the sum and the average of the durations of so many
// executions between before and m.
func (m *NodeMetrics) durationsSince(before *NodeMetrics, executions uint64) (total, average time.Duration) {
	high, low := m.durations()
	thenHigh, thenLow := before.durations()
	low, borrow := bits.Sub64(low, thenLow, 0)
	high, borrow = bits.Sub64(high, thenHigh, borrow)
	if borrow != 0 {
		return 0, 0 // Both sums are beyond 64 bits, and rounding hides the difference.
	}
	if high >= executions {
		return math.MaxInt64, MaxDuration
	}
	quotient, _ := bits.Div64(high, low, executions)
	average = time.Duration(min(quotient, uint64(MaxDuration)))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64, average
	}
	return time.Duration(low), average
}
