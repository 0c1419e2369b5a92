package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/source"
)

// Source is an instance with an interval of its time. Figures of a [Snapshot]
// come from there. The instance is one collector in one process. The interval
// begins at Since and ends before TakenAt, so adjacent intervals do not overlap.
// A source always overlaps itself, even with TakenAt equal to Since.
//
// Sources of collectors are comparable by ==, because their times are in UTC
// without a monotonic reading.
type Source struct {
	Instance       string    // of the option WithInstance
	Since, TakenAt time.Time // TakenAt is never before Since
}

// WithInstance names the collector in [Source]. The default is random, and
// different in every collector. A name must not be empty. Collectors of several
// processes need different names, or [Merge] refuses their snapshots. If a
// process starts again under the same name, its snapshots are of another
// interval.
func WithInstance(name string) Option {
	return func(c *config) { c.instance = validName(name) }
}

func randomInstance() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// The JSON of a Source.
var sourceTable = jsontable.New("source",
	jsontable.Field[Source]{Name: "instance", At: func(s *Source) any { return &s.Instance }},
	jsontable.Field[Source]{Name: "since", At: func(s *Source) any { return &s.Since }},
	jsontable.Field[Source]{Name: "takenAt", At: func(s *Source) any { return &s.TakenAt }},
)

func checkSources(all []Source) error { return source.Check(innerSources(all)) }

func innerSources(all []Source) []source.Source {
	in := make([]source.Source, len(all))
	for i, s := range all {
		in[i] = source.Source(s)
	}
	return in
}

func outerSources(all []source.Source) (out []Source) {
	for _, s := range all {
		out = append(out, Source(s))
	}
	return out
}

// source returns the source of a read that begins now.
func (c *Collector) source() Source {
	for {
		since := c.since.Load()
		if at := c.moment(since); c.since.Load() == since { // else a full reset has just ended
			return c.sourceOf(since, at)
		}
	}
}

// startReset returns the source of a full reset that begins now, and what ends
// the reset. The caller holds c.resetting.
func (c *Collector) startReset() (of Source, end func()) {
	since := c.since.Load()
	at := c.moment(since)
	// An interval has a nanosecond at least: see package source.
	return c.sourceOf(since, at), func() { c.since.Store(max(at, since+1)) }
}

func (c *Collector) sourceOf(since, at int64) Source {
	return Source{c.instance, time.Unix(0, since).UTC(), time.Unix(0, at).UTC()}
}

// moment returns the time in nanoseconds of Unix time, and earliest if that is
// later. If the clock was set back, each moment is a nanosecond later than the
// one before, so that intervals stay in order.
func (c *Collector) moment(earliest int64) int64 {
	now := time.Now().UnixNano()
	for {
		latest, at := c.latest.Load(), now
		if now < latest {
			at = latest + 1
		}
		at = max(at, earliest)
		if c.latest.CompareAndSwap(latest, at) {
			return at
		}
	}
}
