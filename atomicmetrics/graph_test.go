package atomicmetrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/diff"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// runGraph runs a graph in which store hangs, enrich flaps, score panics, and
// notify is canceled. It writes events, tables and the JSON to w.
func runGraph(w io.Writer) {
	metrics := atomicmetrics.MustNew(
		atomicmetrics.WithInstance("worker-1"),
		atomicmetrics.WithWindowSize(10),
		atomicmetrics.WithInFlight(),
		atomicmetrics.WithLastFailure(),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{
			FailureRate: 0.25, MinSamples: 4, Recovery: 0.5, Running: 30 * time.Second,
		}),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { fmt.Fprintln(w, e) }),
	)
	node := func(name string, fn wrap.Func[int, int]) wrap.Func[int, int] {
		return wrap.MustNode(wrap.Config{Name: name, Collector: metrics, Ignore: wrap.Canceled}, fn)
	}
	step := func(ctx context.Context, d time.Duration) error { // work of a node
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}

	fetch := node("fetch", func(ctx context.Context, n int) (int, error) {
		return n, step(ctx, 20*time.Millisecond)
	})
	enrich := node("enrich", func(ctx context.Context, n int) (int, error) {
		if n%16 < 6 { // its server is down for six of sixteen
			return n, errors.New("enrich: no such host")
		}
		return n, step(ctx, 150*time.Millisecond)
	})
	score := node("score", func(ctx context.Context, n int) (int, error) {
		var weights []float64
		if n == 7 {
			weights[n]++
		}
		return n, step(ctx, time.Millisecond)
	})
	release := make(chan struct{})
	store := node("store", func(ctx context.Context, n int) (int, error) {
		if n == 0 {
			<-release
		}
		return n, step(ctx, 5*time.Millisecond)
	})
	notify := node("notify", func(ctx context.Context, n int) (int, error) {
		return n, step(ctx, 300*time.Millisecond)
	})

	process := func(ctx context.Context, n int) {
		defer func() { _ = recover() }() // the runner outlives a panic of a node
		n, err := fetch(ctx, n)
		if err == nil {
			_, err = enrich(ctx, n)
		}
		if err == nil {
			_, err = score(ctx, n)
		}
		if err == nil {
			_, _ = notify(ctx, n)
		}
	}
	hanging := make(chan struct{})
	go func() {
		defer close(hanging)
		_, _ = store(context.Background(), 0)
	}()
	for n := range 40 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if n == 39 { // its caller leaves during notify
			time.AfterFunc(400*time.Millisecond, cancel)
		}
		process(ctx, n)
		cancel()
		time.Sleep(time.Second)
	}

	_ = metrics.Flush(context.Background())
	s := metrics.Snapshot()
	for _, columns := range []int{80, 120} {
		fmt.Fprintf(w, "\n%d columns:\n", columns)
		_ = s.WriteTableWidth(w, columns)
	}
	data, _ := s.MarshalJSON()
	fmt.Fprintf(w, "\nThe JSON, without figures that are 0 or null:\n%s\n\n", brief(data))

	close(release)
	<-hanging
	_ = metrics.Flush(context.Background())
}

// brief returns JSON with a line for each node, without what is 0, null or
// false.
func brief(data []byte) []byte {
	var doc map[string]any
	_ = json.Unmarshal(data, &doc)
	var b bytes.Buffer
	for _, part := range []string{"nodes", "lastFailures", "inFlight", "ignored"} {
		fmt.Fprintf(&b, "%q:\n", part)
		values, _ := doc[part].(map[string]any)
		for _, name := range []string{"enrich", "fetch", "notify", "score", "store"} {
			v, ok := values[name]
			if !ok {
				continue
			}
			fields, _ := v.(map[string]any)
			for key, value := range fields {
				if value == nil || value == false || value == 0.0 || key == "retriesByAttempt" {
					delete(fields, key)
				}
			}
			line, _ := json.Marshal(v)
			fmt.Fprintf(&b, "  %q: %s\n", name, line)
		}
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// TestGraphShowsWhatTheDocumentShows runs the graph in a bubble, whose clock
// makes the output the same in each run, and compares it with ON-CALL.md.
func TestGraphShowsWhatTheDocumentShows(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) { runGraph(&out) })
	document, err := os.ReadFile("ON-CALL.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for i, block := range strings.Split(string(document), "```") {
		if lines, ok := strings.CutPrefix(block, "text\n"); ok && i%2 == 1 {
			shown = append(shown, strings.Split(strings.TrimSuffix(lines, "\n"), "\n")...)
		}
	}
	got := strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\n' })
	if differ := diff.Lists(got, shown); differ != "" {
		t.Errorf("ON-CALL.md shows other lines: %s\nthe output is\n%s", differ, out.String())
	}
}
