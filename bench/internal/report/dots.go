package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/nodemetrics/nodemetrics/bench/internal/figure"
)

// dots is a plot with a row for each name and a mark for each value, on a
// logarithmic axis. The values also stand as text beside their row.
type dots struct {
	title string
	note  string // says how to read the plot
	on    string // the processor
	unit  string
	marks []string // the names of the values, at most as many as there are shapes
	rows  []dotRow
}

// dotRow is a row of a plot. A value that is not above 0 stands at the left
// end.
type dotRow struct {
	name   string
	values []float64 // NaN for a value that is missing
}

// The sizes of a plot, in its own units. A page shows the plot at its width or
// smaller.
const (
	plotWidth   = 880
	nameWidth   = 180
	valueWidth  = 78
	rowHeight   = 24
	headHeight  = 112
	footHeight  = 34
	plotMargin  = 16
	markSize    = 5.0
	leastRatio  = 1.25 // of the axis beyond the outermost marks
	mostDecades = 2.5  // of an axis that has labels at 2 and 5 too
)

// style has the colors of a light and of a dark page. Marks have the colors of
// Okabe and Ito, which people with any color vision tell apart. Each mark has a
// shape of its own too.
const style = `
text { font: 13px "Liberation Sans", Arial, Helvetica, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: bold }
.small { font-size: 12px; fill: #59636e }
.value { font-size: 12px; text-anchor: end }
.ours { font-weight: bold }
.page { fill: #ffffff }
.band { fill: #fff1e5 }
.grid { stroke: #d1d9e0 }
.span { stroke: #afb8c1; stroke-width: 2 }
.m0 { fill: #d55e00 } .m1 { fill: #0072b2 } .m2 { fill: #007a59 } .m3 { fill: #a3427f }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.page { fill: #0d1117 }
.band { fill: #3a2a1c }
.grid { stroke: #3d444d }
.span { stroke: #656c76 }
.m0 { fill: #ff8c3a } .m1 { fill: #58b4f0 } .m2 { fill: #2fc99a } .m3 { fill: #e59ac8 }
}
`

// shapes are the marks, around the origin.
var shapes = []string{
	`<circle class="m0" r="5" %s/>`,
	`<path class="m1" d="M0-6.5 6.5 0 0 6.5-6.5 0Z" %s/>`,
	`<path class="m2" d="M-4.5-4.5H4.5V4.5H-4.5Z" %s/>`,
	`<path class="m3" d="M0-6 6 5H-6Z" %s/>`,
}

// mark returns the mark of a value at a place.
func mark(i int, x, y float64) string {
	return fmt.Sprintf(shapes[i], fmt.Sprintf(`transform="translate(%.1f %.1f)"`, x, y))
}

// svg returns the plot. It is the same for the same values.
func (d dots) svg() []byte {
	least, most := d.bounds()
	left, right := float64(nameWidth), float64(plotWidth-plotMargin-valueWidth*len(d.marks))
	bottom := float64(headHeight + rowHeight*len(d.rows))
	at := func(v float64) float64 {
		return left + (right-left)*math.Log(math.Max(v, least)/least)/math.Log(most/least)
	}
	var b strings.Builder
	height := int(bottom) + footHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`+
		"\n<title>%[3]s</title>\n<style>%[4]s</style>\n", plotWidth, height, escaped(d.title), style)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", plotWidth, height)
	text := func(class string, x, y float64, s string) {
		fmt.Fprintf(&b, `<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, x, y, escaped(s))
	}
	text("title", plotMargin, 28, d.title)
	text("small", plotMargin, 48, d.note)
	text("small", plotMargin, 64, d.on)
	for i, name := range d.marks {
		end := right + float64(valueWidth*(i+1))
		text("value", end, headHeight-10, name)
		b.WriteString(mark(i, end-7, headHeight-30) + "\n")
	}
	for i, row := range d.rows {
		if row.name == ours {
			fmt.Fprintf(&b, `<rect class="band" y="%d" width="%d" height="%d"/>`+"\n",
				headHeight+rowHeight*i, plotWidth, rowHeight)
		}
	}
	for _, tick := range ticks(least, most) {
		x := at(tick)
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f %dV%.1f"/>`+"\n", x, headHeight, bottom+4)
		fmt.Fprintf(&b, `<text class="small" text-anchor="middle" x="%.1f" y="%.1f">%s</text>`+"\n",
			x, bottom+20, escaped(shortText(tick, d.unit)))
	}
	for i, row := range d.rows {
		y := float64(headHeight + rowHeight*i + rowHeight/2)
		class := ""
		if strings.HasPrefix(row.name, ours) {
			class = "ours"
		}
		text(class, plotMargin, y+4.5, row.name)
		from, to := math.Inf(1), 0.0
		for _, v := range row.values {
			if !math.IsNaN(v) {
				from, to = math.Min(from, at(v)), math.Max(to, at(v))
			}
		}
		fmt.Fprintf(&b, `<path class="span" d="M%.1f %.1fH%.1f"/>`+"\n", from, y, to)
		for j := len(row.values) - 1; j >= 0; j-- { // the first mark is on top
			v := row.values[j]
			if math.IsNaN(v) {
				continue
			}
			b.WriteString(mark(j, at(v), y) + "\n")
			value := shortText(v, d.unit)
			if v < least {
				value = "under " + shortText(least, d.unit)
			}
			text("value", right+float64(valueWidth*(j+1)), y+4.5, value)
		}
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// bounds returns the ends of the axis. Values that are not above 0 do not
// count.
func (d dots) bounds() (least, most float64) {
	least, most = math.Inf(1), 0
	for _, row := range d.rows {
		for _, v := range row.values {
			if v > 0 {
				least, most = math.Min(least, v), math.Max(most, v)
			}
		}
	}
	if most == 0 {
		return 1, 10
	}
	return least / leastRatio, most * leastRatio
}

// ticks returns the powers of ten of an axis, and if the axis is short, their
// multiples by 2 and 5.
func ticks(least, most float64) (all []float64) {
	steps := []float64{1}
	if math.Log10(most/least) <= mostDecades {
		steps = []float64{1, 2, 5}
	}
	for power := math.Floor(math.Log10(least)); power <= math.Log10(most); power++ {
		for _, step := range steps {
			if v := step * math.Pow(10, power); v >= least && v <= most {
				all = append(all, v)
			}
		}
	}
	return all
}

// escaped returns text for XML.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

var lastZeros = regexp.MustCompile(`(\.\d*?)0+( |$)`)

// shortText returns a value with three digits at most and its unit. Bytes have
// decimal prefixes, because the axis has powers of ten.
func shortText(v float64, unit string) string {
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64); err == nil {
		v = rounded
	}
	if strings.HasPrefix(unit, "bytes") {
		for _, prefix := range []string{"", "k", "M"} {
			if v < 1000 || prefix == "M" {
				return strconv.FormatFloat(v, 'g', 3, 64) + " " + prefix + "B"
			}
			v /= 1000
		}
	}
	return strings.Replace(lastZeros.ReplaceAllString(figure.Text(v, unit), "$1$2"), ". ", " ", 1)
}
