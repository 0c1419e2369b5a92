package target

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/nodemetrics/nodemetrics/bench/internal/figure"
	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// The requirement is that a record takes less than a microsecond, on average
// and at a high percentile. The percentile needs many single records.
const (
	microsecond = 1000.0 // nanoseconds
	minSingles  = 10_000_000
)

// strategies are our implementations and their strategies.
var strategies = map[string]string{"nodemetrics": "exact", "nodemetrics-tdigest": "t-digest"}

// highest is the highest median, and its benchmark.
type highest struct {
	ns   float64
	name string
}

// tail is the percentile of single records that the requirement is about.
type tail struct {
	highest
	percentile string
	alone      bool // of a single recorder, which leaves a core free
	singles    int
}

func (h *highest) take(ns float64, name string) {
	if h.name == "" || ns > h.ns {
		h.ns, h.name = ns, name
	}
}

// Requirement returns a line that says whether the library's first requirement
// holds, which is less than a microsecond a record. It must hold on average in
// every benchmark of a record by this library, and with exact windows at the
// p99.9 in every one that times single records. With a t-digest one record in
// 1,024 packs a batch, so it must hold at the p99.8 of a single recorder.
// Benchmarks in which two records of three raise an event are left out. An
// average is time on a core, so it is wall time multiplied by the number of
// cores in use.
func Requirement(o *raw.Output) (string, error) {
	cores, err := strconv.Atoi(o.Config["cores"])
	if err != nil {
		return "", fmt.Errorf("the output does not say how many cores the machine has: %w", err)
	}
	average, tails := highest{}, map[string]*tail{
		"exact":    {percentile: "p99.9"},
		"t-digest": {percentile: "p99.8", alone: true},
	}
	for _, full := range o.Names {
		n := raw.Parse(full)
		strategy, ours := strategies[n.Keys["impl"]]
		if !ours {
			continue
		}
		switch n.Family {
		case "Record", "Thresholds", "Scaling":
			// A record that raises an event reads the window, and such records
			// are rare.
			if n.Keys["state"] == "crossing" {
				continue
			}
			unit, by := "ns/op", inUse(n.Keys["g"], cores)
			if o.Has(full, "added-ns/record") { // on its core already
				unit, by = "added-ns/record", 1
			}
			s, err := o.Summary(full, unit)
			if err != nil {
				return "", err
			}
			average.take(s.Center*float64(by), full)
			if tail := tails[strategy]; o.Has(full, tail.percentile+"-ns") {
				if err := tail.add(o, full, n.Keys["g"], 0); err != nil {
					return "", err
				}
			}
		case "ReaderCost":
			s, err := o.Summary(full, "beside-ns/record") // on its core already
			if err != nil {
				return "", err
			}
			average.take(s.Center, full)
		case "Latency":
			if err := tails[strategy].add(o, full, n.Keys["g"], o.Iterations(full)); err != nil {
				return "", err
			}
		}
	}
	return verdict(average, tails)
}

// add takes the percentile of a benchmark with g goroutines. If the requirement
// is about a single recorder, add takes nothing from more goroutines.
func (t *tail) add(o *raw.Output, full, g string, singles int) error {
	if t.alone && g != "1" {
		return nil
	}
	t.singles += singles
	s, err := o.Summary(full, t.percentile+"-ns")
	if err == nil {
		t.take(s.Center, full)
	}
	return err
}

func verdict(average highest, tails map[string]*tail) (string, error) {
	worst := average.ns
	if average.name == "" {
		return "", fmt.Errorf("benchmarks of families Record, Thresholds and Scaling with impl=nodemetrics are missing")
	}
	text := fmt.Sprintf("The highest average is %s, of %s.", figure.Duration(average.ns), average.name)
	var few []string
	for _, strategy := range []string{"exact", "t-digest"} {
		tail := tails[strategy]
		if tail.singles == 0 {
			return "", fmt.Errorf("benchmark Latency is missing for strategy %s", strategy)
		}
		worst = math.Max(worst, tail.ns)
		text += fmt.Sprintf(" With %s the highest %s of single records is %s, of %s.", strategy, tail.percentile, figure.Duration(tail.ns), tail.name)
		if tail.singles < minSingles {
			few = append(few, fmt.Sprintf("%d single records of %s", tail.singles, strategy))
		}
	}
	switch {
	case worst >= microsecond:
		return "Less than a microsecond a record: MISSED. " + text, nil
	case len(few) > 0:
		return "Less than a microsecond a record: holds as far as it was measured, with too few " + strings.Join(few, " and ") +
			". " + text, nil
	}
	return "Less than a microsecond a record: holds. " + text, nil
}

// inUse returns how many cores the goroutines of a benchmark keep busy. The
// name of the benchmark has g.
func inUse(g string, cores int) int {
	if g == "rest" {
		return max(1, cores-1)
	}
	if n, err := strconv.Atoi(g); err == nil {
		return min(n, cores)
	}
	return cores // cores, 2xcores, and so on
}
