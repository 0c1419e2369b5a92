package atomicmetrics

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// figures has a row for each figure of NodeMetrics, and is all there is to say
// about it. JSON, logs, invariants, Since and Merge loop over the rows, and so
// does metricstest, by LogValue. A new figure is a field of NodeMetrics, a row
// here, and the line of state.read that sets it.
//
// The sums stand before their parts, so a counter that overflows in Merge is
// reported as the sum.
var figures = jsontable.New("node metrics", slices.Concat([]jsontable.Field[NodeMetrics]{
	{Name: "totalExecutions", At: func(m *NodeMetrics) any { return &m.TotalExecutions },
		SumOf: []string{"successCount", "failureCount"}},
	{Name: "successCount", At: func(m *NodeMetrics) any { return &m.SuccessCount }},
	{Name: "failureCount", At: func(m *NodeMetrics) any { return &m.FailureCount },
		SumOf: categoryFigureNames()},
	{Name: "retryCount", At: func(m *NodeMetrics) any { return &m.RetryCount },
		SumOf: []string{"retriesByAttempt"}},
}, categoryFigures(), []jsontable.Field[NodeMetrics]{
	{Name: "retriesByAttempt", At: func(m *NodeMetrics) any { return &m.RetriesByAttempt }},
	{Name: "lastExecutionMs", At: func(m *NodeMetrics) any { return &m.LastExecution },
		Longest: MaxDuration, Null: noExecutions},
	{Name: "avgExecutionMs", At: func(m *NodeMetrics) any { return &m.AvgExecution },
		Longest: MaxDuration, Null: noExecutions},
	{Name: "totalDurationMs", At: func(m *NodeMetrics) any { return &m.TotalDuration }},
	{Name: "p50", At: func(m *NodeMetrics) any { return &m.P50 },
		Longest: MaxDuration, Null: noSamples, AtMost: []string{"p90"}},
	{Name: "p90", At: func(m *NodeMetrics) any { return &m.P90 },
		Longest: MaxDuration, Null: noSamples, AtMost: []string{"p99"}},
	{Name: "p99", At: func(m *NodeMetrics) any { return &m.P99 },
		Longest: MaxDuration, Null: noSamples, AtMost: []string{"windowMaxMs"}},
	{Name: "windowMinMs", At: func(m *NodeMetrics) any { return &m.WindowMin },
		Longest: MaxDuration, Null: noSamples, AtMost: []string{"p50"}},
	{Name: "windowMaxMs", At: func(m *NodeMetrics) any { return &m.WindowMax },
		Longest: MaxDuration, Null: noSamples},
	{Name: "windowSamples", At: func(m *NodeMetrics) any { return &m.WindowSamples },
		AtMost: []string{"totalExecutions"}},
	{Name: "windowFailures", At: func(m *NodeMetrics) any { return &m.WindowFailures },
		AtMost: []string{"windowSamples"}},
	{Name: "windowFailureRate", At: func(m *NodeMetrics) any { return (*windowRate)(m) },
		Null: noSamples},
	{Name: "failureRateBreached", At: func(m *NodeMetrics) any { return &m.FailureRateBreached }},
	{Name: "latencyBreached", At: func(m *NodeMetrics) any { return &m.LatencyBreached }},
	{Name: "runningBreached", At: func(m *NodeMetrics) any { return &m.RunningBreached }, Optional: true},
})...)

var (
	noExecutions = jsontable.When("totalExecutions is 0", func(m *NodeMetrics) bool { return m.TotalExecutions == 0 })
	noSamples    = jsontable.When("windowSamples is 0", func(m *NodeMetrics) bool { return m.WindowSamples == 0 })
)

// categoryFigures returns the row of each category's count. CategoryOther,
// which is the zero category, has the last row.
func categoryFigures() (rows []jsontable.Field[NodeMetrics]) {
	for i := range categoryTable {
		category := (Category(i) + 1) % categories
		c := &categoryTable[category]
		rows = append(rows, jsontable.Field[NodeMetrics]{Name: c.name + "Errors",
			At:       func(m *NodeMetrics) any { return c.count(m) },
			Optional: category > CategoryNetwork, // the last of the first version
		})
	}
	return rows
}

func categoryFigureNames() (names []string) {
	for _, f := range categoryFigures() {
		names = append(names, f.Name)
	}
	return names
}

// windowRate is the failure rate of the window as a part: its value follows
// from other figures.
type windowRate NodeMetrics

func (r *windowRate) rate() float64 { return NodeMetrics(*r).WindowFailureRate() }

func (r *windowRate) LogValue() any { return r.rate() }

func (r *windowRate) AppendJSON(b []byte) ([]byte, error) {
	return jsontable.AppendFloat(b, r.rate()), nil
}

func (r *windowRate) ParseJSON(text jsontable.Text) error {
	if x, err := strconv.ParseFloat(string(text), 64); err != nil || x != r.rate() || text[0] == '-' {
		return jsontable.NotA(text, fmt.Sprintf("windowFailures / windowSamples = %v", r.rate()))
	}
	return nil
}

func (r *windowRate) Check() error { return nil }

// checkWindow returns an error if the window has more samples than fit.
func (m *NodeMetrics) checkWindow(size int) error {
	if m.WindowSamples <= size {
		return nil
	}
	return jsontable.FieldError("windowSamples",
		jsontable.Above(strconv.Itoa(m.WindowSamples), "windowSize", strconv.Itoa(size)))
}

// counters returns all figures that only a reset makes lower, but for
// TotalDuration.
func (m *NodeMetrics) counters() []*uint64 {
	all := make([]*uint64, 0, 16)
	for i := range figures.Fields {
		all = figures.Fields[i].AppendCounts(all, m)
	}
	return all
}

// since returns the difference to before, or m if a figure is lower than
// before: then the node was reset or forgotten between.
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

// ofWindow reports whether the field is a duration of the window.
func ofWindow(f *jsontable.Field[NodeMetrics]) bool { return f.Null == noSamples }

// clearWindow makes the window empty. All figures that are an int are of the
// window.
func (m *NodeMetrics) clearWindow() {
	for i := range figures.Fields {
		f := &figures.Fields[i]
		switch p := f.At(m).(type) {
		case *int:
			*p = 0
		case *time.Duration:
			if ofWindow(f) {
				*p = 0
			}
		}
	}
}

// add adds the counters of other, and its flags: a threshold is breached if it
// is in one of the two. Of a window it adds the samples, and takes the
// durations from other. The error names a counter whose sum is beyond 64 bits.
func (m *NodeMetrics) add(other *NodeMetrics) error {
	var ours, theirs [8]*uint64
	for i := range figures.Fields {
		f := &figures.Fields[i]
		more := f.AppendCounts(theirs[:0], other)
		for j, n := range f.AppendCounts(ours[:0], m) {
			sum, carry := bits.Add64(*n, *more[j], 0)
			if carry != 0 {
				return jsontable.FieldError(f.Name, fmt.Errorf("the sum is above %d", uint64(math.MaxUint64)))
			}
			*n = sum
		}
		switch p := f.At(m).(type) {
		case *bool:
			*p = *p || *f.At(other).(*bool)
		case *int:
			*p += *f.At(other).(*int)
		case *time.Duration:
			if ofWindow(f) && other.WindowSamples > 0 {
				*p = *f.At(other).(*time.Duration)
			}
		}
	}
	return nil
}

// durations returns the sum of all durations in nanoseconds. If TotalDuration
// has stopped, that is the average for each execution, which is too low by up
// to a nanosecond for each.
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
