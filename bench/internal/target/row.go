// Package target judges the figures of a run by the targets that the library's
// design has set.
package target

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/perf/benchmath"

	"github.com/nodemetrics/nodemetrics/bench/internal/figure"
	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// Kind is the kind of figure that a target limits.
type Kind uint8

const (
	// Of two figures of the same round, so the speed of the machine matters
	// little.
	Ratio  Kind = iota
	Time        // nanoseconds, which depend on the machine
	Bytes       // of memory
	Allocs      // allocations
)

func (k Kind) String() string { return [...]string{"ratio", "time", "bytes", "allocations"}[k] }

// Absolute reports whether the limit is absolute, and not in proportion to
// another figure of the run.
func (k Kind) Absolute() bool { return k != Ratio }

// Value is the figure of a benchmark for a unit.
type Value struct{ Benchmark, Unit string }

// Row is a target. It has a figure, which is computed from the values of each
// round, and a limit for the median.
type Row struct {
	What   string
	Kind   Kind
	Limit  float64                       // the most that is allowed
	Shown  bool                          // for comparison, without a limit
	Of     []Value                       // the measured values
	Rivals bool                          // of the rest of Of only the least median counts
	Figure func(round []float64) float64 // from the values of a round, in the order of Of
}

// MinRounds is how many rounds a verdict takes, because with fewer rounds the
// noise is unknown.
const MinRounds = 5

// Verdict is how a row was judged.
type Verdict uint8

const (
	Shown       Verdict = iota // there is nothing to judge
	Holds                      // the median is within the limit
	WithinNoise                // the median is above the limit, and its interval begins below
	Missed                     // the whole interval is above the limit
)

func (v Verdict) String() string {
	return [...]string{"shown", "holds", "missed within noise", "MISSED"}[v]
}

// Judged is a row with its figure.
type Judged struct {
	Row
	benchmath.Summary
	Verdict Verdict
}

// Judge computes the figure of the row, round by round, and judges the median
// by its interval, which is the noise of this run. If a benchmark is missing,
// or has fewer rounds than another, or a value is no figure, Judge returns no
// verdict. The error then has a line for each.
func (r Row) Judge(o *raw.Output) (Judged, error) {
	columns := make([][]float64, len(r.Of))
	var errs []error
	for i, v := range r.Of {
		values, err := o.Values(v.Benchmark, v.Unit)
		if err == nil && len(values) < MinRounds {
			err = fmt.Errorf("benchmark %s has %d rounds: a verdict takes %d", v.Benchmark, len(values), MinRounds)
		}
		if err == nil && i > 0 && columns[0] != nil && len(values) != len(columns[0]) {
			err = fmt.Errorf("benchmark %s has %d rounds and %s has %d: they are not of one run",
				v.Benchmark, len(values), r.Of[0].Benchmark, len(columns[0]))
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		columns[i] = values
	}
	if err := errors.Join(errs...); err != nil {
		return Judged{}, err
	}
	if r.Rivals {
		least := 1
		medians := make([]float64, len(columns))
		for i, column := range columns {
			if medians[i] = raw.Summarize(column).Center; i > 0 && medians[i] < medians[least] {
				least = i
			}
		}
		columns = [][]float64{columns[0], columns[least]}
		r.What += ", " + raw.Parse(r.Of[least].Benchmark).Keys["impl"]
	}
	figures := make([]float64, len(columns[0]))
	for i := range figures {
		round := make([]float64, len(columns))
		for j, column := range columns {
			round[j] = column[i]
		}
		figures[i] = r.Figure(round)
		if math.IsNaN(figures[i]) || math.IsInf(figures[i], 0) {
			return Judged{}, fmt.Errorf("%s: the figure of round %d is %v, from %v", r.What, i+1, figures[i], round)
		}
	}
	summary := raw.Summarize(figures)
	return Judged{r, summary, r.verdict(summary)}, nil
}

func (r Row) verdict(s benchmath.Summary) Verdict {
	switch {
	case r.Shown:
		return Shown
	case s.Center <= r.Limit:
		return Holds
	case s.Lo <= r.Limit:
		return WithinNoise
	}
	return Missed
}

// Judge judges all rows. The error has a line for each missing value.
func Judge(rows []Row, o *raw.Output) ([]Judged, error) {
	judged := make([]Judged, len(rows))
	errs := make([]error, len(rows))
	for i, row := range rows {
		judged[i], errs[i] = row.Judge(o)
	}
	return judged, errors.Join(errs...)
}

// Fails reports whether the row fails a gate. A strict gate fails if the row
// misses its target by more than the noise. Any other gate fails only for
// allocations and bytes, because CPUs differ too much to compare times.
func (j Judged) Fails(strict bool) bool {
	return j.Verdict == Missed && (strict || j.Kind == Allocs || j.Kind == Bytes)
}

// Benchmarks returns the names of the rows' benchmarks, each once, and those of
// a row side by side.
func Benchmarks(rows []Row) []string {
	var names []string
	seen := map[string]bool{}
	for _, row := range rows {
		for _, v := range row.Of {
			if !seen[v.Benchmark] {
				seen[v.Benchmark] = true
				names = append(names, v.Benchmark)
			}
		}
	}
	return names
}

// Text writes a figure of the row with its unit.
func (r Row) Text(value float64) string {
	switch {
	case math.IsInf(value, 0):
		return "?"
	case r.Kind == Time:
		return figure.Duration(value)
	case r.Kind == Bytes:
		return figure.Text(value, "bytes/node")
	case r.Kind == Ratio:
		return figure.Ratio(value)
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
