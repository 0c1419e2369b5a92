package atomicmetrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
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

// inBreach returns 1 if the node is in breach of a threshold, else 0.
func (r *tableRow) inBreach() int {
	if r.FailureRateBreached || r.LatencyBreached || r.RunningBreached {
		return 1
	}
	return 0
}

// ofWindow returns the text, or "-" if the window is empty.
func (r *tableRow) ofWindow(text string) string {
	if r.WindowSamples == 0 {
		return "-"
	}
	return text
}

func (r *tableRow) oldest() string {
	if r.Running <= 0 {
		return "-"
	}
	return table.Duration(r.Oldest)
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
func (s *Snapshot) tableColumns() []tableColumn {
	columns := []tableColumn{
		{table.Column{Heading: "runs", Gap: 2}, func(r *tableRow) string { return table.Count(r.TotalExecutions) }},
		{table.Column{Heading: "failed", Gap: 2}, func(r *tableRow) string { return table.Count(r.FailureCount) }},
	}
	for i := range categoryTable {
		c := &categoryTable[(i+1)%len(categoryTable)] // CategoryOther last
		columns = append(columns, tableColumn{table.Column{Heading: c.name, Gap: 1, Drop: dropCategories},
			func(r *tableRow) string { return table.Count(*c.count(&r.NodeMetrics)) }})
	}
	columns = append(columns, tableColumn{table.Column{Heading: "retries", Gap: 2},
		func(r *tableRow) string { return table.Count(r.RetryCount) }})
	if len(s.Ignored) > 0 {
		columns = append(columns, tableColumn{table.Column{Heading: "ignored", Gap: 1, Drop: dropIgnored},
			func(r *tableRow) string { return table.Count(r.ignored) }})
	}
	if s.InFlight != nil {
		columns = append(columns, []tableColumn{
			{table.Column{Heading: "running", Gap: 2}, func(r *tableRow) string { return table.Count(uint64(max(r.Running, 0))) }},
			{table.Column{Heading: "oldest", Gap: 1}, func(r *tableRow) string { return table.Mark(r.oldest(), r.RunningBreached) }},
		}...)
	}
	newest := "newest " + table.Count(uint64(max(s.WindowSize, 0)))
	return append(columns, []tableColumn{
		{table.Column{Heading: "failed", Gap: 2, Group: newest}, func(r *tableRow) string {
			return table.Mark(r.ofWindow(table.Rate(r.WindowFailureRate())), r.FailureRateBreached)
		}},
		{table.Column{Heading: "p50", Gap: 1, Group: newest, Drop: dropP50}, func(r *tableRow) string {
			return r.ofWindow(table.Duration(r.P50))
		}},
		{table.Column{Heading: "p90", Gap: 1, Group: newest, Drop: dropP90}, func(r *tableRow) string {
			return r.ofWindow(table.Duration(r.P90))
		}},
		{table.Column{Heading: "p99", Gap: 1, Group: newest}, func(r *tableRow) string {
			return table.Mark(r.ofWindow(table.Duration(r.P99)), r.LatencyBreached)
		}},
	}...)
}

// tableRows returns the nodes of the table, the worst first.
func (s *Snapshot) tableRows() (rows []*tableRow) {
	names := map[string]bool{}
	for name := range s.Nodes {
		names[name] = true
	}
	for name, f := range s.InFlight {
		names[name] = names[name] || f.Running > 0
	}
	for name := range s.Ignored {
		names[name] = true
	}
	for name, there := range names {
		if there {
			rows = append(rows, &tableRow{name, s.Nodes[name], s.InFlight[name], s.Ignored[name]})
		}
	}
	slices.SortFunc(rows, func(a, b *tableRow) int {
		return cmp.Or(
			cmp.Compare(b.inBreach(), a.inBreach()),
			cmp.Compare(b.WindowFailureRate(), a.WindowFailureRate()),
			cmp.Compare(max(b.P99, b.Oldest), max(a.P99, a.Oldest)),
			cmp.Compare(a.name, b.name),
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
