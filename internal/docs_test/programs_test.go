package docs_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goBlock is a block of Go in a Markdown file, with the output that the file
// says it prints.
var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$(?:\n\n[^\n]*[Pp]rints[^\n]*\n\n```text\n(.*?)^```$)?")

var (
	aDuration = regexp.MustCompile(`\d[\d.]*(?:ns|µs|ms|s)\b`)
	aGap      = regexp.MustCompile(` +|-+`)
)

// withoutTimes returns an output without the lengths of its durations and of
// the gaps and rules about them. Two runs of one program then print the same.
func withoutTimes(output string) string {
	return aGap.ReplaceAllStringFunc(aDuration.ReplaceAllString(output, "TIME"), func(gap string) string { return gap[:1] })
}

// imports are the packages that a fragment may use without an import, by name.
var imports = map[string]string{
	"atomicmetrics": "github.com/nodemetrics/nodemetrics/atomicmetrics",
	"metricstest":   "github.com/nodemetrics/nodemetrics/atomicmetrics/metricstest",
	"digest":        "github.com/nodemetrics/nodemetrics/digest",
	"wrap":          "github.com/nodemetrics/nodemetrics/wrap",
	"httpwrap":      "github.com/nodemetrics/nodemetrics/wrap/httpwrap",
	"backoff":       "github.com/cenkalti/backoff/v5",
	"zerolog":       "github.com/rs/zerolog",
	"context":       "context",
	"errors":        "errors",
	"expvar":        "expvar",
	"fmt":           "fmt",
	"http":          "net/http",
	"log":           "log",
	"os":            "os",
	"slog":          "log/slog",
	"synctest":      "testing/synctest",
	"testing":       "testing",
	"time":          "time",
}

// surroundings are what fragments may take for granted. Each is a program of its own.
const surroundings = `
var (
	ctx         = context.Background()
	metrics, err = atomicmetrics.New()
	earlier     atomicmetrics.Snapshot
	fromOthers  []atomicmetrics.Snapshot
)

type Order struct{ ID int }

type Receipt struct{}

func charge(ctx context.Context, o Order) (Receipt, error) { return Receipt{}, nil }

func fetch(ctx context.Context) error { return nil }

func program(*atomicmetrics.Collector) {}
`

// program returns a block as a program.
func program(block string) string {
	if strings.HasPrefix(block, "package ") {
		return block
	}
	body := surroundings
	if regexp.MustCompile(`(?m)^(?:func|type) `).MatchString(block) {
		body += block + "\nfunc main() {}\n"
	} else {
		body += "\nfunc main() {\n" + block + "_, _ = metrics, err\n}\n"
	}
	var text strings.Builder
	text.WriteString("package main\n\nimport (\n")
	for name, path := range imports {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body) {
			fmt.Fprintf(&text, "\t%q\n", path)
		}
	}
	return text.String() + ")\n" + body
}

// TestProgramsInMarkdownBuildAndPrintWhatTheyShow does what a new user does: it makes a module of its own, which gets
// the library by replace, and copies each block of Go into it.
func TestProgramsInMarkdownBuildAndPrintWhatTheyShow(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	library, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/nodemetrics/nodemetrics"
	gomod := strings.Replace(read(t, "go.mod"), "module "+module, "module program", 1)
	write("go.mod", gomod+fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, library))
	write("go.sum", read(t, "go.sum"))

	files := markdown(t)
	names := []string{}
	outputs := map[string]string{}
	for name, text := range files {
		if inModuleOfItsOwn(name) {
			continue // what its code needs, this module does not have
		}
		for i, block := range goBlock.FindAllStringSubmatch(text, -1) {
			folder := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", ".", "-").Replace(name), i+1)
			write(folder+"/main.go", program(block[1]))
			names = append(names, folder)
			if block[2] != "" {
				outputs[folder] = block[2]
			}
		}
	}
	if len(names) < 5 || len(outputs) == 0 {
		t.Errorf("only %d blocks of Go were found, %d with what they print", len(names), len(outputs))
	}
	if out, err := goCommand(dir, "vet", "./..."); err != nil {
		t.Fatalf("blocks of Go, numbered in each file: %v\n%s", err, out)
	}
	slices.Sort(names)
	for _, name := range names {
		want, ok := outputs[name]
		if !ok {
			continue
		}
		if out, err := goCommand(dir, "run", "./"+name); err != nil || withoutTimes(out) != withoutTimes(want) {
			t.Errorf("%s prints, with error %v,\n%s\nand the file says\n%s", name, err, out, want)
		}
	}
}

// inModuleOfItsOwn reports whether a file, seen from the root, is not of the root's module.
func inModuleOfItsOwn(name string) bool {
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

// goCommand runs the go command in a folder, for this machine and without the network, and returns what it printed.
func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GOOS=") || strings.HasPrefix(v, "GOARCH=") || strings.HasPrefix(v, "CGO_ENABLED=")
	})
	cmd.Env = append(cmd.Env, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// mostTargets is how many targets make help lists at most.
const mostTargets = 15

func TestMakeHelpListsEveryTarget(t *testing.T) {
	makefile := read(t, "Makefile")
	cmd := exec.Command("make", "--no-print-directory", "help") // this test runs below make too
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	phony := found(t, `(?m)^\.PHONY: (.+)$`, makefile)[0]
	if lines := strings.Count(string(out), "\n"); lines > mostTargets {
		t.Errorf("make help lists %d targets, at most %d are allowed", lines, mostTargets)
	}
	for _, target := range found(t, `(?m)^([a-z-]+):`, makefile) {
		if !regexp.MustCompile(`(?m)^ +make ` + target + ` +\S`).Match(out) {
			t.Errorf("make help does not tell of %s", target)
		}
		if !slices.Contains(strings.Fields(phony), target) {
			t.Errorf("%s is not .PHONY", target)
		}
	}
}
