package atomicmetrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/nodemetrics/nodemetrics/internal/table"
)

// WriteTable writes the snapshot as a table of 100 columns. It is shorthand for
// [Snapshot.WriteTableWidth].
func (s Snapshot) WriteTable(w io.Writer) error { return s.WriteTableWidth(w, 100) }

// WriteTableWidth writes the snapshot for people to read. It writes a heading,
// and below it a line for each node, the worst first. A line has at most as
// many columns as given. Fewer than 70 count as 70.
//
// Nodes in breach of a threshold are the worst. Then the failure rate of the
// window counts, and then its p99, or the age of the oldest running execution
// if that is longer. Nodes that are alike in these are in name order.
//
// A line has the node, its executions (runs), its failures, the failures by
// category, and its retries. If executions were ignored, it has their number.
// With [WithInFlight] it has the executions that are running, and the age of
// the oldest. A node that has only begun an execution, or whose executions were
// all ignored, has a line too. At the end are the failure rate, p50, p90 and
// p99 of the window. A "!" marks a figure that is in breach. A "-" stands for a
// figure that does not exist. If fewer than 12 columns are left for names, the
// table leaves out the categories, then p90, p50 and the ignored executions.
//
// With [WithLastFailure] a line below the node has the category of its last
// failure, the time between the failure and the snapshot, and the text.
//
// Counts are exact up to 99,999. Larger ones have three digits and k, M, G, T,
// P or E for the power of a thousand. Durations and rates are rounded. The form
// is for the eye and may change, so programs read the JSON.
//
// If a name is too long, "…" replaces its middle. If that makes names look
// alike, "…" replaces the part that they have in common. If that is not enough,
// they are numbered. So no two lines print the same name. Width is counted in
// columns of a terminal: wide characters and emoji take two, combining marks
// none. Characters that are not printable, or show nothing, are escaped as in a
// Go string. So are marks without a character, more than eight marks of one
// character, and spaces at the ends of a name. Invalid UTF-8 is U+FFFD, and an
// empty name is "". If a name has characters of a script that is written from
// right to left, it stands between U+2068 and U+2069. So the figures behind it
// stay in their order. The same holds for the text of a failure.
//
// The table of a snapshot without nodes is a line that says so. WriteTableWidth
// makes a single Write and returns the error of w.
func (s Snapshot) WriteTableWidth(w io.Writer, columns int) error {
	var b bytes.Buffer
	s.table(&b, max(columns, 70))
	_, err := b.WriteTo(w)
	return err
}

// A tableRow is a node of the table.
type tableRow struct {
	name string
	NodeMetrics
	InFlight
	ignored uint64
}

// breaches returns 1 if the node is in breach of a threshold, else 0.
func (r *tableRow) breaches() int {
	if r.FailureRateBreached || r.LatencyBreached || r.RunningBreached {
		return 1
	}
	return 0
}

// ofWindow returns the text of a figure, or "-" if the window is empty. A
// figure that is in breach has a mark.
func (r *tableRow) ofWindow(text string, breached bool) string {
	if r.WindowSamples == 0 {
		text = "-"
	}
	return table.Mark(text, breached)
}

func (r *tableRow) oldest() string {
	if r.Running <= 0 {
		return table.Mark("-", r.RunningBreached)
	}
	return table.Mark(table.Duration(r.Oldest), r.RunningBreached)
}

// A tableColumn is a column of the table, and its text for a node.
type tableColumn struct {
	table.Column
	text func(*tableRow) string
}

// Columns that give way if there is no room, in this order.
const (
	dropCategories = 1 + iota
	dropP90
	dropP50
	dropIgnored
)

// tableColumns returns the columns that the snapshot has.
func (s *Snapshot) tableColumns() (columns []tableColumn) {
	add := func(heading string, gap, drop int, text func(*tableRow) string) {
		columns = append(columns, tableColumn{table.Column{Heading: heading, Gap: gap, Drop: drop}, text})
	}
	add("runs", 2, 0, func(r *tableRow) string { return table.Count(r.TotalExecutions) })
	add("failed", 2, 0, func(r *tableRow) string { return table.Count(r.FailureCount) })
	for i := range categoryTable {
		c := &categoryTable[(i+1)%len(categoryTable)] // CategoryOther last
		add(c.name, 1, dropCategories, func(r *tableRow) string { return table.Count(*c.count(&r.NodeMetrics)) })
	}
	add("retries", 2, 0, func(r *tableRow) string { return table.Count(r.RetryCount) })
	if len(s.Ignored) > 0 {
		add("ignored", 1, dropIgnored, func(r *tableRow) string { return table.Count(r.ignored) })
	}
	if s.InFlight != nil {
		add("running", 2, 0, func(r *tableRow) string { return table.Count(uint64(max(r.Running, 0))) })
		add("oldest", 1, 0, (*tableRow).oldest)
	}
	window := len(columns)
	add("failed", 2, 0, func(r *tableRow) string {
		return r.ofWindow(table.Rate(r.WindowFailureRate()), r.FailureRateBreached)
	})
	add("p50", 1, dropP50, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P50), false) })
	add("p90", 1, dropP90, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P90), false) })
	add("p99", 1, 0, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P99), r.LatencyBreached) })
	for i := range columns[window:] {
		columns[window+i].Group = "newest " + table.Count(uint64(max(s.WindowSize, 0)))
	}
	return columns
}

// tableRows returns the nodes of the table, the worst first.
func (s *Snapshot) tableRows() (rows []*tableRow) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(s.Nodes)), maps.Keys(s.Ignored))
	for name, f := range s.InFlight {
		if f.Running > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		rows = append(rows, &tableRow{name, s.Nodes[name], s.InFlight[name], s.Ignored[name]})
	}
	slices.SortStableFunc(rows, func(a, b *tableRow) int {
		return cmp.Or(
			cmp.Compare(b.breaches(), a.breaches()),
			cmp.Compare(b.WindowFailureRate(), a.WindowFailureRate()),
			cmp.Compare(max(b.P99, b.Oldest), max(a.P99, a.Oldest)),
		)
	})
	return rows
}

// table appends the table.
func (s *Snapshot) table(b *bytes.Buffer, width int) {
	var columns []table.Column
	all := s.tableColumns()
	for _, c := range all {
		columns = append(columns, c.Column)
	}
	var rows []table.Row
	for _, r := range s.tableRows() {
		row := table.Row{Name: r.name}
		for _, c := range all {
			row.Figures = append(row.Figures, c.text(r))
		}
		if f, ok := s.LastFailures[r.name]; ok {
			row.Below = fmt.Sprintf("%v, %s ago", f.Category, table.Duration(s.TakenAt.Sub(f.At)))
			row.Text = f.Text
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		b.WriteString("no node has recorded anything\n")
		return
	}
	table.Write(b, width, "node", columns, rows)
}
