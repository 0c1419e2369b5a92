package report

import (
	"cmp"
	"fmt"
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

	"github.com/nodemetrics/nodemetrics/bench/internal/figure"
	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// plots are all plots of a report.
var plots = []struct {
	file, title string
	draw        func(o *raw.Output) ([]byte, error)
}{
	{"latency.svg", "Latency of single records, one goroutine a core", func(o *raw.Output) ([]byte, error) {
		return latency(o, "Latency of single records, one goroutine a core, beside a reader", "cores")
	}},
	{"latency-4xcores.svg", "Latency of single records, four goroutines a core", func(o *raw.Output) ([]byte, error) {
		return latency(o, "Latency of single records, four goroutines a core, beside a reader", "4xcores")
	}},
	{"peers.svg", "Time of a record, ours and the peers'", peers},
	{"scaling.svg", "Throughput of one node by cores", scaling},
	{"memory.svg", "Memory of a node by its window", memory},
}

// nines are the percentiles of the latency plot. They stand at their number of nines, as plots of HdrHistogram have it:
// each step to the right is a tenth of the records before.
var nines = []struct {
	text string
	unit string
	at   float64
}{
	{"50 %", "p50-ns", math.Log10(2)}, {"90 %", "p90-ns", 1}, {"99 %", "p99-ns", 2}, {"99.9 %", "p99.9-ns", 3},
	{"99.99 %", "p99.99-ns", 4}, {"maximum", "max-ns", 5},
}

// latency draws percentiles of single records on a logarithmic axis.
func latency(o *raw.Output, title, g string) ([]byte, error) {
	keys := where{"by": "handle", "op": "success", "g": g, "work": "0"}
	var all []series
	var control []plotter.XYs
	least, most := math.Inf(1), 0.0
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is("Latency", keys) {
			continue
		}
		s := series{name: n.Keys["impl"]}
		var clock plotter.XYs
		for _, nine := range nines {
			v, err := o.Summary(full, nine.unit)
			if err != nil {
				return nil, err
			}
			y := math.Max(v.Center, 1) // a record cannot be told from the clock: a logarithmic axis has no zero
			s.points = append(s.points, plotter.XY{X: nine.at, Y: y})
			least, most = math.Min(least, y), math.Max(most, y)
			// The control's p50 is what all are less by.
			if nine.unit != "p50-ns" && o.Has(full, "clock-"+nine.unit) {
				v, err := o.Summary(full, "clock-"+nine.unit)
				if err != nil {
					return nil, err
				}
				clock = append(clock, plotter.XY{X: nine.at, Y: math.Max(v.Center, 1)})
			}
		}
		control = append(control, clock)
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("benchmark Latency%s is missing: nothing to draw", elements(keys))
	}
	nothing := medianOf(control)
	for _, point := range nothing {
		least, most = math.Min(least, point.Y), math.Max(most, point.Y)
	}
	all = append(all, series{"nothing (control)", nothing, true})
	p := newPlot(title, "percentile: each step to the right is a tenth of the records before", "time of a record")
	logAxis(&p.Y, least, most, figure.Duration)
	var ticks plot.ConstantTicks
	for _, nine := range nines {
		ticks = append(ticks, plot.Tick{Value: nine.at, Label: nine.text})
	}
	p.X.Min, p.X.Max, p.X.Tick.Marker = nines[0].at, nines[len(nines)-1].at, ticks
	p.Add(grid())
	legend, err := lines(p, all)
	if err != nil {
		return nil, err
	}
	return svg(p, height, legend)
}

// medianOf returns the median of the controls, point by point: each implementation was measured with its own.
func medianOf(all []plotter.XYs) plotter.XYs {
	at := map[float64][]float64{}
	for _, points := range all {
		for _, p := range points {
			at[p.X] = append(at[p.X], p.Y)
		}
	}
	var median plotter.XYs
	for x, ys := range at {
		median = append(median, plotter.XY{X: x, Y: raw.Summarize(ys).Center})
	}
	slices.SortFunc(median, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	return median
}

// peers draws the time of a record for each implementation, by one goroutine and by all cores, the fastest at the top.
func peers(o *raw.Output) ([]byte, error) {
	type bar struct {
		impl string
		ns   []float64 // by one goroutine, by all cores
	}
	var bars []bar
	least, most := math.Inf(1), 0.0
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is("Record", where{"by": "handle", "op": "success", "names": "", "node": "", "g": "1", "work": "0"}) || n.Keys["impl"] == "add" {
			continue
		}
		b := bar{impl: n.Keys["impl"]}
		for _, g := range []string{"1", "cores"} {
			if g != "1" && !o.Has(n.With("g", g), "ns/op") {
				continue
			}
			s, err := o.Summary(n.With("g", g), "ns/op")
			if err != nil {
				return nil, err
			}
			b.ns = append(b.ns, s.Center)
			least, most = math.Min(least, s.Center), math.Max(most, s.Center)
		}
		bars = append(bars, b)
	}
	if len(bars) == 0 {
		return nil, fmt.Errorf("benchmark Record/by=handle/op=success/g=1 is missing: nothing to draw")
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(b.ns[0], a.ns[0]) })

	p := newPlot("A record on a handle: wall time for each record of all goroutines together", "time of a record", "")
	logAxis(&p.X, least, most, figure.Duration)
	p.X.Max *= 1.6 // for the figure at the longest bar
	var names plot.ConstantTicks
	legend := plot.NewLegend()
	p.Add(verticals())
	for i, b := range bars {
		names = append(names, plot.Tick{Value: float64(i), Label: b.impl + "  "})
		for j, v := range b.ns {
			y := float64(i) + 0.19 - 0.38*float64(j)
			line, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: y}, {X: v, Y: y}})
			if err != nil {
				return nil, err
			}
			line.Width, line.Color = 7, peerColor(b.impl, j)
			text, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: v, Y: y}}, Labels: []string{figure.Duration(v)}})
			if err != nil {
				return nil, err
			}
			text.TextStyle[0].Font, text.TextStyle[0].YAlign = font.From(sans, 8), draw.YCenter
			text.Offset.X = 3
			p.Add(line, text)
			if b.impl == "mutex-ring" {
				legend.Add([]string{"one goroutine", "one goroutine a core"}[j], line)
			}
		}
	}
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = -0.6, float64(len(bars))-0.4, names
	p.Y.Tick.Length = 0
	return svg(p, vg.Length(110+24*len(bars)), &legend)
}

// peerColor is dark for one goroutine, light for all cores, and stands out where it is ours.
func peerColor(impl string, j int) color.Color {
	if strings.HasPrefix(impl, ours) {
		return []color.Color{colors[0], colors[5]}[j]
	}
	return []color.Color{colors[1], colors[4]}[j]
}

// scaling draws records a second by the number of cores.
func scaling(o *raw.Output) ([]byte, error) {
	all, least, most, err := byNumber(o, "Scaling", where{"by": "handle", "op": "success", "work": "0"}, []string{"impl"}, "g", "records/s")
	if err != nil {
		return nil, err
	}
	p := newPlot("Throughput of one node: records of all goroutines together, one a core", "cores", "records a second")
	logAxis(&p.Y, least, most, func(v float64) string { return figure.Text(v, "records/s") })
	var ticks plot.ConstantTicks
	for _, s := range all {
		for _, point := range s.points {
			if !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return t.Value == point.X }) {
				ticks = append(ticks, plot.Tick{Value: point.X, Label: number(point.X)})
			}
		}
	}
	p.X.Tick.Marker = ticks
	p.X.Min, p.X.Max = 1, ticks[len(ticks)-1].Value
	if p.X.Max > p.X.Min {
		p.X.Scale = plot.LogScale{}
	}
	p.Add(grid())
	legend, err := lines(p, all)
	if err != nil {
		return nil, err
	}
	return svg(p, height, legend)
}

// memory draws bytes for each node by the size of its window.
func memory(o *raw.Output) ([]byte, error) {
	all, least, most, err := byNumber(o, "Memory", where{"impl": ours}, []string{"strategy", "state"}, "window", "bytes/node")
	if err != nil {
		return nil, err
	}
	p := newPlot("Memory of a node: idle, filled by one goroutine, contended by all cores", "window, samples", "bytes a node")
	logAxis(&p.Y, least, most, bytesText)
	from, to := math.Inf(1), 0.0
	for _, s := range all {
		from, to = math.Min(from, s.points[0].X), math.Max(to, s.points[len(s.points)-1].X)
	}
	logAxis(&p.X, from, to, number)
	p.Add(grid())
	legend, err := lines(p, all)
	if err != nil {
		return nil, err
	}
	return svg(p, height, legend)
}

// byNumber collects the medians of a family as lines over a key whose values are numbers, and their least and most. A
// line is what has the same values for the keys in by.
func byNumber(o *raw.Output, family string, keys where, by []string, x, unit string) (all []series, least, most float64, err error) {
	least = math.Inf(1)
	for _, full := range o.Names {
		n := raw.Parse(full)
		number, bad := strconv.ParseFloat(n.Keys[x], 64)
		if !n.Is(family, keys) || bad != nil {
			continue
		}
		s, err := o.Summary(full, unit)
		if err != nil {
			return nil, 0, 0, err
		}
		if s.Center <= 0 {
			return nil, 0, 0, fmt.Errorf("benchmark %s: %v %s cannot be drawn on a logarithmic axis", full, s.Center, unit)
		}
		least, most = math.Min(least, s.Center), math.Max(most, s.Center)
		i := slices.IndexFunc(all, func(s series) bool { return s.name == n.Label(by) })
		if i < 0 {
			i = len(all)
			all = append(all, series{name: n.Label(by)})
		}
		all[i].points = append(all[i].points, plotter.XY{X: number, Y: s.Center})
	}
	if len(all) == 0 {
		return nil, 0, 0, fmt.Errorf("benchmark %s%s with %s is missing: nothing to draw", family, elements(keys), unit)
	}
	for _, s := range all {
		slices.SortFunc(s.points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	}
	return all, least, most, nil
}
