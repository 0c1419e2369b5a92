package warn

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestALimiterLetsOneWarningASecondPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Limiter
		for i, step := range []struct {
			after time.Duration
			held  uint64
			ok    bool
		}{
			{0, 0, true}, {0, 0, false}, {time.Second - 1, 0, false}, {1, 2, true}, {1, 0, false}, {time.Hour, 1, true},
		} {
			time.Sleep(step.after)
			if held, ok := l.Pass(); held != step.held || ok != step.ok {
				t.Errorf("step %d: got %d, %v, want %d, %v", i, held, ok, step.held, step.ok)
			}
		}
	})
}

// The clock of a bubble is behind the clock outside.
func TestALimiterPassesIfTheClockIsBeforeTheLastWarning(t *testing.T) {
	var l Limiter
	l.Pass()
	l.last.Add(int64(time.Hour))
	if _, ok := l.Pass(); !ok {
		t.Error("a warning after one of the future was held back")
	}
}

func TestDropsAreToldOnceASecondAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Drops
		for i, step := range []struct {
			after   time.Duration
			dropped uint64
			empty   bool
			n       uint64
		}{
			{0, 0, true, 0}, {0, 1, false, 1}, {0, 1, true, 0}, {0, 5, false, 0}, {0, 6, true, 5},
			{0, 7, false, 0}, {time.Second, 8, false, 2},
		} {
			time.Sleep(step.after)
			if n, ok := d.Pass(step.dropped, step.empty); n != step.n || ok != (n > 0) {
				t.Errorf("step %d: got %d, %v, want %d", i, n, ok, step.n)
			}
		}
	})
}

// held is a writer that takes its first line only when it is released.
type held struct {
	strings.Builder
	release chan struct{}
}

func (w *held) Write(p []byte) (int, error) {
	<-w.release
	return w.Builder.Write(p)
}

func TestALogDropsTheOldestWarningsAndSaysSo(t *testing.T) {
	for _, name := range []string{"slog", "zerolog"} {
		out := &held{release: make(chan struct{})}
		var l *Log
		if name == "slog" {
			omitTime := func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}
			handler := slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: omitTime})
			l = New(slog.New(handler), zerolog.New(io.Discard), "x", 2)
		} else {
			l = New(nil, zerolog.New(zerolog.ConsoleWriter{Out: out, NoColor: true, PartsExclude: []string{"time"}}), "x", 2)
		}
		for i := range 5 {
			l.Warn("w", "i", i)
		}
		close(out.release)
		if err := l.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if !strings.Contains(text, "i=4") || strings.Contains(text, "i=2") || strings.Count(text, "component=x") < 3 ||
			!strings.Contains(text, "droppedWarnings=") || strings.Count(text, "WARN")+strings.Count(text, "WRN") < 3 {
			t.Errorf("%s: got\n%s", name, text)
		}
	}
}

func TestEndingTellsAPanicFromGoexit(t *testing.T) {
	if a, b := Ending(nil), Ending("boom"); a != "it called runtime.Goexit" || b != "it panicked: boom" {
		t.Errorf("got %q and %q", a, b)
	}
	if stack := Stack(); !strings.Contains(stack, "TestEndingTellsAPanicFromGoexit") {
		t.Errorf("the stack is %s", stack)
	}
}
