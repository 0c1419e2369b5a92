package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

const rounds = 5

// sample is the output of a made-up run that has a benchmark for everything
// that a report needs: value tells the figure of a unit of a benchmark in a
// round.
func sample(value func(name, unit string, round int) float64) string {
	var names []string
	units := map[string]string{}
	add := func(name string, of ...string) {
		for _, unit := range of {
			if units[name] == "" {
				names = append(names, name)
			}
			if !strings.Contains(units[name]+" ", " "+unit+" ") {
				units[name] += " " + unit
			}
		}
	}
	for _, row := range target.Rows(2) {
		for _, v := range row.Of {
			if add(v.Benchmark, v.Unit); strings.HasPrefix(v.Unit, "beyond-clock-") {
				add(v.Benchmark, "ns/op")
			}
		}
	}
	for _, impl := range append([]string{"nodemetrics", "mutex-ring"}, target.Published...) {
		for _, g := range []string{"1", "cores"} {
			add("Record/by=handle/op=success/impl="+impl+"/g="+g+"/work=0", "ns/op", "B/op", "allocs/op")
			add("Record/by=handle/op=success/impl="+impl+"/g="+g+"/work=1us", "added-ns/record")
		}
		for _, g := range []string{"1", "2", "4"} {
			add("Scaling/by=handle/op=success/impl="+impl+"/g="+g+"/work=0", "records/s", "ns/op")
		}
	}
	for _, impl := range []string{"nodemetrics", "nodemetrics-tdigest", "mutex-ring", "victoria-histogram"} {
		for _, g := range []string{"1", "cores", "4xcores"} {
			for _, unit := range []string{"p50-ns", "p90-ns", "p99-ns", "p99.9-ns", "p99.99-ns", "max-ns"} {
				add("Latency/by=handle/op=success/impl="+impl+"/g="+g+"/work=0", unit, "clock-"+unit)
			}
		}
	}
	for _, impl := range []string{"nodemetrics", "mutex-ring", "xsync-mutex-ring", "tally", "hashicorp"} {
		add("Record/by=name/op=success/names=64/impl="+impl+"/g=1/work=0", "ns/op")
		add("Record/by=name/op=success/names=100000/impl="+impl+"/g=1/work=0", "ns/op")
		for _, g := range []string{"1", "cores"} {
			add("Record/by=handle/op=timer/impl="+impl+"/g="+g+"/work=0", "ns/op", "beyond-clock-ns/op")
		}
		add("Wrap/impl="+impl+"/g=1/work=0", "added-ns/call", "clockreads/call", "allocs/op")
	}
	for _, state := range []string{"idle", "one", "contended"} {
		for _, window := range []string{"100", "1000", "65536"} {
			add("Memory/state="+state+"/strategy=exact/window="+window+"/impl=nodemetrics", "bytes/node")
		}
		add("Memory/state="+state+"/strategy=tdigest/window=65536/impl=nodemetrics", "bytes/node")
		add("Memory/state="+state+"/strategy=tdigest/window=1000000/impl=nodemetrics", "bytes/node")
	}
	add("Thresholds/state=breached/strategy=exact/window=100/impl=nodemetrics/g=1/work=0", "ns/op")
	add("Thresholds/state=healthy/strategy=exact/window=100/node=spread/impl=nodemetrics/g=1/work=0", "ns/op")
	add("Read/strategy=exact/window=100/recorders=0/impl=nodemetrics", "ns/op")
	add("ReaderCost/by=handle/op=success/impl=nodemetrics/g=1/work=0", "alone-ns/record", "beside-ns/record", "slowdown")

	var text strings.Builder
	text.WriteString("date: 2001-02-03\ncommand: make bench-report\nrounds: 5\nbenchtime: 100ms\nsingles: 400000\ngo: go1.26\ncores: 2\n" +
		"gomaxprocs: 2\nrevision: 0123456789ab\ngoos: linux\ngoarch: amd64\ncpu: Made-Up(R) Processor 9000 @ 1GHz\ncpuid: family 1 model 2\n")
	for round := range rounds {
		for _, name := range names {
			fmt.Fprintf(&text, "Benchmark%s-2 \t 3000000", name)
			for _, unit := range strings.Fields(units[name]) {
				fmt.Fprintf(&text, "\t%v %s", value(name, unit, round), unit)
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}

// plausible are figures such as there might be.
func plausible(name, unit string, round int) float64 {
	v := 20.0
	for _, c := range name {
		v = float64(int(v*31+float64(c)) % 1009)
	}
	v = 10 + v/3
	switch {
	case strings.Contains(name, "impl=nodemetrics/"):
		v = 25
	case strings.Contains(name, "impl=otel"), strings.Contains(name, "impl=monkit-task"):
		v *= 10
	}
	switch unit {
	case "records/s":
		v = 1e9 / v
	case "clockreads/call":
		v /= 25
	case "allocs/op":
		v = 0
	case "p90-ns", "p99-ns", "p99.9-ns", "p99.99-ns", "max-ns":
		v *= map[string]float64{"p90-ns": 1.5, "p99-ns": 3, "p99.9-ns": 8, "p99.99-ns": 30, "max-ns": 1e5}[unit]
	}
	if strings.HasPrefix(unit, "clock-") {
		v = 1
	}
	if strings.HasPrefix(name, "Memory") {
		v = map[string]float64{"100": 1200, "1000": 9000, "65536": 530_000}[raw.Parse(name).Keys["window"]]
		if strings.Contains(name, "tdigest") {
			v = 40_000
		}
		v *= map[string]float64{"idle": 0.2, "one": 1, "contended": 2}[raw.Parse(name).Keys["state"]]
	}
	return v + float64(round)*v/100
}

func written(t *testing.T, text string) (string, error) {
	t.Helper()
	o, err := raw.Read(strings.NewReader(text), "made up")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(t.TempDir(), "report")
	return dir, Write(o, dir)
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReportIsTheSameForTheSameOutput(t *testing.T) {
	first, err := written(t, sample(plausible))
	if err != nil {
		t.Fatal(err)
	}
	second, err := written(t, sample(plausible))
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(plots)+3 {
		t.Errorf("there are %d files", len(files))
	}
	for _, file := range files {
		if read(t, first, file.Name()) != read(t, second, file.Name()) {
			t.Errorf("%s differs", file.Name())
		}
	}
}

// TestPlotsAreXMLThatNamesTheirRows also keeps the plots, for people to look
// at, in the folder BENCH_PLOTS.
func TestPlotsAreXMLThatNamesTheirRows(t *testing.T) {
	dir, err := written(t, sample(plausible))
	if err != nil {
		t.Fatal(err)
	}
	const on = "On Made-Up(R) Processor 9000 @ 1GHz family 1 model 2, 2 cores."
	for file, names := range map[string][]string{
		"latency.svg":         {"nodemetrics", "mutex-ring", "victoria-histogram", "nothing (control)", "p99.99", "25.5 ns", on},
		"latency-4xcores.svg": {"four goroutines a core", "nodemetrics", on},
		"scaling.svg":         {"nodemetrics", "mutex-ring", "otel", "1 core", "4 cores", on},
		"peers.svg":           append([]string{"nodemetrics", "mutex-ring", "1 a core", "25.5 ns", on}, target.Published...),
		"memory.svg":          {"exact, window 100", "tdigest, window 65536", "all cores", "10 kB", on},
	} {
		text := read(t, dir, file)
		if keep := os.Getenv("BENCH_PLOTS"); keep != "" {
			if err := os.WriteFile(filepath.Join(keep, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		shown := texts(t, text)
		for _, name := range names {
			if !strings.Contains(shown, name) {
				t.Errorf("%s does not say %q", file, name)
			}
		}
		if !strings.Contains(text, "prefers-color-scheme: dark") {
			t.Errorf("%s has no colors for a dark page", file)
		}
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s has a place that is no number", file)
		}
	}
}

func TestScalingOfTwoPointsIsNotDrawn(t *testing.T) {
	text := without(sample(plausible), "/g=4/")
	dir, err := written(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "scaling.svg")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error of its file is %v", err)
	}
	if readme := read(t, dir, "README.md"); strings.Contains(readme, "scaling.svg") || !strings.Contains(readme, "peers.svg") {
		t.Error("the report does not show exactly the plots that were drawn")
	}
}

func TestAPlotOfAnEarlierReportIsRemoved(t *testing.T) {
	dir, err := written(t, sample(plausible))
	if err != nil {
		t.Fatal(err)
	}
	o, err := raw.Read(strings.NewReader(without(sample(plausible), "/g=4/")), "made up")
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(o, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "scaling.svg")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error of its file is %v", err)
	}
}

// TestAFactorIsADistance looks at the places of the marks of two rows. A factor
// of 40 is twice as far as the square root of 40.
func TestAFactorIsADistance(t *testing.T) {
	svg := string(dots{unit: "ns", marks: []string{"a"}, rows: []dotRow{
		{"one", []float64{10}}, {"root", []float64{10 * math.Sqrt(40)}}, {"forty", []float64{400}},
	}}.svg())
	var at []float64
	for _, match := range regexp.MustCompile(`<circle class="m0" r="5" transform="translate\(([\d.]+) `).FindAllStringSubmatch(svg, -1)[1:] {
		x, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, x)
	}
	if len(at) != 3 || math.Abs((at[2]-at[0])-2*(at[1]-at[0])) > 0.3 || at[2]-at[0] < 300 {
		t.Errorf("the marks are at %v", at)
	}
}

func TestShortTextHasThreeDigits(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{9.4961, "ns", "9.5 ns"}, {25.5, "ns", "25.5 ns"}, {100, "ns", "100 ns"}, {1234, "ns", "1.23 µs"},
		{2_000_000, "ns", "2 ms"}, {1218, "bytes/node", "1.22 kB"}, {1.05e8, "records/s", "105 M/s"},
	} {
		if got := shortText(c.v, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// texts returns the text of an SVG.
func texts(t *testing.T, svg string) string {
	t.Helper()
	var all []string
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(all, "\n")
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok {
			all = append(all, string(bytes.TrimSpace(data)))
		}
	}
}

// rowOf returns the first row of Markdown tables that begins with a cell, below
// a heading.
func rowOf(t *testing.T, text, heading, cell string) string {
	t.Helper()
	_, below, ok := strings.Cut(text, "# "+heading+"\n")
	if !ok {
		t.Fatalf("there is no heading %q", heading)
	}
	for line := range strings.Lines(below) {
		if strings.HasPrefix(line, "| "+cell+" |") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("below %q there is no row %q", heading, cell)
	return ""
}

func TestTablesHaveMediansNoiseAndRatiosOfTheSameRound(t *testing.T) {
	// A machine that is ten times as slow in the last two rounds.
	slow := []float64{1, 1, 1, 10, 10}
	dir, err := written(t, sample(func(name, unit string, round int) float64 {
		switch name {
		case "Record/by=handle/op=success/impl=nodemetrics/g=1/work=0":
			return 24 * slow[round]
		case "Record/by=handle/op=success/impl=add/g=1/work=0":
			return 8 * slow[round]
		case "Record/by=handle/op=success/impl=mutex-ring/g=1/work=0":
			return 12 * slow[round]
		case "Record/by=handle/op=success/impl=mutex-ring/g=cores/work=0":
			return []float64{80, 81, 82, 83, 84}[round]
		case "Record/by=handle/op=success/impl=nodemetrics/g=cores/work=0":
			return []float64{40, 27, 41, 83, 168}[round]
		case "Record/by=handle/op=success/impl=mutex-ring/g=1/work=1us":
			return []float64{1, 2, 3, 4, -5}[round]
		case "Latency/by=handle/op=success/impl=nodemetrics/g=cores/work=0":
			if unit == "p99.9-ns" {
				return []float64{240, 251, 1e6, 251, 249}[round]
			}
		}
		return plausible(name, unit, round)
	}))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, dir, "README.md")
	for _, c := range []struct{ heading, cell, want string }{
		{"A record on a handle", "nodemetrics", "| nodemetrics | 24.00 ns ± 900% | 41.00 ns ± 310% |"},
		{"A record on a handle", "mutex-ring", "| mutex-ring | 12.00 ns ± 900% (0.500 ×) | 82.00 ns ± 2% (2.000 ×) |"},
		{"A record on a handle, with a microsecond of own work between records", "mutex-ring", "| mutex-ring | 258.7 ns ± 2% (10.147 ×) | 2.000 ns ± ? |"},
		{"Targets", "record on a handle, over one atomic.Add", "| record on a handle, over one atomic.Add |  | 3.000 × | 3.000 × … 3.000 × | shown |"},
		{"Targets", "record on a handle, over mutex-ring", "| record on a handle, over mutex-ring | 0.950 × | 2.000 × | 2.000 × … 2.000 × | MISSED |"},
		{"Targets", "the same with a recorder on every core, p99.9 *", "| the same with a recorder on every core, p99.9 * | 250.0 ns | 251.0 ns | 240.0 ns … 1.000 ms | missed within noise |"},
		{"Latency of single records", "nodemetrics, handle, success, cores, 0", "| nodemetrics, handle, success, cores, 0 | 25.50 ns ± 2% | 38.25 ns ± 2% | 76.50 ns ± 2% |  | 251.0 ns ± 398306% | 765.0 ns ± 2% | 2.550 ms ± 2% | 1.020 ns ± 2% | 1.020 ns ± 2% | 1.020 ns ± 2% |"},
	} {
		if got := rowOf(t, text, c.heading, c.cell); got != c.want {
			t.Errorf("below %q is\n%s\nwant\n%s", c.heading, got, c.want)
		}
	}
	for _, want := range []string{"2001-02-03", "Made-Up(R) Processor 9000 @ 1GHz family 1 model 2, 2 cores, linux/amd64, go1.26, revision 0123456789ab",
		"Less than a microsecond a record: "} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if got, want := read(t, dir, "machine.md"), "| command | make bench-report |"; !strings.Contains(got, want) {
		t.Errorf("it does not say %q:\n%s", want, got)
	}
}

// without returns the text without the lines that have a part.
func without(text, part string) string {
	var left strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, part) {
			left.WriteString(line)
		}
	}
	return left.String()
}

func TestReportIsRefusedWithoutABenchmarkThatItNeeds(t *testing.T) {
	text := sample(plausible)
	for _, name := range target.Benchmarks(target.Rows(2)) {
		o, err := raw.Read(strings.NewReader(without(text, "Benchmark"+name+"-2")), "made up")
		if err != nil {
			t.Fatal(err)
		}
		if err := summary(io.Discard, o, nil); err == nil || !strings.Contains(err.Error(), "benchmark "+name+" is missing") {
			t.Errorf("without %s the error is %v", name, err)
		}
	}
	dir, err := written(t, without(text, "Benchmark"+target.Rows(2)[0].Of[0].Benchmark))
	if files, _ := os.ReadDir(dir); err == nil || len(files) != 0 {
		t.Errorf("the error is %v, and written is %v", err, files)
	}
}

func TestReportIsRefusedWithoutWhatATableOrAPlotIsAbout(t *testing.T) {
	o, err := raw.Read(strings.NewReader(without(sample(plausible), "Benchmark")+"BenchmarkOther 1 1 ns/op\n"), "made up")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := table.write(io.Discard, o); err == nil || !strings.Contains(err.Error(), "benchmark "+table.family) {
			t.Errorf("%s: the error is %v", table.title, err)
		}
	}
	for _, plot := range plots {
		if _, err := plot.of(o); err == nil || !strings.Contains(err.Error(), "missing: nothing to draw") {
			t.Errorf("%s: the error is %v", plot.file, err)
		}
	}
}

func TestReportIsRefusedOfWhatIsNotTheOutputOfARun(t *testing.T) {
	text := sample(plausible)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "no benchmarks"},
		"cut off":          {text + "BenchmarkCut-2 1 25\n", "made up:"},
		"no figure":        {strings.Replace(text, "25 ns/op", "NaN ns/op", 1), "is NaN"},
		"no machine":       {without(text, "cores: "), "how many cores"},
		"no revision":      {without(text, "revision: "), `does not say "revision"`},
		"a round too many": {text + "BenchmarkRecord/by=handle/op=success/impl=add/g=1/work=0-2 1 7 ns/op\n", "not of one run"},
	} {
		_, err := written(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
}

func TestLatencyThatCannotBeToldFromTheClocksIsDrawn(t *testing.T) {
	_, err := written(t, sample(func(name, unit string, round int) float64 {
		if unit == "p50-ns" || strings.HasPrefix(unit, "clock-") {
			return float64(-round)
		}
		return plausible(name, unit, round)
	}))
	if err != nil {
		t.Error(err)
	}
}

func TestFolderIsNamedByTheProcessor(t *testing.T) {
	for config, want := range map[string]string{
		"cpu: Intel(R) Xeon(R) Processor @ 2.60GHz\ncpuid: family 6 model 143\n": "intel-xeon-family-6-model-143",
		"cpu: AMD EPYC 7B13\n": "amd-epyc-7b13",
		"goarch: arm64\n":      "arm64",
	} {
		o, err := raw.Read(strings.NewReader(config+"BenchmarkA 1 1 ns/op\n"), "made up")
		if err != nil {
			t.Fatal(err)
		}
		if got := Dir(o); got != want {
			t.Errorf("%q: it is %q, want %q", config, got, want)
		}
	}
}

func TestEveryTableSaysOnWhichCPU(t *testing.T) {
	dir, err := written(t, sample(plausible))
	if err != nil {
		t.Fatal(err)
	}
	const on = "On Made-Up(R) Processor 9000 @ 1GHz family 1 model 2, 2 cores."
	if got, want := strings.Count(read(t, dir, "README.md"), on), len(tables)+1; got != want {
		t.Errorf("%d tables say %q, want %d", got, on, want)
	}
}

// A table that lost one of two benchmarks would show the other's figure as both.
func TestTwoBenchmarksInOneCellAreAnError(t *testing.T) {
	o, err := raw.Read(strings.NewReader("BenchmarkA/impl=x/node=spread/g=1 1 2 ns/op\nBenchmarkA/impl=x/g=1 1 3 ns/op\n"), "made up")
	if err != nil {
		t.Fatal(err)
	}
	err = table{title: "T", family: "A", rows: []string{"impl"}, column: "g", units: []string{"ns/op"}}.write(io.Discard, o)
	if want := `"T" has one cell for benchmarks A/impl=x/node=spread/g=1 and A/impl=x/g=1`; err == nil || err.Error() != want {
		t.Errorf("the error is %v, not %s", err, want)
	}
}
