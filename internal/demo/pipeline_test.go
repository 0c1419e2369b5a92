package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// TestAccount tampers with one figure at a time of a snapshot that adds up.
func TestAccount(t *testing.T) {
	c, err := atomicmetrics.New(calm().options(50)...)
	if err != nil {
		t.Fatal(err)
	}
	server, err := startStore(outage{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	files, err := openCorpus(t.Context(), writeCorpus(t, 10, 2), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := newPipeline(c, calm(), files.root, server.url, 2)
	l.run(t.Context(), append(files.files, "missing.go"), 2)
	snapshot, taken := c.Snapshot(), server.taken()
	line, err := l.account(snapshot, taken)
	if want := "13 files = 10 published + 1 failed in read + 2 failed in parse; the server took 10"; err != nil ||
		!strings.Contains(line, want) {
		t.Fatalf("error %v, line %q, want %q", err, line, want)
	}

	for _, test := range []struct {
		figure string
		of     func(*atomicmetrics.NodeMetrics) *uint64
	}{
		{"executions of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.TotalExecutions }},
		{"successes of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.SuccessCount }},
		{"timeouts of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.TimeoutErrors }},
		{"validation errors of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.ValidationErrors }},
		{"network errors of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.NetworkErrors }},
		{"other errors of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.OtherErrors }},
		{"retries of ", func(m *atomicmetrics.NodeMetrics) *uint64 { return &m.RetryCount }},
	} {
		for _, node := range nodes {
			tampered := snapshot
			tampered.Nodes = maps.Clone(snapshot.Nodes)
			m := tampered.Nodes[node]
			*test.of(&m)++
			tampered.Nodes[node] = m
			_, err := l.account(tampered, taken)
			if err == nil || !strings.Contains(err.Error(), "not accounted for: "+test.figure+node+": ") {
				t.Errorf("%s%s tampered with: %v", test.figure, node, err)
			}
		}
	}
	if _, err := l.account(snapshot, taken-1); err == nil || !strings.Contains(err.Error(), "the server took 9") {
		t.Errorf("a document that the server lost: %v", err)
	}

	// What does not add up ends the demo, be it interrupted or not, and the snapshot is there to look into.
	for _, files := range []int{13, 14} {
		var stdout, stderr bytes.Buffer
		o := outcome{l, files, snapshot, taken - 1, price{}, &meter{wall: time.Second}}
		err := o.report(newConsole(io.Discard, io.Discard), "-", &stdout)
		if code := exitCode(err, &stderr); code != exitFailed || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%d files: exit code %d, want %d, and one line:\n%s", files, code, exitFailed, &stderr)
		}
		if _, err := atomicmetrics.ParseSnapshot(stdout.Bytes()); err != nil {
			t.Errorf("%d files: %v", files, err)
		}
	}
}

// TestNodes runs a source through the nodes' functions, and looks at what they make of it.
func TestNodes(t *testing.T) {
	ctx := context.Background()
	tree, err := parseSource(ctx, source{"x.go", []byte("package p\n// Two is 2.\nvar   Two=2\n")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := formatSyntax(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	const want = "package p\n\n// Two is 2.\nvar Two = 2\n"
	if string(text) != want {
		t.Errorf("formatted as %q, want %q", text, want)
	}
	for range 2 { // the second time with a compressor that has been used
		data, err := compressText(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(z); err != nil || string(back) != want {
			t.Errorf("decompressed to %q, error %v, want %q", back, err, want)
		}
	}
	_, err = parseSource(ctx, source{"x.go", []byte("package p\nfunc {")})
	if got := atomicmetrics.Classify(err); got != atomicmetrics.CategoryValidation {
		t.Errorf("a malformed file is %v: %v", got, err)
	}
}

// TestServer puts documents to it, one for each fate.
func TestServer(t *testing.T) {
	var complaints bytes.Buffer
	o := outage{from: 1, requests: 4, late: time.Millisecond, tooLate: time.Hour}
	server, err := startStore(o, &complaints)
	if err != nil {
		t.Fatal(err)
	}
	l := &pipeline{url: server.url}
	for request, want := range []struct {
		timeout  time.Duration
		failed   bool
		category atomicmetrics.Category
	}{
		{timeout: time.Minute},
		{time.Minute, true, atomicmetrics.CategoryNetwork},
		{20 * time.Millisecond, true, atomicmetrics.CategoryTimeout},
		{20 * time.Millisecond, true, atomicmetrics.CategoryTimeout},
		{timeout: time.Minute},
		{timeout: time.Minute},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), want.timeout)
		_, err := l.put(ctx, &parcel{name: "a b%20?#:/x.go", data: []byte{byte(request)}})
		cancel()
		if (err != nil) != want.failed || err != nil && atomicmetrics.Classify(err) != want.category {
			t.Errorf("request %d: error %v, category %v", request, err, atomicmetrics.Classify(err))
		}
	}
	if n := server.taken(); n != 1 || !server.kept["/a b%20?#:/x.go"] {
		t.Errorf("the server took %v, want one document of the name that was put", server.kept)
	}
	l.client.CloseIdleConnections()
	server.stop()
	if _, err := l.put(t.Context(), &parcel{name: "x"}); atomicmetrics.Classify(err) != atomicmetrics.CategoryNetwork {
		t.Errorf("the server still answers, or its absence is no network error: %v", err)
	}
	if complaints.Len() > 0 {
		t.Errorf("the server complained:\n%s", &complaints)
	}
}

// TestPutRefused wants an answer that is not the right one to be an error.
func TestPutRefused(t *testing.T) {
	refusal := httptest.NewServer(http.NotFoundHandler())
	defer refusal.Close()
	l := &pipeline{url: refusal.URL + "/"}
	if _, err := l.put(t.Context(), &parcel{name: "x"}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v, want one with the status", err)
	}
}

func TestTallyByCause(t *testing.T) {
	var own tally
	for _, err := range []error{nil, context.DeadlineExceeded, errors.New("x"), io.EOF} {
		own.add(err)
	}
	if own.succeeded.Load() != 1 || own.timeout.Load() != 1 || own.other.Load() != 2 {
		t.Errorf("tallied %d, %d, %d", own.succeeded.Load(), own.timeout.Load(), own.other.Load())
	}
}
