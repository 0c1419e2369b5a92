package peer

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// victoria has durations and a counter for each outcome, by node, in a set. The
// names of metrics have the labels in them, and records by name look up the
// whole name.
type victoria[D victoriaDurations] struct {
	set       *metrics.Set
	durations func(set *metrics.Set, name string) D
}

type victoriaDurations interface {
	Update(float64)
	UpdateDuration(time.Time)
}

func newVictoriaHistogram() Registry {
	return victoria[*metrics.Histogram]{metrics.NewSet(), (*metrics.Set).GetOrCreateHistogram}
}

func newVictoriaSummary() Registry {
	return victoria[*metrics.Summary]{metrics.NewSet(), (*metrics.Set).GetOrCreateSummary}
}

// victoriaNames are the names of a node's metrics.
type victoriaNames struct{ durations, success, failure string }

func victoriaNamesOf(node string) victoriaNames {
	label := `{node=` + strconv.Quote(node)
	return victoriaNames{`duration_seconds` + label + `}`,
		`executions_total` + label + `,outcome="success"}`, `executions_total` + label + `,outcome="failure"}`}
}

type victoriaNode struct {
	durations        victoriaDurations
	success, failure *metrics.Counter
}

func (n *victoriaNode) RecordSuccess(d time.Duration) {
	n.durations.Update(d.Seconds())
	n.success.Inc()
}

func (n *victoriaNode) RecordFailure(d time.Duration, _ error) {
	n.durations.Update(d.Seconds())
	n.failure.Inc()
}

func (r victoria[D]) Node(name string) Node {
	names := victoriaNamesOf(name)
	return &victoriaNode{r.durations(r.set, names.durations),
		r.set.GetOrCreateCounter(names.success), r.set.GetOrCreateCounter(names.failure)}
}

func (r victoria[D]) Timer(name string) func() {
	n := r.Node(name).(*victoriaNode)
	return func() {
		start := time.Now()
		n.durations.UpdateDuration(start)
		n.success.Inc()
	}
}

func (r victoria[D]) Named(names []string) Named {
	n := victoriaNamed[D]{r, make([]victoriaNames, len(names))}
	for i, name := range names {
		n.names[i] = victoriaNamesOf(name)
	}
	return n
}

type victoriaNamed[D victoriaDurations] struct {
	victoria[D]
	names []victoriaNames
}

func (n victoriaNamed[D]) RecordSuccess(i int, d time.Duration) {
	n.durations(n.set, n.names[i].durations).Update(d.Seconds())
	n.set.GetOrCreateCounter(n.names[i].success).Inc()
}

func (n victoriaNamed[D]) RecordFailure(i int, d time.Duration, _ error) {
	n.durations(n.set, n.names[i].durations).Update(d.Seconds())
	n.set.GetOrCreateCounter(n.names[i].failure).Inc()
}

// Snapshot writes everything as text, because a Set has no other way to be
// read. Each node has a counter of successes.
func (r victoria[D]) Snapshot() int {
	var count victoriaCount
	r.set.WritePrometheus(&count)
	return count.nodes
}

// victoriaCount counts the nodes in the written text.
type victoriaCount struct{ nodes int }

func (c *victoriaCount) Write(p []byte) (int, error) {
	c.nodes += bytes.Count(p, []byte(`outcome="success"`))
	return len(p), nil
}

var _ io.Writer = (*victoriaCount)(nil)

func (r victoria[D]) Read(name string) Reading {
	var text bytes.Buffer
	names := victoriaNamesOf(name)
	n := r.Node(name).(*victoriaNode)
	reading := Reading{Successes: n.success.Get(), Failures: n.failure.Get()}
	r.set.WritePrometheus(&text)
	count := strings.Replace(names.durations, "{", "_count{", 1)
	median := strings.Replace(names.durations, "}", `,quantile="0.5"}`, 1)
	for lines := bufio.NewScanner(&text); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), count+" "); ok {
			reading.Durations = must(strconv.ParseUint(value, 10, 64))
		}
		if value, ok := strings.CutPrefix(lines.Text(), median+" "); ok {
			reading.Median = time.Duration(must(strconv.ParseFloat(value, 64)) * float64(time.Second))
		}
	}
	if h, ok := n.durations.(*metrics.Histogram); ok {
		below := uint64(0)
		h.VisitNonZeroBuckets(func(vmrange string, count uint64) {
			if below += count; reading.Median == 0 && 2*below >= reading.Durations {
				_, upper, _ := strings.Cut(vmrange, "...")
				reading.Median = time.Duration(must(strconv.ParseFloat(upper, 64)) * float64(time.Second))
			}
		})
	}
	return reading
}
