package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/nodemetrics/nodemetrics/bench/internal/figure"
	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// ours is the implementation that all others are compared with.
const ours = "nodemetrics"

// table says which benchmarks stand together, and how.
type table struct {
	title  string
	text   string // describes the figures
	family string
	where  map[string]string // values that the benchmarks have
	rows   []string          // keys, whose values name a row
	// A key, whose values are the columns of a single unit; if "", the units
	// are the columns.
	column string
	units  []string
	ratio  bool // add the ratio to ours in the same column
}

// cells are the benchmarks of a table in its rows and columns.
type cells struct {
	rows, columns []string
	at            map[[2]string]raw.Name
	unit          func(column string) string
}

// pick finds the benchmarks of the table. If there is none, the error says
// which is missing. Two benchmarks in one cell are an error too.
func (t table) pick(o *raw.Output) (cells, error) {
	c := cells{at: map[[2]string]raw.Name{}, unit: func(string) string { return t.units[0] }}
	if t.column == "" {
		c.columns, c.unit = t.units, func(column string) string { return column }
	}
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is(t.family, t.where) || !slices.ContainsFunc(t.units, func(u string) bool { return o.Has(full, u) }) {
			continue
		}
		if t.column != "" && n.Keys[t.column] == "" {
			continue // it belongs to another table
		}
		row := n.Label(t.rows)
		if !slices.Contains(c.rows, row) {
			c.rows = append(c.rows, row)
		}
		columns := t.units
		if t.column != "" {
			columns = []string{n.Keys[t.column]}
		}
		for _, column := range columns {
			if !slices.Contains(c.columns, column) {
				c.columns = append(c.columns, column)
			}
			if other, ok := c.at[[2]string{row, column}]; ok {
				return c, fmt.Errorf("%q has one cell for benchmarks %s and %s", t.title, other.Full, full)
			}
			c.at[[2]string{row, column}] = n
		}
	}
	if len(c.rows) == 0 {
		return c, fmt.Errorf("benchmark %s%s with %s is missing: nothing for %q",
			t.family, elements(t.where), strings.Join(t.units, ", "), t.title)
	}
	return c, nil
}

// elements writes the elements that a name must have, in the order of the keys.
func elements(where map[string]string) string {
	var all []string
	for key, value := range where {
		if value != "" {
			all = append(all, "/"+key+"="+value)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// write writes the table in Markdown, with medians, their intervals, and ratios
// to ours.
func (t table) write(w io.Writer, o *raw.Output) error {
	c, err := t.pick(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "### %s\n\n%s %s\n\n", t.title, t.text, on(o))
	heads := []string{strings.Join(t.rows, ", ")}
	for _, column := range c.columns {
		if t.column != "" {
			column = t.column + "=" + column
		}
		heads = append(heads, column)
	}
	fmt.Fprintf(w, "| %s |\n|-%s|\n", strings.Join(heads, " | "), strings.Repeat("|-:", len(c.columns)))
	for _, row := range c.rows {
		texts := []string{row}
		for _, column := range c.columns {
			text, err := t.cell(o, c, row, column)
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(texts, " | "))
	}
	fmt.Fprintln(w)
	return nil
}

func (t table) cell(o *raw.Output, c cells, row, column string) (string, error) {
	n, ok := c.at[[2]string{row, column}]
	unit := c.unit(column)
	if !ok || !o.Has(n.Full, unit) {
		return "", nil
	}
	s, err := o.Summary(n.Full, unit)
	if err != nil {
		return "", err
	}
	text := figure.Text(s.Center, unit)
	if s.Hi > s.Lo {
		text += " ± " + s.PctRangeString()
	}
	if !t.ratio || n.Keys["impl"] == ours {
		return text, nil
	}
	base := c.at[[2]string{strings.Replace(row, n.Keys["impl"], ours, 1), column}]
	if base.Full == "" {
		return text, nil
	}
	ratio, err := ratio(o, n.Full, base.Full, unit)
	if err != nil {
		return "", err
	}
	if !(ratio.Lo > 0) { // a cost added to other work can be too small to be seen beside it
		return text, nil
	}
	return fmt.Sprintf("%s (%s)", text, figure.Ratio(ratio.Center)), nil
}

// ratio is that of two benchmarks, round by round.
func ratio(o *raw.Output, name, base, unit string) (benchmath.Summary, error) {
	above, err := o.Values(name, unit)
	if err != nil {
		return benchmath.Summary{}, err
	}
	below, err := o.Values(base, unit)
	if err != nil {
		return benchmath.Summary{}, err
	}
	if len(above) != len(below) {
		return benchmath.Summary{}, fmt.Errorf("benchmark %s has %d rounds and %s has %d: they are not of one run",
			name, len(above), base, len(below))
	}
	for i := range above {
		above[i] /= below[i]
	}
	return raw.Summarize(above), nil
}
