package atomicmetrics

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// figures has a row for each figure of NodeMetrics, with everything about the
// figure. JSON, logs, invariants, Since and Merge loop over the rows, and so
// does metricstest, by LogValue. A new figure is a field of NodeMetrics, a row
// here with its name, and a line of setQuantiles or Node.read that sets it.
//
// The sums stand before their parts, so a counter that overflows in Merge is
// reported as the sum.
var figures = jsontable.New("node metrics", slices.Concat([]jsontable.Field[NodeMetrics]{
	{Name: "totalExecutions", SumOf: []string{"successCount", "failureCount"}},
	{Name: "successCount"},
	{Name: "failureCount", SumOf: categoryNames},
	{Name: "retryCount", SumOf: []string{"retriesByAttempt"}},
}, categoryRows, []jsontable.Field[NodeMetrics]{
	{Name: "retriesByAttempt"},
	{Name: "lastExecutionMs", Longest: MaxDuration, Null: noExecutions},
	{Name: "avgExecutionMs", Longest: MaxDuration, Null: noExecutions},
	{Name: "totalDurationMs"},
	{Name: "p50", Longest: MaxDuration, Null: noSamples, AtMost: []string{"p90"}},
	{Name: "p90", Longest: MaxDuration, Null: noSamples, AtMost: []string{"p99"}},
	{Name: "p99", Longest: MaxDuration, Null: noSamples, AtMost: []string{"windowMaxMs"}},
	{Name: "windowMinMs", Longest: MaxDuration, Null: noSamples, AtMost: []string{"p50"}},
	{Name: "windowMaxMs", Longest: MaxDuration, Null: noSamples},
	{Name: "windowSamples", AtMost: []string{"totalExecutions"}},
	{Name: "windowFailures", AtMost: []string{"windowSamples"}},
	{Name: "windowFailureRate", Null: noSamples, At: func(m *NodeMetrics) any { return (*windowRate)(m) }},
	{Name: "failureRateBreached"},
	{Name: "latencyBreached"},
	{Name: "runningBreached", Optional: true},
})...)

var (
	categoryRows, categoryNames = categoryFigures()

	noExecutions = jsontable.When("totalExecutions is 0", func(m *NodeMetrics) bool { return m.TotalExecutions == 0 })
	noSamples    = jsontable.When("windowSamples is 0", func(m *NodeMetrics) bool { return m.WindowSamples == 0 })
)

// categoryFigures returns the row of each category's count, and the names of
// the rows. CategoryOther, which is the zero category, has the last row.
func categoryFigures() (rows []jsontable.Field[NodeMetrics], names []string) {
	for i := range categoryTable {
		category := (Category(i) + 1) % categories
		name := category.String() + "Errors"
		names = append(names, name)
		optional := category > CategoryNetwork // the last of the first version
		rows = append(rows, jsontable.Field[NodeMetrics]{Name: name, Optional: optional})
	}
	return rows, names
}

// windowRate is the failure rate of the window as a part of the JSON, because
// it follows from two figures. A pointer is a part without an allocation.
type windowRate NodeMetrics

func (r *windowRate) rate() float64 { return NodeMetrics(*r).WindowFailureRate() }
func (r *windowRate) LogValue() any { return r.rate() }
func (r *windowRate) Check() error  { return nil }
func (r *windowRate) AppendJSON(b []byte) ([]byte, error) {
	return jsontable.AppendFloat(b, r.rate()), nil
}
func (r *windowRate) ParseJSON(text jsontable.Text) error {
	return jsontable.ParseEqual(text, "windowFailures / windowSamples", r.rate())
}

// checkWindow returns an error if the window has more samples than fit.
func (m *NodeMetrics) checkWindow(size int) error {
	if m.WindowSamples > size {
		err := jsontable.Above(strconv.Itoa(m.WindowSamples), "windowSize", strconv.Itoa(size))
		return jsontable.FieldError("windowSamples", err)
	}
	return nil
}

// since returns the difference to before. It reports false if a figure that
// only a reset makes lower is lower than before.
func (m NodeMetrics) since(before *NodeMetrics) (d NodeMetrics, ok bool) {
	d = m
	if !figures.Subtract(&d, before) || m.TotalDuration < before.TotalDuration {
		return m, false
	}
	d.TotalDuration, d.AvgExecution = 0, 0
	if d.TotalExecutions == 0 {
		d.LastExecution = 0
	} else {
		d.setDurations(m.durations().Minus(before.durations()))
	}
	if uint64(d.WindowSamples) > d.TotalExecutions {
		d.clearWindow()
	}
	return d, true
}

// setQuantiles sets the percentiles and extremes to those of a window. It keeps
// them in order, even if they are estimates.
func (m *NodeMetrics) setQuantiles(of func(q float64) time.Duration) {
	m.P50 = of(0.50)
	m.P90 = max(m.P50, of(0.90))
	m.P99 = max(m.P90, of(0.99))
	m.WindowMin, m.WindowMax = of(0), of(1)
}

// takeWindow takes the durations of another window.
func (m *NodeMetrics) takeWindow(other *NodeMetrics) { figures.CopyDurations(noSamples, m, other) }

// clearWindow makes the window empty.
func (m *NodeMetrics) clearWindow() {
	m.takeWindow(new(NodeMetrics))
	m.WindowSamples, m.WindowFailures = 0, 0
}

// durations returns the sum of all durations in nanoseconds. If TotalDuration
// has stopped, the sum is the average times the executions, which is too low by
// up to a nanosecond for each.
func (m *NodeMetrics) durations() ring.Sum {
	if m.TotalDuration == math.MaxInt64 {
		return ring.Product(uint64(m.AvgExecution), m.TotalExecutions)
	}
	return ring.Product(uint64(m.TotalDuration), 1)
}

// setDurations sets total and average to those of a sum. There are executions.
func (m *NodeMetrics) setDurations(sum ring.Sum) {
	m.TotalDuration = time.Duration(sum.Saturated(math.MaxInt64))
	m.AvgExecution = time.Duration(sum.Over(m.TotalExecutions, uint64(MaxDuration)))
}
