package atomicmetrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// newCollector returns a collector with these options. Its warnings go nowhere, unless an option says otherwise.
func newCollector(t testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	t.Helper()
	silent := atomicmetrics.WithLogger(zerolog.Nop())
	c, err := atomicmetrics.New(append([]atomicmetrics.Option{silent}, opts...)...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// equal fails the test when got is not want.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s", what, diff.Fields(got, want))
	}
}

// flush waits until the collector's events and warnings of before the call are delivered.
func flush(t testing.TB, c *atomicmetrics.Collector) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

// recorder is what records executions of one node.
type recorder interface {
	RecordSuccess(d time.Duration)
	RecordFailure(d time.Duration, err error)
	RecordFailureAs(d time.Duration, category atomicmetrics.Category)
	RecordRetry(attempt int)
}

// byName is a recorder that uses the methods of the collector.
type byName struct {
	c    *atomicmetrics.Collector
	node string
}

func (r byName) RecordSuccess(d time.Duration)            { r.c.RecordSuccess(r.node, d) }
func (r byName) RecordFailure(d time.Duration, err error) { r.c.RecordFailure(r.node, d, err) }
func (r byName) RecordRetry(attempt int)                  { r.c.RecordRetry(r.node, attempt) }
func (r byName) RecordFailureAs(d time.Duration, category atomicmetrics.Category) {
	r.c.RecordFailureAs(r.node, d, category)
}

// bothWays runs a test with a new collector and a recorder of its node "n": by name, and by handle.
func bothWays(t *testing.T, test func(*testing.T, *atomicmetrics.Collector, recorder), opts ...atomicmetrics.Option) {
	t.Helper()
	t.Run("by name", func(t *testing.T) {
		c := newCollector(t, opts...)
		test(t, c, byName{c, "n"})
	})
	t.Run("by handle", func(t *testing.T) {
		c := newCollector(t, opts...)
		test(t, c, c.Node("n"))
	})
}

// The thresholds of edgy make every failure a breach and every success a recovery.
var edgy = []atomicmetrics.Option{
	atomicmetrics.WithWindowSize(1),
	atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}),
}

// newEdgy returns a collector where every failure is a breach and every success after one a recovery.
func newEdgy(t testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	t.Helper()
	return newCollector(t, append(opts, edgy...)...)
}

// raise makes a node of newEdgy raise n events, breaches and recoveries by turns; a breach is the first.
func raise(c *atomicmetrics.Collector, node string, n int) {
	for i := range n {
		if i%2 == 0 {
			c.RecordFailureAs(node, time.Millisecond, atomicmetrics.CategoryOther)
		} else {
			c.RecordSuccess(node, time.Millisecond)
		}
	}
}

// eventList collects events. It is for callbacks, which are called one at a time; read it after a flush.
type eventList []atomicmetrics.Event

func (l *eventList) add(e atomicmetrics.Event) { *l = append(*l, e) }

// warningLog is where a collector under test writes its warnings.
type warningLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *warningLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// option makes a collector write to the log.
func (l *warningLog) option() atomicmetrics.Option { return atomicmetrics.WithLogger(zerolog.New(l)) }

// warning is a line of the log. A field that the line does not have is zero.
type warning struct {
	Level, Message string
	Node           string
	DurationNs     int64  // the value that was out of range
	Suppressed     uint64 // warnings of the same kind since the last one
	Dropped        uint64 // events

	DroppedWarnings uint64
	Event           string // whose callback did not return
	Reason          string // why it, or the classifier, did not return
}

// warnings returns the lines that are in the log, after all of c's are written, and empties it.
func (l *warningLog) warnings(t testing.TB, c *atomicmetrics.Collector) []warning {
	t.Helper()
	flush(t, c)
	return l.written(t)
}

// written returns the lines that are in the log by now and empties it.
func (l *warningLog) written(t testing.TB) (all []warning) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		var w warning
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if w.Level != "warn" || w.Message == "" {
			t.Errorf("log line %q: want a warning with a message", line)
		}
		w.Level, w.Message = "", ""
		all = append(all, w)
	}
	l.text.Reset()
	return all
}

var goroutineInBubble = regexp.MustCompile(`(?m)^goroutine .*synctest bubble`)

// goroutines returns how many goroutines there are in the caller's synctest bubble.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	return len(goroutineInBubble.FindAll(stacks[:runtime.Stack(stacks, true)], -1))
}

// millis returns a duration of n milliseconds.
func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

var errRefused = errors.New("refused")
