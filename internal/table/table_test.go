package table

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func write(width int, columns []Column, rows []Row) string {
	var b bytes.Buffer
	Write(&b, width, "name", columns, rows)
	return "\n" + b.String()
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got%s\nwant%s", what, got, want)
	}
}

func TestColumnsGiveWayInTheirOrder(t *testing.T) {
	columnsOf := []Column{
		{Heading: "always", Gap: 2},
		{Heading: "second", Gap: 2, Drop: 2},
		{Heading: "third", Gap: 2, Group: "group", Drop: 3},
		{Heading: "first", Gap: 2, Group: "group", Drop: 1},
		{Heading: "x", Gap: 1, Group: "wide group"},
	}
	rows := []Row{{Name: "a", Figures: []string{"1", "2", "3", "4", "5"}}}
	all, noFirst, noSecond, noThird := `
                      -- group --- wide group
name  always  second  third  first x
a          1       2      3      4 5
`, `
                     group  wide group
name  always  second  third x
a          1       2      3 5
`, `
             group  wide group
name  always  third x
a          1      3 5
`, `
   wide group
name  always x
a          1 5
`
	for columns, want := range map[int]string{
		100: all, 44: all, 43: noFirst, 37: noFirst, 36: noSecond, 29: noSecond, 28: noThird, 22: noThird,
		0: strings.Replace(noThird, "\na", "\n…", 1), -1: strings.Replace(noThird, "\na", "\n…", 1),
	} {
		if got := write(columns, columnsOf, rows); got != want {
			t.Errorf("%d columns: got%s\nwant%s", columns, got, want)
		}
	}
}

func TestFiguresStandBelowMarks(t *testing.T) {
	check(t, "the table", write(80, []Column{{Heading: "a", Gap: 1}, {Heading: "long", Gap: 1}}, []Row{
		{Name: "x", Figures: []string{Mark("10", true), "1"}},
		{Name: "y", Figures: []string{Mark("200", false), "2"}},
	}), `

name    a long
x     10!    1
y    200     2
`)
}

func TestALineBelowARowIsCutAndEscaped(t *testing.T) {
	columns := []Column{{Heading: "figure", Gap: 2}}
	rows := []Row{
		{Name: "a", Figures: []string{"1"}, Below: "first", Text: "two\nlines \x1b[31m and many more words"},
		{Name: "b", Figures: []string{"1"}, Below: "alone"},
		{Name: "c", Figures: []string{"1"}, Below: "last", Text: "שלום"},
		{Name: "d", Figures: []string{"1"}, Text: "of no line"},
	}
	check(t, "the table", write(40, columns, rows), `

name  figure
a          1
  first: two\nlines \x1b…many more words
b          1
  alone
c          1
  last: `+"\u2068שלום\u2069"+`
d          1
`)
}

// The rows keep their order, and each its name, whatever the order of names.
func TestRowsKeepTheirOrder(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		var rows []Row
		for i := range 1 + r.IntN(30) {
			prefix := []string{"", "a", "zz", strings.Repeat("long", 10)}[r.IntN(4)]
			number := Count(uint64(i))
			rows = append(rows, Row{Name: prefix + number, Figures: []string{number}})
		}
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		lines := strings.Split(write(24, []Column{{Heading: "f", Gap: 2}}, rows), "\n")[3:]
		for i, row := range rows {
			fields := strings.Fields(lines[i])
			if len(fields) != 2 || fields[1] != row.Figures[0] || !strings.HasSuffix(fields[0], row.Figures[0]) {
				t.Fatalf("seed %d: line %d is %q, of %v", seed, i, lines[i], row)
			}
		}
	}
}
