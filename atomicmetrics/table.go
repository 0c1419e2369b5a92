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
// With [WithLastFailure] a line below the node has the category of its last
// failure, the time between the failure and the snapshot, and the text.
//
// Counts are exact up to 99,999. Larger ones have three digits and k, M, G, T,
// P or E for the power of a thousand. Durations and rates are rounded. The form
// is for the eye and may change, so programs read the JSON.
//
// If a name is too long, "…" replaces its middle, or the part that it has in
// common with others. If that is not enough, names are numbered. So no two
// lines print the same name. Width is counted in columns of a terminal: wide
// characters and emoji take two, combining marks none. Characters that are not
// printable, or show nothing, are escaped as in a Go string. So are marks
// without a character, more than eight marks of one character, and spaces at
// the ends. Invalid UTF-8 is U+FFFD, and an empty name is "". A name or text
// with characters of a right-to-left script stands between U+2068 and U+2069,
// so the figures behind it stay in their order.
//
// The table of a snapshot without nodes is a line that says so. WriteTableWidth
// makes a single Write and returns the error of w.
func (s Snapshot) WriteTableWidth(w io.Writer, columns int) error {
	var b bytes.Buffer
	figures := s.tableColumns()
	var rows []table.Row
	for _, r := range s.tableRows() {
		row := table.Row{Name: r.name, Figures: figures.Figures(r)}
		if f, ok := s.LastFailures[r.name]; ok {
			row.Below = fmt.Sprintf("%v, %s ago", f.Category, table.Duration(s.TakenAt.Sub(f.At)))
			row.Text = f.Text
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		b.WriteString("no node has recorded anything\n")
	} else {
		table.Write(&b, max(columns, 70), "node", figures.All, rows)
	}
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

// figure returns the text of a figure, or "-" if it does not exist. A figure
// that is in breach has a mark.
func figure(exists bool, text string, breached bool) string {
	if !exists {
		text = "-"
	}
	return table.Mark(text, breached)
}

func (r *tableRow) ofWindow(text string, breached bool) string {
	return figure(r.WindowSamples > 0, text, breached)
}

// Columns that give way if there is no room, in this order.
const (
	dropCategories = 1 + iota
	dropP90
	dropP50
	dropIgnored
)

// tableColumns returns the columns that the snapshot has.
func (s *Snapshot) tableColumns() (columns table.Columns[*tableRow]) {
	add := columns.Add
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
		add("oldest", 1, 0, func(r *tableRow) string {
			return figure(r.Running > 0, table.Duration(r.Oldest), r.RunningBreached)
		})
	}
	window := len(columns.All)
	add("failed", 2, 0, func(r *tableRow) string {
		return r.ofWindow(table.Rate(r.WindowFailureRate()), r.FailureRateBreached)
	})
	add("p50", 1, dropP50, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P50), false) })
	add("p90", 1, dropP90, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P90), false) })
	add("p99", 1, 0, func(r *tableRow) string { return r.ofWindow(table.Duration(r.P99), r.LatencyBreached) })
	for i := range columns.All[window:] {
		columns.All[window+i].Group = "newest " + table.Count(uint64(max(s.WindowSize, 0)))
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
