package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peers are the modules that a program gets by none of its own doing if bench
// ever leaks into the library's module.
var peers = []string{"monkit", "client_golang", "VictoriaMetrics", "rcrowley/go-metrics", "opentelemetry",
	"hashicorp/go-metrics", "tally", "hdrhistogram", "sketches-go", "failsafe-go", "golang.org/x/perf"}

// modGraph returns the module graph of a program that imports every public
// package of the library.
func modGraph(t *testing.T, library string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, err.(*exec.ExitError).Stderr)
		}
		return string(out)
	}
	const module = "github.com/nodemetrics/nodemetrics"
	write("go.mod", "module program\n\ngo 1.26.0\n\nrequire "+library+" v0.0.0\n\nreplace "+
		module+" => "+root+"\n\nreplace "+module+"/bench => "+filepath.Join(root, "bench")+"\n")
	write("main.go", `package main

import (
	_ "`+module+`/atomicmetrics"
	_ "`+module+`/digest"
	_ "`+module+`/wrap"
)

func main() {}
`)
	if library == module {
		run("mod", "tidy")
	}
	return run("mod", "graph")
}

func TestAProgramThatImportsTheLibraryGetsNoPeer(t *testing.T) {
	graph := modGraph(t, "github.com/nodemetrics/nodemetrics")
	if !strings.Contains(graph, "puzpuzpuz/xsync") {
		t.Fatalf("the library is not in the graph:\n%s", graph)
	}
	for _, peer := range peers {
		if strings.Contains(strings.ToLower(graph), strings.ToLower(peer)) {
			t.Errorf("%s is in the module graph:\n%s", peer, graph)
		}
	}
}

// The names above must be those that a leak would bring.
func TestAProgramThatImportsTheSuiteGetsEveryPeer(t *testing.T) {
	graph := strings.ToLower(modGraph(t, "github.com/nodemetrics/nodemetrics/bench"))
	for _, peer := range peers {
		if !strings.Contains(graph, strings.ToLower(peer)) {
			t.Errorf("%s is not in the module graph of the suite", peer)
		}
	}
}
