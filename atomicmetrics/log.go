package atomicmetrics

import (
	"log/slog"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// LogValue makes a NodeMetrics a group of attributes for log/slog:
//
//	slog.Info("hourly", "node", name, "metrics", m)
//
// The attributes are the fields of the JSON, in its order and by its names.
// Only durations are whole nanoseconds here, and their names end in Ns, such as
// p50Ns. LogValue leaves out fields that are null in JSON.
func (m NodeMetrics) LogValue() slog.Value { return logValue(figures, &m) }

// MarshalZerologObject writes the fields that LogValue has, for zerolog:
//
//	log.Info().Str("node", name).Object("metrics", m).Msg("hourly")
func (m NodeMetrics) MarshalZerologObject(e *zerolog.Event) { e.Fields(figures.Attributes(&m)) }

// LogValue makes an Event a group of attributes for log/slog: the fields of its
// JSON, but durations in whole nanoseconds, such as p99Ns.
func (e Event) LogValue() slog.Value { return logValue(eventTable, &e) }

// LogValue makes a LastFailure a group for log/slog: at, category and text.
func (f LastFailure) LogValue() slog.Value { return logValue(lastFailureTable, &f) }

// LogValue makes an InFlight a group for log/slog: running, highest and, if an
// execution is running, oldestNs in whole nanoseconds.
func (f InFlight) LogValue() slog.Value { return logValue(inFlightTable, &f) }

// LogValue makes a Stats a group of attributes for log/slog. They have the
// names of the fields, beginning with a small letter. Forgotten is a group.
func (s Stats) LogValue() slog.Value { return logValue(statsTable, &s) }

// LogValue makes a Snapshot a group of attributes for log/slog. They are
// takenAt, windowSize, percentiles, and the groups nodes, lastFailures,
// inFlight and ignored. Each group has an attribute for each node, in name
// order. The key of a node without a name is "". LogValue leaves out sources,
// sketches and empty groups.
func (s Snapshot) LogValue() slog.Value { return logValue(snapshotTable, &s) }

func logValue[T any](t *jsontable.Table[T], v *T) slog.Value {
	return slog.Group("", t.Attributes(v)...).Value
}
