package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// writeCorpus makes a tree of good files, some of them in a folder whose name is awkward in a URL, of malformed ones,
// and of some that are none of the demo's business.
func writeCorpus(t *testing.T, good, malformed int) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range good {
		write(fmt.Sprintf("a b%%20?#:/good%d.go", i), fmt.Sprintf("package p\n\nvar  x%d=  %d\n", i, i))
	}
	for i := range malformed {
		write(fmt.Sprintf("testdata/bad%d.go", i), "package p\n\nfunc {\n")
	}
	write("README.txt", "no Go")
	write("folder.go/inner.txt", "no Go either")
	return root
}

// calm is a plan without an outage.
func calm() plan {
	p := defaultPlan
	p.outageRequests, p.hang = 0, 0
	return p
}

func testSettings(t *testing.T, p plan, args ...string) settings {
	t.Helper()
	s, err := parseFlags(args)
	if err != nil {
		t.Fatal(err)
	}
	s.plan = p
	return s
}

func TestBadFlags(t *testing.T) {
	root := writeCorpus(t, 1, 0)
	for _, test := range []struct {
		args []string
		code int
		line string // what stderr says, in one line
	}{
		{[]string{"-nonsense"}, exitUsage, "flag provided but not defined: -nonsense"},
		{[]string{"-files", "many"}, exitUsage, `invalid value "many" for flag -files`},
		{[]string{"-files"}, exitUsage, "flag needs an argument: -files"},
		{[]string{"-files", "-1"}, exitUsage, "-files -1 is negative"},
		{[]string{"-workers", "0"}, exitUsage, "-workers 0 is not from 1 to 256"},
		{[]string{"-workers", "-4"}, exitUsage, "-workers -4 is not from 1 to 256"},
		{[]string{"-workers", "257"}, exitUsage, "-workers 257 is not from 1 to 256"},
		{[]string{"-seed", "-1"}, exitUsage, `invalid value "-1" for flag -seed`},
		{[]string{"-window", "0"}, exitUsage, "-window 0: atomicmetrics: WithWindowSize"},
		{[]string{"-window", "-7"}, exitUsage, "-window -7: atomicmetrics: WithWindowSize"},
		{[]string{"-window", "1073741825"}, exitUsage, "-window 1073741825: atomicmetrics: WithWindowSize"},
		{[]string{"-files", "1", "stray"}, exitUsage, `unexpected argument "stray"`},
		{[]string{"-corpus", filepath.Join(root, "none")}, exitFailed, "no corpus: "},
		{[]string{"-corpus", filepath.Join(root, "README.txt")}, exitFailed, "is not a folder"},
		{[]string{"-corpus", filepath.Join(root, "folder.go")}, exitFailed, "no .go files below"},
		{[]string{"-corpus", root, "-json", filepath.Join(root, "none", "x.json")}, exitFailed, "-json "},
		{[]string{"-corpus", root, "-json", root}, exitFailed, "is no regular file"},
	} {
		t.Run(strings.Join(test.args[:min(2, len(test.args))], " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), test.args, &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			line, rest, _ := strings.Cut(stderr.String(), "\n")
			if !strings.HasPrefix(line, "demo: ") || !strings.Contains(line, test.line) || rest != "" {
				t.Errorf("stderr is not one line with %q:\n%s", test.line, &stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout is not empty:\n%s", &stdout)
			}
		})
	}
}

func TestNoToolchain(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), nil, &stdout, &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	const want = "name a folder with .go files by -corpus"
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
		t.Errorf("stderr does not say in one line what to do:\n%s", got)
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	for _, flag := range []string{"-corpus DIR", "-files N", "-workers N", "-window N", "-json FILE", "-seed N"} {
		if !strings.Contains(stdout.String(), flag) {
			t.Errorf("the help does not tell of %s", flag)
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr is not empty:\n%s", &stderr)
	}
}

// TestRun runs a small corpus through the pipeline and looks at all that comes out.
func TestRun(t *testing.T) {
	target := filepath.Join(t.TempDir(), "snapshot.json")
	s := testSettings(t, calm(), "-corpus", writeCorpus(t, 30, 4), "-workers", "3", "-window", "20", "-json", target)
	var stdout, stderr bytes.Buffer
	if code := exitCode(demo(t.Context(), s, &stdout, &stderr), &stderr); code != 0 {
		t.Fatalf("exit code %d, want 0\n%s%s", code, &stdout, &stderr)
	}
	for _, row := range []string{
		`\s+-+ newest 20 -+`,
		`node runs failed timeout validation network other retries running oldest failed p50 p90 p99`,
		`read 34 0 0 0 0 0 0 0 - 0% \S+ \S+ \S+`,
		`parse 34 4 0 4 0 0 0 0 - \S+ \S+ \S+ \S+`,
		`format 30 0 0 0 0 0 0 0 - 0% \S+ \S+ \S+`,
		`compress 30 0 0 0 0 0 0 0 - 0% \S+ \S+ \S+`,
		`publish 30 0 0 0 0 0 0 0 - 0% \S+ \S+ \S+`,
		`accounted for: 34 files = 30 published \+ 4 failed in parse; the server took 30`,
		`\s+158 executions and 0 retries, by the demo's own count and by the collector's`,
		`\s+158 executions and 0 retries make \d.*`,
	} {
		if !regexp.MustCompile(`(?m)^` + strings.ReplaceAll(row, " ", " +") + `$`).Match(stdout.Bytes()) {
			t.Errorf("the report lacks %s", row)
		}
	}
	for line := range strings.Lines(stdout.String()) {
		width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
		if width > 120 && !strings.Contains(line, s.corpus) {
			t.Errorf("a line is %d columns wide: %s", width, line)
		}
	}
	if t.Failed() {
		t.Logf("the report:\n%s", &stdout)
	}
	var stacks bytes.Buffer
	if pprof.Lookup("goroutine").WriteTo(&stacks, 2); strings.Contains(stacks.String(), "http.(*Server).Serve(") {
		t.Errorf("the server still runs:\n%s", &stacks)
	}

	data, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := atomicmetrics.ParseSnapshot(data)
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.WindowSize != 20 || len(snapshot.Nodes) != len(nodes) {
		t.Errorf("the snapshot has window size %d and %d nodes", snapshot.WindowSize, len(snapshot.Nodes))
	}
	if m := snapshot.Nodes["parse"]; m.TotalExecutions != 34 || m.SuccessCount != 30 || m.ValidationErrors != 4 {
		t.Errorf("the snapshot has parse as %+v", m)
	}
}

// TestSnapshotToStdout expects nothing but the snapshot there, so that it can be piped on.
func TestSnapshotToStdout(t *testing.T) {
	s := testSettings(t, calm(), "-corpus", writeCorpus(t, 3, 1), "-json", "-")
	var stdout, stderr bytes.Buffer
	if err := demo(t.Context(), s, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	snapshot, err := atomicmetrics.ParseSnapshot(bytes.TrimSpace(stdout.Bytes()))
	if err != nil {
		t.Fatalf("%v:\n%s", err, &stdout)
	}
	if n := snapshot.Nodes["read"].TotalExecutions; n != 4 {
		t.Errorf("%d executions of read, want 4", n)
	}
	if !strings.Contains(stderr.String(), "accounted for: 4 files") {
		t.Errorf("the report is not on stderr:\n%s", &stderr)
	}
}

// TestOutage has the server misbehave, and expects what that does: attempts that time out and connections that break,
// retries, and all thresholds breached and recovered.
func TestOutage(t *testing.T) {
	p := defaultPlan
	p.timeout, p.latency, p.recovery, p.pause = 50*time.Millisecond, 45*time.Millisecond, 0.9, time.Millisecond
	p.outageFrom, p.outageRequests = 0.1, 24
	p.running, p.hang = 20*time.Millisecond, 100*time.Millisecond
	target := filepath.Join(t.TempDir(), "snapshot.json")
	s := testSettings(t, p, "-corpus", writeCorpus(t, 200, 0), "-workers", "1", "-window", "20", "-json", target)
	var stdout, stderr bytes.Buffer
	if err := demo(t.Context(), s, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	data, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := atomicmetrics.ParseSnapshot(data)
	if err != nil {
		t.Fatal(err)
	}
	// One worker meets the misfortunes in their order, three to a document: of each sixteen requests two are served,
	// and five documents fail, by their last attempt.
	m := snapshot.Nodes["publish"]
	if m.TimeoutErrors < 2 || m.NetworkErrors < 2 || m.RetryCount < 12 {
		t.Errorf("%d timeouts, %d network errors, %d retries", m.TimeoutErrors, m.NetworkErrors, m.RetryCount)
	}
	for _, kind := range []string{"publish +latency", "publish +failureRate", "read +running"} {
		both := regexp.MustCompile(`(?s)` + kind + ` +breached.*` + kind + ` +recovered`)
		if !both.Match(stdout.Bytes()) {
			t.Errorf("no breach and recovery of %s", kind)
		}
	}
	if t.Failed() {
		t.Logf("the report:\n%s", &stdout)
	}
}

// A trigger calls f when what is written contains text.
type trigger struct {
	bytes.Buffer
	text string
	f    func()
}

func (t *trigger) Write(data []byte) (int, error) {
	if strings.Contains(string(data), t.text) {
		t.f()
	}
	return t.Buffer.Write(data)
}

// TestInterrupted ends a run before its first file, and another one when it is in the middle, in an outage without end.
func TestInterrupted(t *testing.T) {
	p := defaultPlan
	p.timeout, p.pause = 10*time.Millisecond, time.Millisecond
	p.outageFrom, p.outageRequests, p.hang = 0, 1<<40, 0
	for _, test := range []struct{ at, table, want string }{
		{"drawn by seed", `no node has recorded anything$`, `interrupted: 0 of 2000 files were run`},
		{"  breached  ", `publish +\d+`, `interrupted: [1-9]\d{0,2} of 2000 files were run`},
	} {
		t.Run(test.at, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := testSettings(t, p, "-corpus", writeCorpus(t, 2000, 0), "-workers", "4", "-window", "20")
			stdout, stderr := trigger{text: test.at, f: cancel}, bytes.Buffer{}
			if code := exitCode(demo(ctx, s, &stdout, &stderr), &stderr); code != exitInterrupted {
				t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, &stderr)
			}
			for _, want := range []string{test.table, `accounted for: `, test.want} {
				if !regexp.MustCompile(`(?m)^` + want).MatchString(stdout.String()) {
					t.Errorf("the report lacks %s", want)
				}
			}
			if t.Failed() {
				t.Logf("the report:\n%s", &stdout)
			}
		})
	}
}

// TestInterruptedEarly ends a run that has not found its files yet.
func TestInterruptedEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-corpus", writeCorpus(t, 1, 0)}, &stdout, &stderr); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr is not empty:\n%s", &stderr)
	}
}

// TestReportFails expects that a report which nobody can read is not taken for success.
func TestReportFails(t *testing.T) {
	s := testSettings(t, calm(), "-corpus", writeCorpus(t, 1, 0))
	var stderr bytes.Buffer
	if code := exitCode(demo(t.Context(), s, brokenWriter{}, &stderr), &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if want := "demo: the disk is full\n"; stderr.String() != want {
		t.Errorf("stderr is %q, want %q", &stderr, want)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("the disk is full") }
