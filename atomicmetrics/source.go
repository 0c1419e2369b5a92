package atomicmetrics

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
	"github.com/nodemetrics/nodemetrics/internal/registry"
)

// Source is an instance with an interval of its time. Figures of a [Snapshot]
// come from there. The instance is one collector in one process. The interval
// begins at Since and ends before TakenAt, so adjacent intervals do not
// overlap. A source always overlaps itself, even with TakenAt equal to Since.
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
	return func(c *config) { c.instance = registry.Valid(name) }
}

var sourceTable = jsontable.New("source", jsontable.Named[Source]("instance", "since", "takenAt")...)
