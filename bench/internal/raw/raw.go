// Package raw reads the output of benchmarks, in the format that benchstat
// reads too. Reports are computed from this output alone.
package raw

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// Output is the output of a run of benchmarks. Each benchmark ran once a round.
// So values of two benchmarks with the same index were measured shortly after
// one another.
type Output struct {
	Config map[string]string // the lines "key: value", such as goos, cpu and the suite's own
	Names  []string          // benchmarks in the order of their first appearance
	values map[string]map[string][]float64
	iters  map[string]int
}

// Read reads the output of benchmarks. file is its name in errors. A line that
// looks like a benchmark and is none is an error, and so is an output without
// benchmarks.
func Read(r io.Reader, file string) (*Output, error) {
	o := &Output{Config: map[string]string{}, values: map[string]map[string][]float64{}, iters: map[string]int{}}
	reader := benchfmt.NewReader(r, file)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			o.add(record)
		case *benchfmt.SyntaxError:
			return nil, record
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	if len(o.Names) == 0 {
		return nil, fmt.Errorf("%s: there are no benchmarks in it", file)
	}
	return o, nil
}

// CPU returns the name of the processor. Virtual machines may hide the model in
// the name, so the name includes family and model where these are known.
func (o *Output) CPU() string {
	cpu := o.Config["cpu"]
	if cpu == "" {
		cpu = o.Config["goarch"]
	}
	return strings.TrimSpace(cpu + " " + o.Config["cpuid"])
}

func (o *Output) add(r *benchfmt.Result) {
	for _, c := range r.Config {
		if c.File {
			o.Config[c.Key] = strings.TrimSpace(string(c.Value))
		}
	}
	name := Printed(r.Name)
	if o.values[name] == nil {
		o.values[name] = map[string][]float64{}
		o.Names = append(o.Names, name)
	}
	o.iters[name] += r.Iters
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" { // in the printed unit, so nanoseconds stay nanoseconds
			value, unit = v.OrigValue, v.OrigUnit
		}
		o.values[name][unit] = append(o.values[name][unit], value)
	}
}

// Has reports whether the benchmark is in the output with that unit.
func (o *Output) Has(name, unit string) bool { return len(o.values[name][unit]) > 0 }

// Values returns the values of a benchmark for a unit, such as ns/op, in the
// order of the rounds. If the benchmark is missing, or a value is no figure,
// the error says so.
func (o *Output) Values(name, unit string) ([]float64, error) {
	units, ok := o.values[name]
	if !ok {
		return nil, fmt.Errorf("benchmark %s is missing: it did not run, or has another name", name)
	}
	values, ok := units[unit]
	if !ok {
		return nil, fmt.Errorf("benchmark %s has no %s", name, unit)
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("benchmark %s: %s in round %d is %v", name, unit, i+1, v)
		}
	}
	return slices.Clone(values), nil
}

// Iterations returns the iterations of a benchmark in all rounds together.
func (o *Output) Iterations(name string) int { return o.iters[name] }

// Confidence is the least probability that the true median is in the interval
// of a summary. With five values or more both ends exist.
const Confidence = 0.9

// Summarize returns the median of values and its confidence interval by order
// statistics, which assume nothing about a distribution. The source is Le
// Boudec, Performance Evaluation of Computer and Communication Systems (2010),
// theorem 2.1. Below five values an end is infinite.
func Summarize(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), Confidence)
}

// Summary returns Summarize of Values.
func (o *Output) Summary(name, unit string) (benchmath.Summary, error) {
	values, err := o.Values(name, unit)
	if err != nil {
		return benchmath.Summary{}, err
	}
	return Summarize(values), nil
}
