package report

import (
	"bytes"
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of a plot, and of what stands beside it for the legend.
const (
	width       = 760
	height      = 420
	legendWidth = 195
)

// colors of series are those of Okabe and Ito, which people with any colour vision tell apart, and which stand out from
// white: https://jfly.uni-koeln.de/color/. Ours always has the first.
var colors = []color.Color{
	color.RGBA{R: 213, G: 94, A: 255}, color.RGBA{G: 114, B: 178, A: 255}, color.RGBA{G: 158, B: 115, A: 255},
	color.RGBA{R: 204, G: 121, B: 167, A: 255}, color.RGBA{R: 86, G: 180, B: 233, A: 255},
	color.RGBA{R: 230, G: 159, A: 255}, color.Black,
}

var (
	sans = font.Font{Typeface: "Liberation", Variant: "Sans"}
	grey = color.Gray{Y: 150}
	pale = color.Gray{Y: 225}
)

// newPlot returns an empty plot with a title and axes.
func newPlot(title, x, y string) *plot.Plot {
	plot.DefaultFont = sans
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font.Size, p.Title.Padding = 15, 10
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size, axis.Label.Padding = 12, 4
		axis.Tick.Label.Font.Size = 11
		axis.Padding = 0
	}
	return p
}

// svg draws the plot with its legend, if it has one, to its right.
func svg(p *plot.Plot, tall vg.Length, legend *plot.Legend) ([]byte, error) {
	canvas := vgsvg.New(width, tall)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	area := draw.Crop(all, 8, -16, 8, -8)
	if legend != nil {
		right := draw.Crop(area, width-legendWidth-8, 0, 0, -38)
		area = draw.Crop(area, 0, -legendWidth, 0, 0)
		legend.Top, legend.Left, legend.Padding, legend.ThumbnailWidth = true, true, 5, 34
		legend.TextStyle.Font.Size = 11
		legend.Draw(right)
	}
	p.Draw(area)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	// Not everybody has the font, and these have its measures.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// logAxis makes an axis logarithmic, from the power of ten below least to the one above most, and labels the powers with
// text, without digits that say nothing.
func logAxis(axis *plot.Axis, least, most float64, text func(float64) string) {
	axis.Scale = plot.LogScale{}
	axis.Min, axis.Max = math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most)))
	var ticks plot.ConstantTicks
	for decade := axis.Min; decade <= axis.Max*1.001; decade *= 10 {
		ticks = append(ticks, plot.Tick{Value: decade, Label: zeros.Replace(text(decade))})
		for i := 2.0; i < 10 && decade*i < axis.Max; i++ {
			ticks = append(ticks, plot.Tick{Value: decade * i})
		}
	}
	axis.Tick.Marker = ticks
}

var zeros = strings.NewReplacer(".000 ", " ", ".00 ", " ", ".0 ", " ")

// grid returns lines at the labelled ticks.
func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = pale, pale
	return g
}

// verticals returns the vertical lines of a grid.
func verticals() *plotter.Grid {
	g := grid()
	g.Horizontal.Color = nil
	return g
}

// series is a line of a plot.
type series struct {
	name    string
	points  plotter.XYs
	control bool // not a measurement of an implementation, but what the others are to be seen against
}

// dashes tell series of one colour apart: those of the first round of colours are solid.
var dashes = [][]vg.Length{nil, {7, 3}, {2, 2}, {9, 2, 2, 2}}

// lines adds series to a plot, and returns their legend, which lists them from the top as they end at the right.
func lines(p *plot.Plot, all []series) (*plot.Legend, error) {
	type entry struct {
		series
		line  *plotter.Line
		marks *plotter.Scatter
	}
	var entries []entry
	next := 0
	for _, s := range all {
		line, marks, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return nil, err
		}
		line.Width, marks.Radius, marks.Shape = 1.6, 3, draw.CircleGlyph{}
		switch others := len(colors) - 1; {
		case s.control:
			line.Color, line.Dashes = grey, dashes[2]
		case s.name == ours:
			line.Color, line.Width = colors[0], 3
		default:
			line.Color, line.Dashes = colors[1+next%others], dashes[next/others%len(dashes)]
			next++
		}
		marks.Color = line.Color
		entries = append(entries, entry{s, line, marks})
		p.Add(line, marks)
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Compare(b.points[len(b.points)-1].Y, a.points[len(a.points)-1].Y)
	})
	legend := plot.NewLegend()
	for _, e := range entries {
		legend.Add(e.name, e.line, e.marks)
	}
	return &legend, nil
}

// number returns all digits of a number.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// bytesText returns a number of bytes without a prefix, because the powers of
// ten on an axis are no round numbers of KiB.
func bytesText(v float64) string { return number(v) + " B" }
