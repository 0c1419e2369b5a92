package atomicmetrics

import (
	"log/slog"

	"github.com/rs/zerolog"
)

// LogValue makes a NodeMetrics a group of attributes for log/slog:
//
//	slog.Info("hourly", "node", name, "metrics", m)
//
// They are the fields of the JSON, in its order and by its names, but for durations, which are whole nanoseconds here
// and say so: lastExecutionNs, avgExecutionNs, totalDurationNs, p50Ns, p90Ns, p99Ns, windowMinNs, windowMaxNs. What is
// null in JSON is left out.
func (m NodeMetrics) LogValue() slog.Value { return slog.Group("", figures.Attributes(&m)...).Value }

// MarshalZerologObject writes the fields that LogValue has, for zerolog:
//
//	log.Info().Str("node", name).Object("metrics", m).Msg("hourly")
func (m NodeMetrics) MarshalZerologObject(e *zerolog.Event) { e.Fields(figures.Attributes(&m)) }
