// Package suite runs the benchmarks of this module, round after round, and
// reports its progress.
package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// Suite is the compiled benchmarks of a package.
type Suite struct {
	dir    string // of the package, where the benchmarks run as under go test
	binary string
}

// Build compiles the benchmarks of the package in dir. Close removes the
// binary.
func Build(ctx context.Context, dir string) (*Suite, error) {
	temp, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &Suite{dir, filepath.Join(temp, "bench.test")}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", s.binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w\n%s", strings.Join(build.Args, " "), err, out), s.Close())
	}
	return s, nil
}

// Close removes the binary that Build compiled.
func (s *Suite) Close() error { return os.RemoveAll(filepath.Dir(s.binary)) }

// Settings say how benchmarks are run.
type Settings struct {
	Rounds    int    // how often each benchmark is run
	BenchTime string // how long each time, as -benchtime has it
	// Single records of a benchmark of latency each time; 0 means as many as
	// fit BenchTime.
	Singles int
}

// latency selects the benchmarks of single records.
const latency = "^BenchmarkLatency$"

// arguments returns the arguments of the compiled benchmarks, for a round of
// the benchmarks that pattern and skip select.
func arguments(pattern, skip, benchTime string) []string {
	args := []string{"-test.run=^$", "-test.bench=" + pattern, "-test.benchmem", "-test.benchtime=" + benchTime,
		"-test.timeout=30m"}
	if skip != "" {
		args = append(args, "-test.skip="+skip)
	}
	return args
}

// All runs the whole suite in every round, benchmarks of single records last,
// and writes its output to out. Beforehand it runs each benchmark once, without
// writing. So a benchmark that fails does so at once, and the number of
// benchmarks is known.
func (s *Suite) All(ctx context.Context, set Settings, out io.Writer, p *Progress) error {
	var names []string
	p.Say("each benchmark once, to see that it runs")
	err := s.run(ctx, arguments(".", "", "1x"), func(r *benchfmt.Result) error {
		names = append(names, raw.Printed(r.Name))
		p.Say(fmt.Sprintf("each benchmark once, to see that it runs: %d", len(names)))
		return nil
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("the suite has no benchmarks")
	}
	w := benchfmt.NewWriter(out)
	p.Start(set.Rounds * len(names))
	for round := range set.Rounds {
		ran := map[string]bool{}
		done := func(r *benchfmt.Result) error {
			name := raw.Printed(r.Name)
			ran[name] = true
			p.Done(name)
			return w.Write(r)
		}
		singles := set.BenchTime
		if set.Singles > 0 {
			singles = fmt.Sprintf("%dx", set.Singles)
		}
		if err := s.run(ctx, arguments(".", latency, set.BenchTime), done); err != nil {
			return err
		}
		if err := s.run(ctx, arguments(latency, "", singles), done); err != nil {
			return err
		}
		for _, name := range names {
			if !ran[name] {
				return fmt.Errorf("benchmark %s did not run in round %d", name, round+1)
			}
		}
	}
	return nil
}

// Each runs the benchmarks of these names, each in a process of its own. Every
// other round runs them in the opposite order. So neighbors in names are
// measured side by side, and neither always comes first. A name that no
// benchmark has is an error.
func (s *Suite) Each(ctx context.Context, names []string, set Settings, out io.Writer, p *Progress) error {
	w := benchfmt.NewWriter(out)
	p.Start(set.Rounds * len(names))
	for round := range set.Rounds {
		for i := range names {
			name := names[i]
			if round%2 == 1 {
				name = names[len(names)-1-i]
			}
			ran := 0
			err := s.run(ctx, arguments(exactly(name), deeper(name), set.BenchTime), func(r *benchfmt.Result) error {
				ran++
				return w.Write(r)
			})
			if err != nil {
				return fmt.Errorf("benchmark %s: %w", name, err)
			}
			if ran != 1 {
				return fmt.Errorf("benchmark %s is missing: %d benchmarks ran by that name", name, ran)
			}
			p.Done(name)
		}
	}
	return nil
}

// exactly returns the pattern of the benchmark of that name, and of the
// benchmarks below it.
func exactly(name string) string {
	parts := strings.Split("Benchmark"+name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// deeper returns the pattern of the benchmarks below that name.
func deeper(name string) string { return exactly(name) + "/." }

// run runs the compiled benchmarks and calls ran with each result.
func (s *Suite) run(ctx context.Context, args []string, ran func(*benchfmt.Result) error) error {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir = s.dir
	var printed, failure bytes.Buffer
	cmd.Stderr = &failure
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	results := benchfmt.NewReader(io.TeeReader(stdout, &printed), "the output of the benchmarks")
	var errs []error
	for results.Scan() {
		switch record := results.Result().(type) {
		case *benchfmt.Result:
			errs = append(errs, ran(record))
		case *benchfmt.SyntaxError:
			errs = append(errs, record)
		}
	}
	if err := errors.Join(results.Err(), cmd.Wait()); err != nil {
		lines := strings.SplitAfter(printed.String(), "\n")
		return fmt.Errorf("%w\n%s%s", err, strings.Join(lines[max(0, len(lines)-20):], ""), failure.String())
	}
	return errors.Join(errs...)
}
