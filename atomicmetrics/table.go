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

// WriteTable is WriteTableWidth with 100 columns.
func (s Snapshot) WriteTable(w io.Writer) error { return s.WriteTableWidth(w, 100) }

// WriteTableWidth writes the snapshot for people to read: a line for each node,
// the worst first, below a heading. A line has at most as many columns as
// given. Fewer than 70 count as 70.
//
// Worst are nodes in breach of a threshold. Then the failure rate of the window
// counts, then its p99. Nodes that are alike in these are in name order.
//
// A line has the node, its executions, its failures, the failures by category,
// and its retries. Then it has the failure rate, p50, p90 and p99 of the window.
// "invalid" is CategoryValidation. A "!" marks a figure that is in breach. A "-"
// stands for a figure of an empty window. If the categories would leave fewer
// than 12 columns for names, the table leaves them out.
//
// Counts are exact up to 99,999. Larger ones have three digits and k, M, G, T, P
// or E for the power of a thousand. Durations and rates are rounded. The form is
// for the eye and may change: programs read the JSON.
//
// A name that is too long has its middle replaced by "…". If that makes names
// look alike, "…" replaces what they have in common, and if that is not enough,
// they are numbered. So no two lines print the same name. Width is counted
// in columns of a terminal: wide characters and emoji take two, combining marks
// none. Characters that are not printable, or show nothing, are escaped as in a
// Go string. So are marks without a character, more than eight marks of one
// character, and spaces at the ends of a name. Invalid UTF-8 is U+FFFD, and an
// empty name is "". A name with characters of a script that is written
// from right to left stands between U+2068 and U+2069, so that the
// figures behind it stay in their order.
//
// A snapshot without nodes is a line that says so. The error is that of w, which
// gets all in one Write.
func (s Snapshot) WriteTableWidth(w io.Writer, columns int) error {
	var b bytes.Buffer
	s.table(&b, max(columns, minTableWidth))
	_, err := b.WriteTo(w)
	return err
}

const (
	minTableWidth = 70
	minNameWidth  = 12 // with fewer left, the categories give way
)

// A tableColumn is a column of figures.
type tableColumn struct {
	heading string
	gap     int // columns before it
	kind    columnKind
	figure  func(*NodeMetrics) string
}

type columnKind uint8

const (
	sinceReset columnKind = iota
	byCategory            // since the reset, and left out of a narrow table
	inWindow
)

var tableColumns = slices.Concat([]tableColumn{
	{"runs", 2, sinceReset, func(m *NodeMetrics) string { return humanCount(m.TotalExecutions) }},
	{"failed", 2, sinceReset, func(m *NodeMetrics) string { return humanCount(m.FailureCount) }},
}, categoryColumns(), []tableColumn{
	{"retries", 2, sinceReset, func(m *NodeMetrics) string { return humanCount(m.RetryCount) }},
	{"failed", 2, inWindow, func(m *NodeMetrics) string { return humanRate(m) + mark(m.FailureRateBreached) }},
	{"p50", 1, inWindow, func(m *NodeMetrics) string { return windowDuration(m, m.P50) }},
	{"p90", 1, inWindow, func(m *NodeMetrics) string { return windowDuration(m, m.P90) }},
	{"p99", 1, inWindow, func(m *NodeMetrics) string { return windowDuration(m, m.P99) + mark(m.LatencyBreached) }},
})

// categoryColumns returns a column for each category, CategoryOther last.
func categoryColumns() (columns []tableColumn) {
	for i := range categoryTable {
		c := &categoryTable[(i+1)%len(categoryTable)]
		columns = append(columns, tableColumn{c.heading, 1, byCategory,
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
func (s *Snapshot) table(b *bytes.Buffer, width int) {
	if len(s.Nodes) == 0 {
		b.WriteString("no node has recorded anything\n")
		return
	}
	names := sortedKeys(s.Nodes)
	columns := s.columns()
	if width-total(columns) < minNameWidth {
		columns = slices.DeleteFunc(columns, func(c filledColumn) bool { return c.kind == byCategory })
	}
	texts, room := map[string]string{}, len("node")
	for i, text := range cell.Names(names, width-total(columns)) {
		texts[names[i]] = text
		room = max(room, cell.Width(text))
	}

	line := func(text string) {
		b.WriteString(strings.TrimRight(text, " "))
		b.WriteByte('\n')
	}
	padded := func(text string) string { return strings.Repeat(" ", room-cell.Width(text)) }
	inWindow := slices.DeleteFunc(slices.Clone(columns), func(c filledColumn) bool { return c.kind != inWindow })
	window := total(inWindow) - inWindow[0].gap
	line(strings.Repeat(" ", room+total(columns)-window) +
		ruled(" newest "+humanCount(uint64(max(s.WindowSize, 0)))+" ", window))
	heading := "node" + padded("node")
	for _, c := range columns {
		heading += c.cell(c.heading)
	}
	line(heading)
	for _, name := range s.worstFirst(names) {
		row := cell.Isolated(texts[name]) + padded(texts[name])
		for _, c := range columns {
			row += c.cell(c.figures[name])
		}
		line(row)
	}
}

// A filledColumn is a column with its figures, by the names of their nodes.
type filledColumn struct {
	tableColumn
	figures map[string]string
	width   int
}

func (c *filledColumn) cell(text string) string {
	return strings.Repeat(" ", c.gap+c.width-cell.Width(text)) + text
}

// columns returns the columns of the table, as wide as what is in them.
func (s *Snapshot) columns() (columns []filledColumn) {
	for _, c := range tableColumns {
		filled := filledColumn{c, make(map[string]string, len(s.Nodes)), len(c.heading)}
		marked := false
		for name, m := range s.Nodes {
			figure := c.figure(&m)
			filled.figures[name] = figure
			marked = marked || strings.HasSuffix(figure, "!")
		}
		for name, figure := range filled.figures {
			if marked && !strings.HasSuffix(figure, "!") {
				figure += " " // below a mark
			}
			filled.figures[name] = figure
			filled.width = max(filled.width, cell.Width(figure))
		}
		columns = append(columns, filled)
	}
	return columns
}

// total returns how many columns of a terminal the columns take.
func total(columns []filledColumn) (n int) {
	for _, c := range columns {
		n += c.gap + c.width
	}
	return n
}

// ruled returns text between rules, as wide as width where that is wider.
func ruled(text string, width int) string {
	rules := max(0, width-len(text))
	return strings.Repeat("-", rules/2) + text + strings.Repeat("-", rules-rules/2)
}

// worstFirst sorts the names, which are in name order, for the table.
func (s *Snapshot) worstFirst(names []string) []string {
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
