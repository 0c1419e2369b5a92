// Package warn writes warnings to a logger of log/slog or of zerolog. A slow
// logger holds up no goroutine that warns, because another goroutine writes.
// The writing goroutine exists only while a warning waits. A [Limiter] keeps
// each kind of warning to one a second.
package warn

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/helper"
)

// A Log queues warnings and writes them in order. Make one with [New]. It is
// safe for concurrent use.
type Log struct {
	slog    *slog.Logger // nil means that warnings go to zerolog
	zerolog zerolog.Logger
	queue   *helper.Queue[warning]
	drops   Drops
}

type warning struct {
	text   string
	fields []any // keys and values in turn
}

// New returns a log that writes to s or, if s is nil, to z. Each line has the
// component. At most limit warnings wait. Beyond that the log drops the oldest,
// and a warning says so.
func New(s *slog.Logger, z zerolog.Logger, component string, limit int) *Log {
	l := &Log{slog: s}
	if s != nil {
		l.slog = s.With("component", component)
	} else {
		l.zerolog = z.With().Str("component", component).Logger()
	}
	l.queue = helper.New(limit, l.write, nil)
	return l
}

// Warn queues a warning. The fields are keys and values in turn.
func (l *Log) Warn(text string, fields ...any) { l.queue.Put(warning{text, fields}) }

// Flush waits until the log has written or dropped every warning of before the
// call. If ctx ends first, Flush returns its error.
func (l *Log) Flush(ctx context.Context) error { return l.queue.Flush(ctx) }

func (l *Log) write(w warning) {
	l.line(w)
	if n, ok := l.drops.Pass(l.queue.Dropped(), l.queue.Empty()); ok {
		l.line(warning{"the log holds up warnings: the oldest were dropped", []any{"droppedWarnings", n}})
	}
}

func (l *Log) line(w warning) {
	if l.slog != nil {
		l.slog.Warn(w.text, w.fields...)
	} else {
		l.zerolog.Warn().Fields(w.fields).Msg(w.text)
	}
}

// Ending returns the words for a function of the user's that did not return.
// It takes the result of recover.
func Ending(recovered any) string {
	if recovered == nil {
		return "it called runtime.Goexit"
	}
	return fmt.Sprint("it panicked: ", recovered)
}

// Stack returns the caller's stack. In a deferred function it has the frames of
// the panic, or of runtime.Goexit.
func Stack() string { return string(debug.Stack()) }
