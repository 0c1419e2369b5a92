package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/perf/benchmath"

	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

// file writes the output of a made-up run with 100 for each value, but for what
// value says.
func file(t *testing.T, value func(target.Value) (float64, bool)) string {
	t.Helper()
	text := "cores: 2\ncpu: made up\ngo: go1.26\nrevision: 0123\nrounds: 5\nbenchtime: 1ms\n"
	units := map[string][]target.Value{}
	for _, row := range target.Rows(2) {
		for _, v := range row.Of {
			units[v.Benchmark] = append(units[v.Benchmark], v)
		}
	}
	for range target.MinRounds {
		for _, name := range target.Benchmarks(target.Rows(2)) {
			line := ""
			seen := map[target.Value]bool{}
			for _, v := range units[name] {
				figure, ok := value(v)
				if ok && !seen[v] {
					line += fmt.Sprintf(" %v %s", figure, v.Unit)
				}
				seen[v] = true
			}
			if line != "" {
				text += "Benchmark" + name + "-2 1" + line + "\n"
			}
		}
	}
	path := filepath.Join(t.TempDir(), "raw.txt")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// held are figures that hold every target.
func held(v target.Value) (float64, bool) {
	ours := strings.Contains(v.Benchmark, "impl=nodemetrics")
	switch {
	case v.Unit == "allocs/op":
		return 0, true
	case v.Unit == "clockreads/call":
		return 2.1, true
	case ours && strings.Contains(v.Benchmark, "nodes=10000/"):
		return 50, true
	case strings.HasPrefix(v.Benchmark, "Memory"):
		return 1200, true
	case strings.HasPrefix(v.Benchmark, "Wrap/impl=nodemetrics"):
		return 15, true
	case ours:
		return 5, true
	}
	return 100, true
}

func judged(t *testing.T, quick bool, value func(target.Value) (float64, bool)) (passed bool, text string, err error) {
	t.Helper()
	var out bytes.Buffer
	passed, err = check(t.Context(), &out, quick, file(t, value), "")
	return passed, out.String(), err
}

func TestGatePassesWhereEveryTargetHolds(t *testing.T) {
	passed, text, err := judged(t, false, held)
	if err != nil || !passed {
		t.Fatalf("passed is %v, the error %v:\n%s", passed, err, text)
	}
	for _, row := range target.Rows(2) {
		name := row.What
		if row.Rivals {
			name += ", " + target.Published[0]
		}
		if row.Kind.Absolute() {
			name += " *"
		}
		if !strings.Contains(text, "\n"+name+"  ") {
			t.Errorf("it does not show %q:\n%s", name, text)
		}
	}
	judged := 0
	for _, row := range target.Rows(2) {
		if !row.Shown {
			judged++
		}
	}
	if n := strings.Count(text, "  holds\n"); n != judged {
		t.Errorf("%d hold:\n%s", n, text)
	}
}

func TestGateFailsWhereOneTargetIsMissed(t *testing.T) {
	ring := target.Rows(2)[1].Of[1] // mutex-ring: the limit is 0.95 times it
	for _, c := range []struct {
		name          string
		benchmark     string
		figure        float64
		strict, short bool
	}{
		{"a ratio", ring.Benchmark, 4, true, false},
		{"a ratio that holds", ring.Benchmark, 100, false, false},
		{"bytes", "Memory/state=one/strategy=exact/window=100/impl=nodemetrics", 1400, true, true},
		{"allocations", "Wrap/impl=nodemetrics/g=1/work=0", 1, true, true},
	} {
		for _, quick := range []bool{false, true} {
			fails := c.strict
			if quick {
				fails = c.short
			}
			passed, text, err := judged(t, quick, func(v target.Value) (float64, bool) {
				if v.Benchmark == c.benchmark && (v == ring || v.Unit == "allocs/op" || v.Unit == "bytes/node") {
					return c.figure, true
				}
				return held(v)
			})
			if err != nil || passed == fails || strings.Contains(text, "FAILS") != fails {
				t.Errorf("%s at %v, short is %v: passed is %v, the error %v:\n%s", c.name, c.figure, quick, passed, err, text)
			}
		}
	}
}

func TestGateDoesNotPassWithoutABenchmark(t *testing.T) {
	for _, name := range target.Benchmarks(target.Rows(2)) {
		passed, _, err := judged(t, true, func(v target.Value) (float64, bool) {
			figure, _ := held(v)
			return figure, v.Benchmark != name
		})
		if err == nil || passed || !strings.Contains(err.Error(), "benchmark "+name+" is missing") {
			t.Errorf("without %s passed is %v and the error %v", name, passed, err)
		}
	}
}

func TestGateShowsFiguresAndNoise(t *testing.T) {
	row := target.Row{What: "A over B", Limit: 2}
	var out bytes.Buffer
	write(&out, []target.Judged{
		{Row: row, Summary: benchmath.Summary{Center: 2.5, Lo: 2.25, Hi: 3}, Verdict: target.Missed},
		{Row: target.Row{What: "a time", Kind: target.Time, Limit: 1000}, Summary: benchmath.Summary{Center: 999, Lo: 900, Hi: 1100}, Verdict: target.Holds},
	}, true)
	for _, want := range []string{
		"A over B  ≤ 2.000 ×   2.500 ×   2.250 × … 3.000 ×    MISSED: FAILS\n",
		"a time *  ≤ 1.000 µs  999.0 ns  900.0 ns … 1.100 µs  holds\n",
		"fails where a target is missed by more than the noise: 1 of 2 do\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}
