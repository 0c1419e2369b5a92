package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// plots are all plots of a report.
var plots = []struct {
	file string
	of   func(o *raw.Output) (dots, error)
}{
	{"peers.svg", peers},
	{"latency.svg", func(o *raw.Output) (dots, error) { return latency(o, "one goroutine a core", "cores") }},
	{"latency-4xcores.svg", func(o *raw.Output) (dots, error) { return latency(o, "four goroutines a core", "4xcores") }},
	{"scaling.svg", scaling},
	{"memory.svg", memory},
}

// errTooFew is the error of a plot that would show nothing.
var errTooFew = errors.New("there are too few points to draw")

// draw returns the plots of a report by file. A plot of too few points is
// missing.
func draw(o *raw.Output) (map[string]dots, error) {
	drawn := map[string]dots{}
	var errs []error
	for _, p := range plots {
		d, err := p.of(o)
		if errors.Is(err, errTooFew) {
			continue
		}
		errs = append(errs, err)
		d.on = on(o)
		drawn[p.file] = d
	}
	return drawn, errors.Join(errs...)
}

// median returns the median of a benchmark, or NaN if the benchmark is missing.
func median(o *raw.Output, full, unit string) (float64, error) {
	if !o.Has(full, unit) {
		return math.NaN(), nil
	}
	s, err := o.Summary(full, unit)
	return s.Center, err
}

// byFirst sorts rows by their first value.
func byFirst(rows []dotRow) {
	slices.SortStableFunc(rows, func(a, b dotRow) int { return cmp.Compare(a.values[0], b.values[0]) })
}

// peers shows the time of a record of each implementation, the fastest first.
func peers(o *raw.Output) (dots, error) {
	d := dots{
		title: "Time of a record on a handle",
		note:  "Wall time for each record of all goroutines together. Left is faster.",
		unit:  "ns",
		marks: []string{"1 goroutine", "1 a core"},
	}
	keys := where{"by": "handle", "op": "success", "names": "", "node": "", "g": "1", "work": "0"}
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is("Record", keys) || n.Keys["impl"] == "add" {
			continue
		}
		one, err := o.Summary(full, "ns/op")
		if err != nil {
			return d, err
		}
		all, err := median(o, n.With("g", "cores"), "ns/op")
		if err != nil {
			return d, err
		}
		d.rows = append(d.rows, dotRow{n.Keys["impl"], []float64{one.Center, all}})
	}
	if len(d.rows) == 0 {
		return d, missing("Record", keys)
	}
	byFirst(d.rows)
	return d, nil
}

// latencies are the percentiles of the latency plot. It leaves the maximum out,
// because the maximum always shows the scheduler.
var latencies = []struct{ text, unit string }{
	{"p50", "p50-ns"}, {"p99", "p99-ns"}, {"p99.9", "p99.9-ns"}, {"p99.99", "p99.99-ns"},
}

// latency shows percentiles of single records. Its last row is the control,
// which is the median of the empty measurements.
func latency(o *raw.Output, goroutines, g string) (dots, error) {
	d := dots{
		title: "Latency of single records, " + goroutines + ", beside a reader",
		note:  "Less the cost of the clock, so a p50 may vanish. Left is faster.",
		unit:  "ns",
	}
	for _, l := range latencies {
		d.marks = append(d.marks, l.text)
	}
	keys := where{"by": "handle", "op": "success", "node": "", "g": g, "work": "0"}
	clocks := make([][]float64, len(latencies))
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is("Latency", keys) {
			continue
		}
		row := dotRow{name: n.Keys["impl"]}
		for i, l := range latencies {
			s, err := o.Summary(full, l.unit)
			if err != nil {
				return d, err
			}
			row.values = append(row.values, s.Center)
			clock, err := median(o, full, "clock-"+l.unit)
			if err != nil {
				return d, err
			}
			if !math.IsNaN(clock) {
				clocks[i] = append(clocks[i], clock)
			}
		}
		d.rows = append(d.rows, row)
	}
	if len(d.rows) == 0 {
		return d, missing("Latency", keys)
	}
	slices.SortStableFunc(d.rows, func(a, b dotRow) int { return cmp.Compare(a.values[2], b.values[2]) })
	control := dotRow{name: "nothing (control)"}
	for i, values := range clocks {
		v := math.NaN()
		if i > 0 && len(values) > 0 { // the control's p50 is the cost that all are less by
			v = raw.Summarize(values).Center
		}
		control.values = append(control.values, v)
	}
	d.rows = append(d.rows, control)
	return d, nil
}

// leastScaling is how many numbers of cores a plot of them has at least.
const leastScaling = 3

// scaling shows records a second by the number of cores. It returns errTooFew
// for a machine with fewer than leastScaling numbers of cores.
func scaling(o *raw.Output) (dots, error) {
	d := dots{title: "Throughput of one node by cores", unit: "records/s",
		note: "Records a second of all goroutines together, one goroutine a core. Right is faster."}
	keys := where{"by": "handle", "op": "success", "node": "", "work": "0"}
	all := map[string]map[int]float64{}
	var impls []string
	var counts []int
	for _, full := range o.Names {
		n := raw.Parse(full)
		count, bad := strconv.Atoi(n.Keys["g"])
		if !n.Is("Scaling", keys) || bad != nil {
			continue
		}
		s, err := o.Summary(full, "records/s")
		if err != nil {
			return d, err
		}
		impl := n.Keys["impl"]
		if all[impl] == nil {
			all[impl] = map[int]float64{}
			impls = append(impls, impl)
		}
		all[impl][count] = s.Center
		if !slices.Contains(counts, count) {
			counts = append(counts, count)
		}
	}
	if len(impls) == 0 {
		return d, missing("Scaling", keys)
	}
	if len(counts) < leastScaling {
		return d, errTooFew
	}
	slices.Sort(counts)
	counts = spread(counts, len(shapes))
	for _, count := range counts {
		mark := fmt.Sprintf("%d cores", count)
		if count == 1 {
			mark = "1 core"
		}
		d.marks = append(d.marks, mark)
	}
	for _, impl := range impls {
		row := dotRow{name: impl}
		for _, count := range counts {
			v, ok := all[impl][count]
			if !ok {
				v = math.NaN()
			}
			row.values = append(row.values, v)
		}
		d.rows = append(d.rows, row)
	}
	last := len(counts) - 1
	slices.SortStableFunc(d.rows, func(a, b dotRow) int { return cmp.Compare(b.values[last], a.values[last]) })
	return d, nil
}

// spread returns at most n of the sorted counts, with the first and the last.
func spread(counts []int, n int) []int {
	if len(counts) <= n {
		return counts
	}
	few := make([]int, n)
	for i := range few {
		few[i] = counts[i*(len(counts)-1)/(n-1)]
	}
	return few
}

// memory shows bytes for each node by strategy and window.
func memory(o *raw.Output) (dots, error) {
	d := dots{
		title: "Memory of a node",
		note:  "Idle, after one goroutine has filled the window, and after all cores have contended.",
		unit:  "bytes/node",
		marks: []string{"idle", "1 goroutine", "all cores"},
	}
	states := []string{"idle", "one", "contended"}
	for _, full := range o.Names {
		n := raw.Parse(full)
		if !n.Is("Memory", where{"impl": ours, "state": states[0], "node": ""}) || n.Keys["window"] == "" {
			continue
		}
		row := dotRow{name: n.Keys["strategy"] + ", window " + n.Keys["window"]}
		for _, state := range states {
			s, err := o.Summary(n.With("state", state), "bytes/node")
			if err != nil {
				return d, err
			}
			row.values = append(row.values, s.Center)
		}
		d.rows = append(d.rows, row)
	}
	if len(d.rows) == 0 {
		return d, missing("Memory", where{"impl": ours})
	}
	return d, nil
}

// missing returns the error of a plot without a benchmark.
func missing(family string, keys where) error {
	return fmt.Errorf("benchmark %s%s is missing: nothing to draw", family, elements(keys))
}
