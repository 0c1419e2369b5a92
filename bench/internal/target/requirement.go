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
// and at the p99.9. A p99.9 needs many single records.
const (
	microsecond = 1000.0 // nanoseconds
	minSingles  = 10_000_000
)

// strategies are our implementations and their strategies.
var strategies = map[string]string{"nodemetrics": "exact", "nodemetrics-tdigest": "t-digest"}

// highest is the highest median, and its benchmark.
type highest struct {
	ns      float64
	name    string
	singles int
}

func (h *highest) take(ns float64, name string) {
	if h.name == "" || ns > h.ns {
		h.ns, h.name = ns, name
	}
}

// Requirement returns a line that says whether the library's first requirement
// holds, which is less than a microsecond a record. It must hold on average in
// every benchmark of a record by this library, and at the p99.9 in every one
// that times single records. Benchmarks in which two records of three raise an
// event are left out. An average is time on a core, so it is wall time
// multiplied by the number of cores in use.
func Requirement(o *raw.Output) (string, error) {
	cores, err := strconv.Atoi(o.Config["cores"])
	if err != nil {
		return "", fmt.Errorf("the output does not say how many cores the machine has: %w", err)
	}
	average, tails := highest{}, map[string]*highest{"exact": {}, "t-digest": {}}
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
			if !o.Has(full, "p99.9-ns") {
				continue
			}
			single, err := o.Summary(full, "p99.9-ns")
			if err != nil {
				return "", err
			}
			tails[strategy].take(single.Center, full)
		case "ReaderCost":
			s, err := o.Summary(full, "beside-ns/record") // on its core already
			if err != nil {
				return "", err
			}
			average.take(s.Center, full)
		case "Latency":
			s, err := o.Summary(full, "p99.9-ns")
			if err != nil {
				return "", err
			}
			tails[strategy].take(s.Center, full)
			tails[strategy].singles += o.Iterations(full)
		}
	}
	return verdict(average, tails)
}

func verdict(average highest, tails map[string]*highest) (string, error) {
	worst := average.ns
	if average.name == "" {
		return "", fmt.Errorf("benchmarks of families Record, Thresholds and Scaling with impl=nodemetrics are missing")
	}
	text := fmt.Sprintf("the highest average is %s (%s)", figure.Duration(average.ns), average.name)
	var few []string
	for _, strategy := range []string{"exact", "t-digest"} {
		tail := tails[strategy]
		if tail.singles == 0 {
			return "", fmt.Errorf("benchmark Latency is missing for strategy %s", strategy)
		}
		worst = math.Max(worst, tail.ns)
		text += fmt.Sprintf(", the highest p99.9 of single records %s with %s (%s)", figure.Duration(tail.ns), strategy, tail.name)
		if tail.singles < minSingles {
			few = append(few, fmt.Sprintf("%d single records of %s", tail.singles, strategy))
		}
	}
	switch {
	case worst >= microsecond:
		return "Less than a microsecond a record: MISSED; " + text + ".", nil
	case len(few) > 0:
		return "Less than a microsecond a record: holds as far as it was measured, with too few " + strings.Join(few, " and ") +
			"; " + text + ".", nil
	}
	return "Less than a microsecond a record: holds; " + text + ".", nil
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
