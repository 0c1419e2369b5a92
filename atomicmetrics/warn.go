package atomicmetrics

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// limiter lets one warning a second pass, and counts what it holds back.
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

// pass reports whether a warning is due, and how many were held back before it; if none is, it counts one more.
func (l *limiter) pass() (held uint64, ok bool) {
	if !l.due() {
		l.held.Add(1)
		return 0, false
	}
	return l.held.Swap(0), true
}

// The warnings. Each is written by a goroutine that exists only while there is one to write.

// write writes a warning, and behind it how many the queue has dropped since that was last told.
func (c *Collector) write(warning func()) {
	warning()
	if dropped := c.warnings.Dropped(); dropped > c.toldUnwritten {
		since := dropped - c.toldUnwritten
		c.toldUnwritten = dropped
		c.logger.Warn().Uint64("droppedWarnings", since).
			Msg("the log holds up warnings: the oldest were dropped")
	}
}

func (c *Collector) warnClamped(node string, d time.Duration) {
	held, ok := c.clamped.pass()
	if !ok {
		return
	}
	c.warnings.Put(func() {
		c.logger.Warn().Str("node", node).Int64("durationNs", int64(d)).Uint64("suppressed", held).
			Msg("duration out of range: a negative one counts as 0, a longer one as the longest that is kept")
	})
}

func (c *Collector) warnOverflow(node string) {
	if c.overflowed.Swap(true) {
		return
	}
	c.warnings.Put(func() {
		c.logger.Warn().Str("node", node).Int("maxNodes", c.maxNodes).
			Msgf("too many nodes: records of new names go to node %q", OverflowNode)
	})
}

func (c *Collector) warnClassifier(recovered any) {
	held, ok := c.misclassified.pass()
	if !ok {
		return
	}
	reason := ending(recovered)
	c.warnings.Put(func() {
		c.logger.Warn().Str("reason", reason).Uint64("suppressed", held).
			Msg("the classifier did not return: the failure counts as other")
	})
}

// warnDropped tells of events that were dropped: at most once a second while a callback holds them up, and of the rest
// when deliveries go on.
func (c *Collector) warnDropped(goOn bool) {
	told, dropped := c.toldDropped.Load(), c.events.Dropped()
	if dropped <= told || !goOn && !c.dropping.due() || !c.toldDropped.CompareAndSwap(told, dropped) {
		return
	}
	c.warnings.Put(func() {
		c.logger.Warn().Uint64("dropped", dropped-told).
			Msg("a callback holds up events: the oldest were dropped")
	})
}

func (c *Collector) warnCallback(e Event, recovered any) {
	reason := ending(recovered)
	c.warnings.Put(func() {
		c.logger.Warn().Str("node", e.Node).Stringer("event", e.Kind).Str("reason", reason).
			Msg("a callback did not return")
	})
}

// ending says how user code ended that did not return.
func ending(recovered any) string {
	if recovered == nil {
		return "it called runtime.Goexit"
	}
	return fmt.Sprint("it panicked: ", recovered)
}
