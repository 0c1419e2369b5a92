// Package report writes the results of a run as tables and plots, from the
// output of the benchmarks alone.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

// Write writes the report on a run to dir. The same output gives the same
// report. If a benchmark is missing, Write writes nothing, and the error names
// the benchmark.
func Write(o *raw.Output, dir string) error {
	drawn, err := draw(o)
	errs := []error{err}
	files := map[string][]byte{}
	for file, d := range drawn {
		files[file] = d.svg()
	}
	var readme, about bytes.Buffer
	errs = append(errs, summary(&readme, o, drawn), machine(&about, o))
	files["README.md"], files["machine.md"] = readme.Bytes(), about.Bytes()
	figures, err := figuresOf(o)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if files[figuresFile], err = json.MarshalIndent(figures, "", "\t"); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, p := range plots { // an earlier report may have plots that this report does not have
		if err := os.Remove(filepath.Join(dir, p.file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Dir returns the name of the folder for reports of the processor. The newest
// report replaces the report before.
func Dir(o *raw.Output) string {
	cpu := regexp.MustCompile(`\([^)]*\)|@ \S+|\b(CPU|Processor)\b`).ReplaceAllString(o.CPU(), " ")
	cpu = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(cpu), "-")
	return strings.Trim(cpu, "-")
}

// on returns a sentence that names the processor, for the text of a table.
func on(o *raw.Output) string { return fmt.Sprintf("On %s, %s cores.", o.CPU(), o.Config["cores"]) }

// settings are the keys of a run's configuration, with their meaning. A run
// must have each of them.
var settings = []struct{ key, text string }{
	{"cpu", "CPU"}, {"cpuid", "its family and model"}, {"cores", "cores"}, {"gomaxprocs", "GOMAXPROCS"}, {"go", "Go"}, {"goos", "operating system"},
	{"goarch", "architecture"}, {"revision", "revision"}, {"date", "date"}, {"command", "command"}, {"rounds", "rounds"},
	{"benchtime", "time of a benchmark in a round"},
	{"singles", "single records of a benchmark of latency in a round"},
}

// machine writes the machine, the versions and the command of the run.
func machine(w io.Writer, o *raw.Output) error {
	fmt.Fprint(w, "# The machine and the command\n\n| | |\n|-|-|\n")
	for _, s := range settings {
		value := o.Config[s.key]
		if value == "" && s.key != "cpu" && s.key != "cpuid" {
			return fmt.Errorf("the output does not say %q", s.key)
		}
		fmt.Fprintf(w, "| %s | %s |\n", s.text, value)
	}
	return nil
}

// summary writes the targets, the plots and the tables.
func summary(w io.Writer, o *raw.Output, drawn map[string]dots) error {
	cores, err := strconv.Atoi(o.Config["cores"])
	if err != nil {
		return fmt.Errorf("the output does not say how many cores the machine has: %w", err)
	}
	c := o.Config
	fmt.Fprintf(w, `# Benchmarks of %s

%s, %d cores, %s/%s, %s, revision %s: [machine.md](machine.md). [doc.go](../../doc.go) says what each benchmark measures. A
figure is the median of %s rounds; ± is how far its interval of confidence reaches (%.0f %%, by order statistics). A ratio is of
two figures of one round, and again the median.

`, c["date"], o.CPU(), cores, c["goos"], c["goarch"], c["go"], c["revision"], c["rounds"], 100*raw.Confidence)

	judged, err := target.Judge(target.Rows(cores), o)
	if err != nil {
		return err
	}
	requirement, err := target.Requirement(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## The requirement\n\n%s\n\n## Targets\n\n", requirement)
	targets(w, judged, on(o))
	fmt.Fprint(w, "## Plots\n\n")
	for _, p := range plots {
		if d, ok := drawn[p.file]; ok {
			fmt.Fprintf(w, "![%s](%s)\n\n", d.title, p.file)
		}
	}
	fmt.Fprint(w, "## Tables\n\n")
	var errs []error
	for _, t := range tables {
		errs = append(errs, t.write(w, o))
	}
	return errors.Join(errs...)
}

// targets writes how the targets fared.
func targets(w io.Writer, judged []target.Judged, on string) {
	fmt.Fprintf(w, "`make bench-check` measures these anew, the benchmarks of a row side by side. Rows marked * are absolute; the times "+
		"among them depend on the machine. %s\n\n| target | limit | figure | interval | verdict |\n|-|-:|-:|-:|-|\n", on)
	for _, j := range judged {
		limit := j.Text(j.Limit)
		if j.Shown {
			limit = ""
		}
		what := j.What
		if j.Kind.Absolute() {
			what += " *"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s … %s | %s |\n", what, limit, j.Text(j.Center), j.Text(j.Lo), j.Text(j.Hi), j.Verdict)
	}
	fmt.Fprintln(w)
}
