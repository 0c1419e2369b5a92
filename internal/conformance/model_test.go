//go:build nodemetrics_step

package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// The models. Each is an object that does one thing after the other. A history of the node is linearizable as that
// object if every call could have done the same at one instant between its beginning and its end.

// counters are 16 objects: each counter of NodeMetrics, and each sum of counters, for itself. A record adds to some of
// them, a read reads each, a reset reads and clears each.
var counters = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		for _, c := range counterFields {
			var part []porcupine.Operation
			for _, o := range history {
				in := o.Input.(call)
				if o.Input = in.what; in.what < read {
					if !c.counts(in) {
						continue
					}
					o.Input = success
				}
				o.Output = c.value(o.Output.(atomicmetrics.NodeMetrics))
				part = append(part, o)
			}
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		switch n := state.(uint64); input {
		case read:
			return output == n, n
		case reset:
			return output == n, uint64(0)
		default:
			return true, n + 1
		}
	},
}

type counterField struct {
	counts func(call) bool
	value  func(m atomicmetrics.NodeMetrics) uint64
}

var counterFields = func() (fields []counterField) {
	type metrics = atomicmetrics.NodeMetrics
	category := func(category atomicmetrics.Category) func(call) bool {
		return func(c call) bool { return c.what == failure && c.category == category }
	}
	fields = []counterField{
		{call.execution, func(m metrics) uint64 { return m.TotalExecutions }},
		{func(c call) bool { return c.what == success }, func(m metrics) uint64 { return m.SuccessCount }},
		{func(c call) bool { return c.what == failure }, func(m metrics) uint64 { return m.FailureCount }},
		{func(c call) bool { return c.what == retry }, func(m metrics) uint64 { return m.RetryCount }},
		{category(atomicmetrics.CategoryTimeout), func(m metrics) uint64 { return m.TimeoutErrors }},
		{category(atomicmetrics.CategoryValidation), func(m metrics) uint64 { return m.ValidationErrors }},
		{category(atomicmetrics.CategoryNetwork), func(m metrics) uint64 { return m.NetworkErrors }},
		{category(atomicmetrics.CategoryOther), func(m metrics) uint64 { return m.OtherErrors }},
	}
	for i := range (metrics{}).RetriesByAttempt {
		fields = append(fields, counterField{
			func(c call) bool { return c.what == retry && min(c.attempt, 8) == i+1 },
			func(m metrics) uint64 { return m.RetriesByAttempt[i] },
		})
	}
	return fields
}()

// content is what a node holds: the state of the models below.
type content struct {
	successes  uint64
	failures   [4]uint64 // by category
	retries    [8]uint64
	total      time.Duration
	window     [maxWindow]call // the newest first
	inWindow   int
	windowSize int
}

// maxWindow is the largest window of a history.
const maxWindow = 5

func (s content) after(c call) content {
	switch c.what {
	case retry:
		s.retries[min(c.attempt, 8)-1]++
		return s
	case success:
		s.successes++
	case failure:
		s.failures[c.category]++
	}
	s.total += c.d
	copy(s.window[1:s.windowSize], s.window[:])
	s.window[0] = c
	s.inWindow = min(s.inWindow+1, s.windowSize)
	return s
}

// metrics are what a node without thresholds says of its content.
func (s content) metrics() (m atomicmetrics.NodeMetrics) {
	m.SuccessCount = s.successes
	m.TimeoutErrors, m.ValidationErrors = s.failures[atomicmetrics.CategoryTimeout], s.failures[atomicmetrics.CategoryValidation]
	m.NetworkErrors, m.OtherErrors = s.failures[atomicmetrics.CategoryNetwork], s.failures[atomicmetrics.CategoryOther]
	m.FailureCount = m.TimeoutErrors + m.ValidationErrors + m.NetworkErrors + m.OtherErrors
	m.TotalExecutions = m.SuccessCount + m.FailureCount
	m.RetriesByAttempt = s.retries
	for _, n := range s.retries {
		m.RetryCount += n
	}
	if m.TotalDuration = s.total; m.TotalExecutions > 0 {
		m.AvgExecution = s.total / time.Duration(m.TotalExecutions)
	}
	if s.inWindow == 0 {
		return m
	}
	var sorted []time.Duration
	for _, c := range s.window[:s.inWindow] {
		sorted = append(sorted, c.d)
		if c.what == failure {
			m.WindowFailures++
		}
	}
	slices.Sort(sorted)
	rank := func(percent int) time.Duration { return sorted[max(1, (percent*s.inWindow+99)/100)-1] }
	m.LastExecution, m.WindowSamples = s.window[0].d, s.inWindow
	m.P50, m.P90, m.P99, m.WindowMin, m.WindowMax = rank(50), rank(90), rank(99), sorted[0], sorted[s.inWindow-1]
	return m
}

// windowOf leaves of metrics what is about the window.
func windowOf(m atomicmetrics.NodeMetrics) atomicmetrics.NodeMetrics {
	return atomicmetrics.NodeMetrics{LastExecution: m.LastExecution, P50: m.P50, P90: m.P90, P99: m.P99,
		WindowMin: m.WindowMin, WindowMax: m.WindowMax, WindowSamples: m.WindowSamples, WindowFailures: m.WindowFailures}
}

// countersOf leaves of metrics what is about everything since the last reset.
func countersOf(m atomicmetrics.NodeMetrics) atomicmetrics.NodeMetrics {
	m.LastExecution, m.P50, m.P90, m.P99, m.WindowMin, m.WindowMax, m.WindowSamples, m.WindowFailures = 0, 0, 0, 0, 0, 0, 0, 0
	return everything(m)
}

// everything leaves of metrics all but the verdict of the thresholds, which the models do not have.
func everything(m atomicmetrics.NodeMetrics) atomicmetrics.NodeMetrics {
	m.FailureRateBreached, m.LatencyBreached = false, false
	return m
}

// contents is the model of a node of which a read, and a reset, sees what part leaves.
func contents(windowSize int, part func(atomicmetrics.NodeMetrics) atomicmetrics.NodeMetrics) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return content{windowSize: windowSize} },
		Step: func(state, input, output any) (bool, any) {
			s, c := state.(content), input.(call)
			if c.what < read {
				return true, s.after(c)
			}
			ok := part(output.(atomicmetrics.NodeMetrics)) == part(s.metrics())
			if c.what == reset {
				s = content{windowSize: windowSize}
			}
			return ok, s
		},
	}
}

// whole is a node that does everything at one instant: what a node of the library is while nothing is read beside
// records.
func whole(windowSize int) porcupine.Model { return contents(windowSize, everything) }

// window is the window of a node, without its counters.
func window(windowSize int) porcupine.Model { return contents(windowSize, windowOf) }

// pastWindow says what is wrong with the windows of reads beside any number of recorders, where they are no instant. Each
// must have each record that had returned before the read, unless a whole window of others can be newer; so it lacks at
// most one sample for each record that ran beside the read. All its samples are of different records, which had begun
// before the end of the read. Its newest must not be older than one that had returned before the read. There must be no
// reset, and the window size be at most 3, so that the figures of a window tell all its samples.
func pastWindow(windowSize int, history []porcupine.Operation) error {
	for _, r := range history {
		if r.Input.(call).what != read {
			continue
		}
		m := r.Output.(atomicmetrics.NodeMetrics)
		seen := slices.Compact([]time.Duration{m.WindowMin, m.P50, m.WindowMax})
		bad := func(format string, args ...any) error {
			return fmt.Errorf("the read at %d … %d: %s", r.Call, r.Return, fmt.Sprintf(format, args...))
		}
		before, beside, known := 0, 0, 0
		var newest porcupine.Operation
		for _, o := range history {
			if o.Input.(call).execution() && o.Input.(call).d == m.LastExecution {
				newest = o
			}
		}
		for _, o := range history {
			c := o.Input.(call)
			if !c.execution() || o.Call > r.Return {
				continue
			}
			in := slices.Contains(seen, c.d)
			if in {
				known++
			}
			if o.Return > r.Call {
				beside++
				continue
			}
			before++
			if !in {
				newer := 0
				for _, other := range history {
					if other.Input.(call).execution() && other.Call < r.Return && other.Return > o.Call && other.Call != o.Call {
						newer++
					}
				}
				if newer < windowSize {
					return bad("without %v, which had returned, and only %d can be newer", c, newer)
				}
			}
			if o.Call > newest.Return {
				return bad("the newest is said to be %d, and %v is newer", m.LastExecution, c)
			}
		}
		switch {
		case m.WindowSamples > 0 && (known != m.WindowSamples || len(seen) != known):
			return bad("%d samples, of which %d were recorded: %v", m.WindowSamples, known, seen)
		case m.WindowSamples+beside < min(windowSize, before):
			return bad("%d samples, %d records beside it and %d before", m.WindowSamples, beside, before)
		}
	}
	return nil
}
