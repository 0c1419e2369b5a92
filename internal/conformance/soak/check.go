package main

import (
	"bytes"
	"fmt"
	"maps"
	"sync"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// check returns an error if metrics break a promise about every read.
func check(m atomicmetrics.NodeMetrics, windowSize int) error {
	retries := uint64(0)
	for _, n := range m.RetriesByAttempt {
		retries += n
	}
	for _, promise := range []struct {
		what string
		kept bool
	}{
		{"executions are successes and failures", m.TotalExecutions == m.SuccessCount+m.FailureCount},
		{"failures are the sum of the categories",
			m.FailureCount == m.TimeoutErrors+m.ValidationErrors+m.NetworkErrors+m.OtherErrors},
		{"retries are the sum of the attempts", m.RetryCount == retries},
		{"percentiles are in order", m.P50 <= m.P90 && m.P90 <= m.P99},
		{"percentiles are within the extremes", m.WindowMin <= m.P50 && m.P99 <= m.WindowMax},
		{"the newest is of the window", m.WindowMin <= m.LastExecution && m.LastExecution <= m.WindowMax},
		{"the window's failures are of the window", 0 <= m.WindowFailures && m.WindowFailures <= m.WindowSamples},
		{"the window has its size", m.WindowSamples <= windowSize},
		{"the window is of the executions", uint64(m.WindowSamples) <= m.TotalExecutions},
		{"the window's failures are of the failures", uint64(m.WindowFailures) <= m.FailureCount},
	} {
		if !promise.kept {
			return fmt.Errorf("not true that %s: %+v", promise.what, m)
		}
	}
	return nil
}

// fields are the figures that add up. These are every counter and the
// durations.
func fields(m *atomicmetrics.NodeMetrics) []*uint64 {
	f := []*uint64{&m.TotalExecutions, &m.SuccessCount, &m.FailureCount, &m.RetryCount, &m.TimeoutErrors,
		&m.ValidationErrors, &m.NetworkErrors, &m.OtherErrors}
	for i := range m.RetriesByAttempt {
		f = append(f, &m.RetriesByAttempt[i])
	}
	return f
}

// wentBack reports whether a counter is lower in a later read.
func wentBack(earlier, later atomicmetrics.NodeMetrics) bool {
	for i, f := range fields(&later) {
		if *f < *fields(&earlier)[i] {
			return true
		}
	}
	return false
}

// ledger adds up metrics.
type ledger struct {
	mu  sync.Mutex
	sum atomicmetrics.NodeMetrics
}

func (l *ledger) add(m atomicmetrics.NodeMetrics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range fields(&l.sum) {
		*f += *fields(&m)[i]
	}
	l.sum.TotalDuration += m.TotalDuration
}

// roundTrip returns an error if a snapshot has changed on the way through JSON
// and back.
func roundTrip(s atomicmetrics.Snapshot) error {
	data, err := s.MarshalJSON()
	if err != nil {
		return fmt.Errorf("MarshalJSON: %w", err)
	}
	parsed, err := atomicmetrics.ParseSnapshot(data)
	if err != nil {
		return fmt.Errorf("ParseSnapshot refuses a snapshot: %w", err)
	}
	if !maps.Equal(parsed.Nodes, s.Nodes) {
		return fmt.Errorf("ParseSnapshot gives other nodes back: %+v, want %+v", parsed.Nodes, s.Nodes)
	}
	again, err := parsed.MarshalJSON()
	if err != nil || !bytes.Equal(again, data) {
		return fmt.Errorf("a snapshot that was read is written otherwise: %v", err)
	}
	return nil
}

// edges follow the events of a collector. Breaches and recoveries of one node
// and kind must alternate.
type edges struct {
	breached map[edge]bool
	events   uint64
	wrong    error
}

type edge struct {
	node string
	kind atomicmetrics.EventKind
}

// add is called for one event at a time.
func (e *edges) add(event atomicmetrics.Event) {
	e.events++
	at := edge{event.Node, event.Kind}
	if e.breached[at] == event.Breached && e.wrong == nil {
		e.wrong = fmt.Errorf("two events in a row with Breached %v: %+v", event.Breached, event)
	}
	e.breached[at] = event.Breached
}
