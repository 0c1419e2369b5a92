// Package report writes what a run of the benchmarks has shown, as tables and plots, from nothing but what the
// benchmarks printed.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

// Write writes the report on a run to dir. It writes the same for the same
// output. If anything is missing, it writes nothing, and the error says what is.
func Write(o *raw.Output, dir string) error {
	files := map[string][]byte{}
	var errs []error
	for _, text := range []struct {
		file  string
		write func(io.Writer, *raw.Output) error
	}{{"README.md", summary}, {"machine.md", machine}} {
		var b bytes.Buffer
		errs = append(errs, text.write(&b, o))
		files[text.file] = b.Bytes()
	}
	for _, p := range plots {
		svg, err := p.draw(o)
		errs = append(errs, err)
		files[p.file] = svg
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Dir returns the name of the folder for reports of the processor, of which the
// newest replaces the one before.
func Dir(o *raw.Output) string {
	cpu := regexp.MustCompile(`\([^)]*\)|@ \S+|\b(CPU|Processor)\b`).ReplaceAllString(o.CPU(), " ")
	cpu = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(cpu), "-")
	return strings.Trim(cpu, "-")
}

// on returns a sentence that names the processor, for the text of a table.
func on(o *raw.Output) string { return fmt.Sprintf("On %s, %s cores.", o.CPU(), o.Config["cores"]) }

// settings are what a run has to say of itself: the keys of its configuration, and what they are to people.
var settings = []struct{ key, text string }{
	{"cpu", "CPU"}, {"cpuid", "its family and model"}, {"cores", "cores"}, {"gomaxprocs", "GOMAXPROCS"}, {"go", "Go"}, {"goos", "operating system"},
	{"goarch", "architecture"}, {"revision", "revision"}, {"date", "date"}, {"command", "command"}, {"rounds", "rounds"},
	{"benchtime", "time of a benchmark in a round"},
	{"singles", "single records of a benchmark of latency in a round"},
}

// machine writes what the figures were measured on, and how.
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

// summary writes the targets and the tables.
func summary(w io.Writer, o *raw.Output) error {
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
		fmt.Fprintf(w, "![%s](%s)\n\n", p.title, p.file)
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
