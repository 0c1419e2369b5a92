// Package table renders a table for a terminal. It has a line for each name,
// with its figures below headings. It makes names fit, keeps them distinct, and
// escapes everything that a terminal would obey or hide.
package table

import (
	"bytes"
	"slices"
	"strings"
)

// A Column is a column of figures, which are aligned at the right. Figures with
// a [Mark] have it behind the others.
type Column struct {
	Heading string
	Gap     int    // spaces before it
	Group   string // of adjacent columns, which have it above them; may be empty
	Drop    int    // if there is no room, the lowest Drop above 0 gives way first
}

// Columns are columns with their texts for an R, which stands for a row.
type Columns[R any] struct {
	All   []Column
	texts []func(R) string
}

// Add adds a column.
func (c *Columns[R]) Add(heading string, gap, drop int, text func(R) string) {
	c.All = append(c.All, Column{Heading: heading, Gap: gap, Drop: drop})
	c.texts = append(c.texts, text)
}

// Figures returns the figures of a row.
func (c *Columns[R]) Figures(r R) (figures []string) {
	for _, text := range c.texts {
		figures = append(figures, text(r))
	}
	return figures
}

// A Row is the line of a name. The names of a table are distinct.
type Row struct {
	Name    string
	Figures []string // one for each column
	Below   string   // a line below the row; none if it is empty
	Text    string   // behind it, cut and escaped as a name; may be empty
}

// minNameWidth is how many columns of the terminal names have at least, as far
// as columns of figures can give way.
const minNameWidth = 12

// Write writes a table of at most width columns of the terminal, if that is
// enough for a few characters of the names. The heading is of the names.
func Write(b *bytes.Buffer, width int, heading string, columns []Column, rows []Row) {
	filled := fill(columns, rows)
	for drop := lowestDrop(filled); drop > 0 && width-total(filled) < minNameWidth; drop = lowestDrop(filled) {
		filled = slices.DeleteFunc(filled, func(c filledColumn) bool { return c.Drop == drop })
	}
	names, room := names(rows, width-total(filled), len(heading))

	line := func(text string) {
		b.WriteString(strings.TrimRight(text, " "))
		b.WriteByte('\n')
	}
	padded := func(text string) string { return isolated(text) + strings.Repeat(" ", room-Width(text)) }
	line(groups(filled, room))
	text := padded(heading)
	for _, c := range filled {
		text += c.cell(c.Heading)
	}
	line(text)
	for i, row := range rows {
		text := padded(names[i])
		for _, c := range filled {
			text += c.cell(c.figures[i])
		}
		line(text)
		if row.Below == "" {
			continue
		}
		text = "  " + row.Below
		if row.Text != "" {
			text += ": "
			text += isolated(fit(row.Text, width-Width(text)))
		}
		line(text)
	}
}

// A filledColumn is a column with its figures, by row.
type filledColumn struct {
	Column
	figures []string
	width   int // of the widest
}

// cell returns the text of a line in the column.
func (c *filledColumn) cell(text string) string {
	return strings.Repeat(" ", c.Gap+c.width-Width(text)) + text
}

func fill(columns []Column, rows []Row) (filled []filledColumn) {
	for i, c := range columns {
		f := filledColumn{c, make([]string, len(rows)), len(c.Heading)}
		marked := slices.ContainsFunc(rows, func(r Row) bool { return strings.HasSuffix(r.Figures[i], "!") })
		for j, row := range rows {
			f.figures[j] = row.Figures[i]
			if marked && !strings.HasSuffix(f.figures[j], "!") {
				f.figures[j] += " " // below a mark
			}
			f.width = max(f.width, Width(f.figures[j]))
		}
		filled = append(filled, f)
	}
	return filled
}

// total returns how many columns of a terminal the columns take.
func total(columns []filledColumn) (n int) {
	for _, c := range columns {
		n += c.Gap + c.width
	}
	return n
}

// lowestDrop returns the Drop of the columns that give way next, 0 if none
// does.
func lowestDrop(columns []filledColumn) (drop int) {
	for _, c := range columns {
		if c.Drop > 0 && (drop == 0 || c.Drop < drop) {
			drop = c.Drop
		}
	}
	return drop
}

// names returns the text of each row's name in at most so many columns, and how
// many columns the widest takes. That is at least atLeast.
func names(rows []Row, columns, atLeast int) (texts []string, width int) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(rows[a].Name, rows[b].Name) })
	sorted := make([]string, len(rows))
	for i, row := range order {
		sorted[i] = rows[row].Name
	}
	texts, width = make([]string, len(rows)), atLeast
	for i, text := range fitNames(sorted, columns) {
		texts[order[i]] = text
		width = max(width, Width(text))
	}
	return texts, width
}

// groups returns the line of the groups. A group ends above the end of its last
// column. If it is wider than its columns, it stands above columns before them.
func groups(columns []filledColumn, room int) (line string) {
	for i := 0; i < len(columns); {
		group := columns[i].Group
		n := i + 1
		for n < len(columns) && columns[n].Group == group {
			n++
		}
		if end := room + total(columns[:n]); group != "" {
			text := ruled(" "+group+" ", total(columns[i:n])-columns[i].Gap)
			line += strings.Repeat(" ", max(0, end-len(line)-len(text))) + text
		}
		i = n
	}
	return line
}

// ruled returns text between rules, as wide as width if that is wider.
func ruled(text string, width int) string {
	rules := max(0, width-len(text))
	return strings.Repeat("-", rules/2) + text + strings.Repeat("-", rules-rules/2)
}
