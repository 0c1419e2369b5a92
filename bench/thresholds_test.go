package bench

import (
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
					watched := sync.OnceValue(func() watched { return watch(b, state, strategy, window) })
					b.Run(fmt.Sprintf("state=%s/strategy=%v/window=%d/impl=%s/g=%s/work=0", state, strategy, window, impl, g),
						func(b *testing.B) {
							w := watched()
							run(b, impl, g, "0", func(int) measure.Body { return w.body })
						})
				}
			}
		}
	}
}

// watch makes a node in a state and holds it to it: a benchmark of a breach that there is not would say nothing.
func watch(b *testing.B, state string, strategy digest.Strategy, window int) watched {
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
		opts = append(opts, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: crossing.rate}))
	}
	c := peer.NewNodemetrics(opts...).Collector
	w := watched{c: c, n: c.Node("node"), events: events}
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
	fill := crossing.period * (window*5/4/crossing.period + 1)
	w.body(0, 0, fill)
	flush(b, c)
	before := events.Load()
	w.body(0, 0, crossing.records)
	flush(b, c)
	raised := events.Load() - before
	m := w.n.Metrics()
	if breached := m.FailureRateBreached && m.LatencyBreached; state != "crossing" && breached != (state == "breached") {
		b.Fatalf("in state %s: breached is %v", state, breached)
	}
	if state == "crossing" && raised != crossing.events || state != "crossing" && raised != 0 {
		b.Fatalf("in state %s: %d events of %d records", state, raised, crossing.records)
	}
	return w
}

// pattern is a sequence of executions that carries a window across a threshold of its failure rate again and again.
type pattern struct {
	rate    float64          // the threshold
	fails   func(i int) bool // whether execution i does
	period  int              // of fails
	records int              // that many, from a multiple of the period on,
	events  int64            // raise so many events
}

// third fails every third time. As neither 100 nor 50,000 is a multiple of three, a window of such a size has in three
// steps one failure more than a third of it, and one less again: two records of three raise an event.
func third(window int) pattern {
	return pattern{rate: (float64(window/3) + 0.5) / float64(window),
		fails: func(i int) bool { return i%3 == 0 }, period: 3, records: 300, events: 200}
}

// blocks fails a window long and succeeds a window long: two events in as many records.
func blocks(window int) pattern {
	return pattern{rate: 0.5, fails: func(i int) bool { return i/window%2 == 0 }, period: 2 * window,
		records: 4 * window, events: 4}
}
