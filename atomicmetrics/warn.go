package atomicmetrics

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// A limiter lets one warning a second pass, and counts the warnings that it
// holds back.
type limiter struct {
	last atomic.Int64  // when a warning passed, in nanoseconds of the monotonic clock, less never
	held atomic.Uint64 // warnings held back since then
}

// never is a time at which nothing passed.
const never = math.MinInt64

// due reports, to one caller a second, that it is time for a warning.
func (l *limiter) due() bool {
	word, now := l.last.Load(), clock.Now()
	last := word + never
	early := last != never && now >= last && now-last < int64(time.Second) // before last it is by a bubble's clock only
	return !early && l.last.CompareAndSwap(word, now-never)
}

// pass reports whether a warning is due, and how many were held back before it.
// If none is due, it counts one more.
func (l *limiter) pass() (held uint64, ok bool) {
	if !l.due() {
		l.held.Add(1)
		return 0, false
	}
	return l.held.Swap(0), true
}

// A dropTeller tells how many items a queue has dropped.
type dropTeller struct {
	limiter
	told atomic.Uint64
}

// pass returns the number of dropped items that the log does not have yet. It
// reports false if it is not time to log them. It is time once a second, and
// when the queue has become empty.
func (t *dropTeller) pass(dropped uint64, empty bool) (n uint64, ok bool) {
	told := t.told.Load()
	if dropped <= told || !t.due() && !empty || !t.told.CompareAndSwap(told, dropped) {
		return 0, false
	}
	return dropped - told, true
}

// A warning is a line for the log. A goroutine that exists only while a warning
// waits writes it.
type warning struct {
	level  slog.Level
	text   string
	fields []any // keys and values in turn
}

func (c *Collector) warn(text string, fields ...any) {
	c.warnings.Put(warning{slog.LevelWarn, text, fields})
}

// write writes a warning, and behind it how many warnings were dropped.
func (c *Collector) write(w warning) {
	c.log(w)
	if n, ok := c.unwritten.pass(c.warnings.Dropped(), c.warnings.Empty()); ok {
		c.log(warning{slog.LevelWarn, "the log holds up warnings: the oldest were dropped", []any{"droppedWarnings", n}})
	}
}

func (c *Collector) log(w warning) {
	switch {
	case c.slog != nil:
		c.slog.Log(context.Background(), w.level, w.text, w.fields...)
	case w.level == slog.LevelError:
		c.logger.Error().Fields(w.fields).Msg(w.text)
	default:
		c.logger.Warn().Fields(w.fields).Msg(w.text)
	}
}

func (c *Collector) warnClamped(node string, d time.Duration) {
	if held, ok := c.clamped.pass(); ok {
		c.warn("duration out of range: a negative one counts as 0, a longer one as the longest that is kept",
			"node", node, "durationNs", d.Nanoseconds(), "suppressed", held)
	}
}

func (c *Collector) warnOverflow(node string) {
	if !c.overflowed.Load() && !c.overflowed.Swap(true) {
		c.warn(fmt.Sprintf("too many nodes: records of new names go to node %q", OverflowNode),
			"node", validName(node), "maxNodes", c.maxNodes)
	}
}

// warnClassifier is called while the stack of the classifier still stands.
func (c *Collector) warnClassifier(recovered any) {
	if held, ok := c.misclassified.pass(); ok {
		c.warn("the classifier did not return: the failure counts as other",
			"reason", ending(recovered), "suppressed", held, "stack", stack())
	}
}

// warnDropped tells of events that were dropped.
func (c *Collector) warnDropped() {
	if n, ok := c.undelivered.pass(c.events.Dropped(), c.events.Empty()); ok {
		c.warn("a callback holds up events: the oldest were dropped", "dropped", n)
	}
}

// warnCallback is called while the stack of the callback still stands.
func (c *Collector) warnCallback(callback int, e Event, recovered any) {
	if held, ok := c.failedCallbacks[callback].pass(); ok {
		c.warn("a callback did not return",
			"node", e.Node, "event", e.Kind.String(), "reason", ending(recovered), "suppressed", held, "stack", stack())
	}
}

// ending says how user code ended that did not return.
func ending(recovered any) string {
	if recovered == nil {
		return "it called runtime.Goexit"
	}
	return fmt.Sprint("it panicked: ", recovered)
}

// stack returns the caller's stack. In a deferred function it has the frames of
// the panic, or of runtime.Goexit.
func stack() string { return string(debug.Stack()) }
