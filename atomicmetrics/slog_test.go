package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// keysOf returns the keys of each line of a log, by the line's message.
func keysOf(t *testing.T, log []byte, messageKey string) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for line := range bytes.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		message := fields[messageKey].(string)
		for _, key := range []string{"time", "level", messageKey} {
			delete(fields, key)
		}
		lines[message] = slices.Sorted(maps.Keys(fields))
	}
	return lines
}

// warnOfEverything makes a collector log each kind of warning that needs no
// blocked queue.
func warnOfEverything(t *testing.T, opts ...atomicmetrics.Option) {
	t.Helper()
	opts = append(opts,
		atomicmetrics.WithMaxNodes(1),
		atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { panic("boom") }),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { panic("boom") }))
	c := newEdgy(t, opts...)
	c.RecordSuccess("n", -1)
	c.RecordFailure("n", 1, errRefused)
	c.RecordSuccess("m", 1)
	flush(t, c)
}

func TestWarningsGoToSlogWithTheKeysOfZerologAndNotToZerolog(t *testing.T) {
	var z, s bytes.Buffer
	warnOfEverything(t, atomicmetrics.WithLogger(zerolog.New(&z)))
	want := keysOf(t, z.Bytes(), "message")
	equal(t, "kinds of warnings", len(want), 4)
	z.Reset()
	toSlog := atomicmetrics.WithSlog(slog.New(slog.NewJSONHandler(&s, nil)))
	warnOfEverything(t, toSlog, atomicmetrics.WithLogger(zerolog.New(&z)), atomicmetrics.WithSlog(nil))
	if got := keysOf(t, s.Bytes(), "msg"); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q, want %q", got, want)
	}
	equal(t, "zerolog has", z.String(), "")
}

func TestWithoutSlogNothingGoesToItsDefault(t *testing.T) {
	var s bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&s, nil)))
	defer slog.SetDefault(before)
	warnOfEverything(t, atomicmetrics.WithSlog(nil), atomicmetrics.WithLogger(zerolog.New(io.Discard)))
	equal(t, "slog has", s.String(), "")
}
