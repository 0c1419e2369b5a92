package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
	"github.com/nodemetrics/nodemetrics/digest"
)

// watched is a node with thresholds, whose window is full, and what is recorded in it.
type watched struct {
	next   int // the execution of the pattern that comes next
	c      *atomicmetrics.Collector
	n      *atomicmetrics.Node
	events *atomic.Int64
	body   measure.Body
}

func BenchmarkThresholds(b *testing.B) {
	for _, strategy := range []digest.Strategy{digest.Exact(), digest.TDigest(100)} {
		for _, window := range []int{100, 50_000} {
			if window <= digest.SmallWindow && strategy.String() == "tdigest" {
				continue // that is exact
			}
			for _, g := range []string{"1", "cores"} {
				if g == "cores" && window != 100 {
					continue
				}
				for _, state := range []string{"none", "healthy", "breached", "crossing"} {
					impl := "nodemetrics"
					if state == "crossing" && g != "1" {
						continue // the pattern is one goroutine's
					}
					made := sync.OnceValues(func() (*watched, error) { return watch(state, strategy, window) })
					b.Run(fmt.Sprintf("state=%s/strategy=%v/window=%d/impl=%s/g=%s/work=0", state, strategy, window, impl, g),
						func(b *testing.B) {
							w, err := made()
							if err != nil {
								b.Fatal(err)
							}
							if state == "crossing" && strategy == digest.Exact() && window > digest.SmallWindow {
								w.cross(b)
								return
							}
							if state == "crossing" {
								impl += ", raising events" // which is not in the verdict: see the package's comment
							}
							run(b, impl, g, "0", func(int) measure.Body { return w.body })
						})
				}
			}
		}
	}
}

// mostCrossing is how many records of a node with a large window that raises events are measured at most: each reads the
// window.
const mostCrossing = 3000

// cross measures records of which two in three raise an event. They go on with the pattern where the last ended.
func (w *watched) cross(b *testing.B) {
	n := min(b.N, mostCrossing)
	b.ReportAllocs()
	b.ResetTimer()
	w.body(0, w.next, w.next+n)
	b.StopTimer()
	w.next += n
	b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/op")
}

// watch makes a node in a state and holds it to it: a benchmark of a breach that there is not would say nothing.
func watch(state string, strategy digest.Strategy, window int) (*watched, error) {
	opts := []atomicmetrics.Option{atomicmetrics.WithPercentiles(strategy), atomicmetrics.WithWindowSize(window)}
	events := new(atomic.Int64)
	opts = append(opts, atomicmetrics.OnEvent(func(atomicmetrics.Event) { events.Add(1) }))
	crossing := third(window)
	if strategy.String() == "tdigest" {
		crossing = blocks(window) // it judges once in a hundredth of the window
	}
	switch state {
	case "healthy", "breached":
		opts = append(opts, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{
			FailureRate: 0.1, Latency: measure.MaxDuration}))
	case "crossing":
		opts = append(opts, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{
			FailureRate: crossing.rate, MinSamples: crossing.minSamples}))
	}
	c := peer.NewNodemetrics(opts...).Collector
	w := &watched{c: c, n: c.Node("node"), events: events}
	switch state {
	case "none", "healthy":
		w.body = successes(w.n, 0)
	case "breached":
		w.body = func(_, from, to int) {
			for range to - from {
				w.n.RecordFailureAs(2*measure.MaxDuration, atomicmetrics.CategoryOther)
			}
		}
	case "crossing":
		w.body = func(_, from, to int) {
			for i := from; i < to; i++ {
				if crossing.fails(i) {
					w.n.RecordFailureAs(time.Millisecond, atomicmetrics.CategoryOther)
				} else {
					w.n.RecordSuccess(time.Millisecond)
				}
			}
		}
	}
	w.body(0, 0, crossing.period*(window/crossing.period+2))
	if err := c.Flush(context.Background()); err != nil {
		return w, err
	}
	w.next = crossing.records
	before := events.Load()
	// A t-digest is judged by who folds it: one that is starved by this goroutine would see the last of the windows alone.
	for from, step := 0, window/10; from < crossing.records; from += step {
		w.body(0, from, min(from+step, crossing.records))
		if err := c.Flush(context.Background()); err != nil {
			return w, err
		}
	}
	raised := events.Load() - before
	m := w.n.Metrics()
	if breached := m.FailureRateBreached && m.LatencyBreached; state != "crossing" && breached != (state == "breached") {
		return w, fmt.Errorf("in state %s: breached is %v", state, breached)
	}
	if state == "crossing" && raised < crossing.events || state != "crossing" && raised != 0 {
		return w, fmt.Errorf("in state %s: %d events of %d records", state, raised, crossing.records)
	}
	return w, nil
}

// pattern is a sequence of executions that carries a window across a threshold of its failure rate again and again.
type pattern struct {
	rate       float64          // the threshold
	minSamples int              // before which nothing is judged: to fill a large window raises no events
	fails      func(i int) bool // whether execution i does
	period     int              // of fails
	records    int              // that many, from a multiple of the period on,
	events     int64            // raise so many events at least
}

// third fails every third time. As neither 100 nor 50,000 is a multiple of three, a window of such a size has in three
// steps one failure more than a third of it, and one less again: two records of three raise an event.
func third(window int) pattern {
	return pattern{rate: (float64(window/3) + 0.5) / float64(window), minSamples: window,
		fails: func(i int) bool { return i%3 == 0 }, period: 3, records: 30, events: 20}
}

// blocks fails a window long and succeeds a window long: two events in as many records, but the last ones may come late.
func blocks(window int) pattern {
	return pattern{rate: 0.5, fails: func(i int) bool { return i/window%2 == 0 }, period: 2 * window,
		records: 4 * window, events: 2}
}
