package atomicmetrics

import (
	"cmp"
	"log/slog"
)

// LogValue makes an Event a group of attributes for log/slog: node, kind,
// breached, failureRate, p99Ns, samples, at and runningNs. The p99 and the age
// are in whole nanoseconds.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("node", e.Node),
		slog.String("kind", e.Kind.String()),
		slog.Bool("breached", e.Breached),
		slog.Float64("failureRate", e.FailureRate),
		slog.Int64("p99Ns", e.P99.Nanoseconds()),
		slog.Int("samples", e.Samples),
		slog.Time("at", e.At),
		slog.Int64("runningNs", e.Running.Nanoseconds()),
	)
}

// LogValue makes a LastFailure a group of attributes for log/slog: at, category
// and text.
func (f LastFailure) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Time("at", f.At),
		slog.String("category", f.Category.String()),
		slog.String("text", f.Text),
	)
}

// LogValue makes an InFlight a group of attributes for log/slog: running, highest
// and, if an execution is running, oldestNs. That is in whole nanoseconds.
func (f InFlight) LogValue() slog.Value {
	attrs := []slog.Attr{slog.Int("running", f.Running), slog.Int("highest", f.Highest)}
	if f.Running > 0 {
		attrs = append(attrs, slog.Int64("oldestNs", f.Oldest.Nanoseconds()))
	}
	return slog.GroupValue(attrs...)
}

// LogValue makes a Stats a group of attributes for log/slog. They have the names
// of the fields, beginning with a small letter.
func (s Stats) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("nodes", s.Nodes),
		slog.Int("shardedNodes", s.ShardedNodes),
		slog.Uint64("overflowRecords", s.OverflowRecords),
		slog.Uint64("eventsDropped", s.EventsDropped),
		slog.Uint64("durationsClamped", s.DurationsClamped),
		slog.Int("bytes", s.Bytes),
	)
}

// LogValue makes a Snapshot a group of attributes for log/slog. They are
// takenAt, windowSize, percentiles, and the groups nodes, lastFailures, inFlight
// and ignored. Each group has an attribute for each node, in name order. The key of
// a node without a name is "". LogValue leaves out sketches and empty groups.
func (s Snapshot) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Time("takenAt", s.TakenAt),
		slog.Int("windowSize", s.WindowSize),
		slog.String("percentiles", s.Percentiles),
		byNode("nodes", s.Nodes),
		byNode("lastFailures", s.LastFailures),
		byNode("inFlight", s.InFlight),
		byNode("ignored", s.Ignored),
	)
}

// byNode returns a group with an attribute for each name. log/slog would merge a
// group without a key with the attributes beside it.
func byNode[V any](key string, values map[string]V) slog.Attr {
	var attrs []slog.Attr
	for _, name := range sortedKeys(values) {
		attrs = append(attrs, slog.Any(cmp.Or(name, `""`), values[name]))
	}
	return slog.Attr{Key: key, Value: slog.GroupValue(attrs...)}
}
