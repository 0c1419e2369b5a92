package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// benchmarks is a package with a few of them, one of which fails where fails
// says so.
const benchmarks = `package p

import ("os"; "testing")

func BenchmarkA(b *testing.B) {
	for _, name := range []string{"x=1", "x=1/y=2", "x=10"} {
		b.Run(name, func(b *testing.B) { for b.Loop() {} })
	}
}

func BenchmarkB(b *testing.B) {
	if os.Getenv("FAILS") != "" { b.Fatal("out of figures") }
	for b.Loop() {}
}
`

// built is the package, compiled once for all tests.
var built *Suite

func TestMain(m *testing.M) {
	code, err := withSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withSuite(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "suite")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, text := range map[string]string{"go.mod": "module p\n\ngo 1.25\n", "p_test.go": benchmarks} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return 0, err
		}
	}
	if built, err = Build(context.Background(), dir); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, built.Close()) }()
	return m.Run(), nil
}

// silent is progress that goes nowhere.
func silent() *Progress { return &Progress{out: new(bytes.Buffer), now: time.Now} }

// order returns the benchmarks that a run has printed, in order.
func order(text string) string {
	var names []string
	results := benchfmt.NewReader(strings.NewReader(text), "run")
	for results.Scan() {
		if r, ok := results.Result().(*benchfmt.Result); ok {
			names = append(names, raw.Printed(r.Name))
		}
	}
	return strings.Join(names, " ")
}

func TestAllRunsEverythingInEveryRound(t *testing.T) {
	var text bytes.Buffer
	if err := built.All(t.Context(), Settings{2, "1x", 0}, &text, silent()); err != nil {
		t.Fatal(err)
	}
	round := "A/x=1 A/x=1/y=2 A/x=10 B"
	if got := order(text.String()); got != round+" "+round {
		t.Errorf("it ran %s", got)
	}
	o, err := raw.Read(&text, "run")
	if err != nil {
		t.Fatal(err)
	}
	if o.Config["goos"] == "" {
		t.Errorf("it says of its machine %q", o.Config)
	}
}

func TestEachRunsTheNamedAloneAndTheOtherWayRoundInEveryOtherRound(t *testing.T) {
	var text bytes.Buffer
	if err := built.Each(t.Context(), []string{"A/x=1", "B"}, Settings{3, "1x", 0}, &text, silent()); err != nil {
		t.Fatal(err)
	}
	if got := order(text.String()); got != "A/x=1 B B A/x=1 A/x=1 B" {
		t.Errorf("it ran %s", got)
	}
}

func TestBenchmarkThatIsNotThereIsAnErrorThatNamesIt(t *testing.T) {
	for _, name := range []string{"A/x=2", "A/x=1/y=3", "C", "A"} {
		err := built.Each(t.Context(), []string{"B", name}, Settings{1, "1x", 0}, new(bytes.Buffer), silent())
		if err == nil || !strings.Contains(err.Error(), "benchmark "+name+" is missing") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestBenchmarkThatFailsEndsTheRun(t *testing.T) {
	t.Setenv("FAILS", "yes")
	for name, err := range map[string]error{
		"all":  built.All(t.Context(), Settings{1, "1x", 0}, new(bytes.Buffer), silent()),
		"each": built.Each(t.Context(), []string{"B"}, Settings{1, "1x", 0}, new(bytes.Buffer), silent()),
	} {
		if err == nil || !strings.Contains(err.Error(), "out of figures") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestBuildSaysWhatDoesNotCompile(t *testing.T) {
	if _, err := Build(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "go test -c") {
		t.Errorf("the error is %v", err)
	}
}

func TestHeaderIsConfiguration(t *testing.T) {
	var text bytes.Buffer
	day := time.Date(2001, 2, 3, 23, 0, 0, 0, time.FixedZone("west", -3600*2))
	if err := Header(context.Background(), &text, "make it", Settings{3, "5ms", 0}, day); err != nil {
		t.Fatal(err)
	}
	text.WriteString("BenchmarkA 1 1 ns/op\n")
	o, err := raw.Read(&text, "header")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"date": "2001-02-04", "command": "make it", "rounds": "3", "benchtime": "5ms"} {
		if o.Config[key] != want {
			t.Errorf("%s is %q, want %q", key, o.Config[key], want)
		}
	}
	for _, key := range []string{"go", "cores", "gomaxprocs", "revision"} {
		if o.Config[key] == "" {
			t.Errorf("there is no %s", key)
		}
	}
}

func TestFamilyAndModelOfTheFirstProcessorAreNoted(t *testing.T) {
	const two = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\ncpu family\t: 27\nmodel\t\t: 3\n"
	for text, want := range map[string]string{two: "cpuid: family 26 model 2\n", "processor: 0\nBogoMIPS: 50\n": "", "": ""} {
		if got := cpuid(text); got != want {
			t.Errorf("%q: it is %q, want %q", text, got, want)
		}
	}
}
