package atomicmetrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/cell"
)

// WriteTable writes the snapshot for people to read: a line for each node, the worst first, below a heading. A
// line is at most 100 columns wide, whatever the names and figures.
//
// Worst are nodes in breach of a threshold; then it is the failure rate of the window that counts, then its p99. What is
// alike in all of these is in name order.
//
// From left to right a line has the node, its executions, its failures, these by category (of which "invalid" is
// CategoryValidation), its retries; and of the window the failure rate, p50, p90 and p99. A "!" marks the figure that
// is in breach, a "-" what an empty window does not have.
//
// Counts are exact up to 99,999, beyond that they have three digits and k, M, G, T, P or E for the power of a thousand.
// Durations and rates are rounded. It is a form for the eye that may change: programs read the JSON.
//
// A name that is too long has its middle replaced by "…". Its width is counted in columns of a terminal: wide characters
// take two, combining marks none. What is not printable is escaped as in a Go string, invalid UTF-8 is U+FFFD, and an
// empty name is "".
//
// A snapshot without nodes is a line that says so. The error is that of w, which gets all in one Write.
func (s Snapshot) WriteTable(w io.Writer) error {
	var b bytes.Buffer
	s.table(&b)
	_, err := b.WriteTo(w)
	return err
}

// tableWidth is how many columns a line has at most.
const tableWidth = 100

// A tableColumn is a column of figures.
type tableColumn struct {
	heading string
	gap     int  // columns before it
	window  bool // about the window; the others go back to the last reset
	figure  func(*NodeMetrics) string
}

var tableColumns = slices.Concat([]tableColumn{
	{"runs", 2, false, func(m *NodeMetrics) string { return humanCount(m.TotalExecutions) }},
	{"failed", 2, false, func(m *NodeMetrics) string { return humanCount(m.FailureCount) }},
}, categoryColumns(), []tableColumn{
	{"retries", 2, false, func(m *NodeMetrics) string { return humanCount(m.RetryCount) }},
	{"failed", 2, true, func(m *NodeMetrics) string { return humanRate(m) + mark(m.FailureRateBreached) }},
	{"p50", 1, true, func(m *NodeMetrics) string { return windowDuration(m, m.P50) }},
	{"p90", 1, true, func(m *NodeMetrics) string { return windowDuration(m, m.P90) }},
	{"p99", 1, true, func(m *NodeMetrics) string { return windowDuration(m, m.P99) + mark(m.LatencyBreached) }},
})

// categoryColumns returns a column for each category, CategoryOther last.
func categoryColumns() (columns []tableColumn) {
	for i := range categoryTable {
		c := &categoryTable[(i+1)%len(categoryTable)]
		columns = append(columns, tableColumn{c.heading, 1, false,
			func(m *NodeMetrics) string { return humanCount(*c.count(m)) }})
	}
	return columns
}

func mark(breached bool) string {
	if breached {
		return "!"
	}
	return ""
}

// table appends the table.
func (s *Snapshot) table(b *bytes.Buffer) {
	if len(s.Nodes) == 0 {
		b.WriteString("no node has recorded anything\n")
		return
	}
	names := s.worstFirst()
	figures := make([][]string, len(names))
	widths := make([]int, len(tableColumns))
	for i, c := range tableColumns {
		widths[i] = len(c.heading)
	}
	for i, name := range names {
		m := s.Nodes[name]
		figures[i] = make([]string, len(tableColumns))
		for j, c := range tableColumns {
			figures[i][j] = c.figure(&m)
		}
	}
	for j := range tableColumns {
		alignMarks(figures, j)
		for i := range figures {
			widths[j] = max(widths[j], cell.Width(figures[i][j]))
		}
	}
	total, window := 0, -2 // columns that all figures take, and those of the window, less the gap before them
	for i, c := range tableColumns {
		total += c.gap + widths[i]
		if c.window {
			window += c.gap + widths[i]
		}
	}
	nameWidth := len("node")
	for i, name := range names {
		names[i] = cell.Fit(cmp.Or(name, `""`), tableWidth-total)
		nameWidth = max(nameWidth, cell.Width(names[i]))
	}

	line := func(text string) {
		b.WriteString(strings.TrimRight(text, " "))
		b.WriteByte('\n')
	}
	row := func(name string, figure func(column int) string) {
		text := name + strings.Repeat(" ", nameWidth-cell.Width(name))
		for i, c := range tableColumns {
			f := figure(i)
			text += strings.Repeat(" ", c.gap+widths[i]-cell.Width(f)) + f
		}
		line(text)
	}
	line(strings.Repeat(" ", nameWidth+total-window) +
		ruled(" newest "+humanCount(uint64(max(s.WindowSize, 0)))+" ", window))
	row("node", func(i int) string { return tableColumns[i].heading })
	for i, name := range names {
		row(name, func(j int) string { return figures[i][j] })
	}
}

// alignMarks puts a space behind the figures of a column that have no mark, if some have one.
func alignMarks(figures [][]string, column int) {
	marked := func(row []string) bool { return strings.HasSuffix(row[column], "!") }
	if !slices.ContainsFunc(figures, marked) {
		return
	}
	for _, row := range figures {
		if !marked(row) {
			row[column] += " "
		}
	}
}

// ruled returns text between rules, as wide as width where that is wider.
func ruled(text string, width int) string {
	rules := max(0, width-len(text))
	return strings.Repeat("-", rules/2) + text + strings.Repeat("-", rules-rules/2)
}

// worstFirst returns the names in the order of the table.
func (s *Snapshot) worstFirst() []string {
	names := sortedKeys(s.Nodes)
	inBreach := func(m NodeMetrics) int {
		if m.FailureRateBreached || m.LatencyBreached {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(names, func(a, b string) int {
		m, n := s.Nodes[b], s.Nodes[a] // the other way round: the highest first
		return cmp.Or(
			cmp.Compare(inBreach(m), inBreach(n)),
			cmp.Compare(m.WindowFailureRate(), n.WindowFailureRate()),
			cmp.Compare(m.P99, n.P99),
		)
	})
	return names
}

// humanCount returns a count in at most five characters.
func humanCount(n uint64) string {
	if n < 100_000 {
		return strconv.FormatUint(n, 10)
	}
	x, unit := float64(n), 0
	for ; x >= 999.5; unit++ {
		x /= 1000
	}
	return threeDigits(x) + " kMGTPE"[unit:unit+1]
}

// threeDigits returns an x from 1 to 999 in three digits.
func threeDigits(x float64) string {
	decimals := 2
	for bound := 9.995; x >= bound && decimals > 0; bound *= 10 {
		decimals--
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

// humanRate returns the failure rate of the window in per cent. Only a window without a failure has 0%, and only one
// without a success 100%.
func humanRate(m *NodeMetrics) string {
	percent := 100 * min(max(m.WindowFailureRate(), 0), 1)
	switch {
	case m.WindowSamples == 0:
		return "-"
	case percent > 0 && percent < 0.1:
		return "<0.1%"
	case percent > 99.9 && percent < 100:
		return ">99.9%"
	case percent == 0 || percent == 100:
		return strconv.FormatFloat(percent, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + "%"
}

func windowDuration(m *NodeMetrics, d time.Duration) string {
	if m.WindowSamples == 0 {
		return "-"
	}
	return humanDuration(max(d, 0))
}

// humanDuration returns a duration in two or three digits up to a minute, and in two units beyond.
func humanDuration(d time.Duration) string {
	const day = 24 * time.Hour
	step := time.Duration(1)
	for d/step >= 1000 {
		step *= 10
	}
	switch {
	case d < time.Minute:
		return d.Round(step).String()
	case d.Round(time.Second) < time.Hour:
		return d.Round(time.Second).String()
	case d.Round(time.Minute) < day:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d.Round(time.Hour) < 10*day:
		d = d.Round(time.Hour)
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
	return fmt.Sprintf("%dd", d.Round(day)/day)
}
