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
func (m NodeMetrics) LogValue() slog.Value { return slog.Group("", m.logFields()...).Value }

// MarshalZerologObject writes the fields that LogValue has, for zerolog:
//
//	log.Info().Str("node", name).Object("metrics", m).Msg("hourly")
func (m NodeMetrics) MarshalZerologObject(e *zerolog.Event) { e.Fields(m.logFields()) }

// logFields returns names and values in turn.
func (m NodeMetrics) logFields() []any {
	fields := []any{
		"totalExecutions", m.TotalExecutions,
		"successCount", m.SuccessCount,
		"failureCount", m.FailureCount,
		"retryCount", m.RetryCount,
		"timeoutErrors", m.TimeoutErrors,
		"validationErrors", m.ValidationErrors,
		"networkErrors", m.NetworkErrors,
		"otherErrors", m.OtherErrors,
		"retriesByAttempt", m.RetriesByAttempt[:],
	}
	if m.TotalExecutions > 0 {
		fields = append(fields,
			"lastExecutionNs", m.LastExecution.Nanoseconds(),
			"avgExecutionNs", m.AvgExecution.Nanoseconds(),
		)
	}
	fields = append(fields, "totalDurationNs", m.TotalDuration.Nanoseconds())
	if m.WindowSamples > 0 {
		fields = append(fields,
			"p50Ns", m.P50.Nanoseconds(),
			"p90Ns", m.P90.Nanoseconds(),
			"p99Ns", m.P99.Nanoseconds(),
			"windowMinNs", m.WindowMin.Nanoseconds(),
			"windowMaxNs", m.WindowMax.Nanoseconds(),
		)
	}
	fields = append(fields, "windowSamples", m.WindowSamples, "windowFailures", m.WindowFailures)
	if m.WindowSamples > 0 {
		fields = append(fields, "windowFailureRate", m.WindowFailureRate())
	}
	return append(fields, "failureRateBreached", m.FailureRateBreached, "latencyBreached", m.LatencyBreached)
}
