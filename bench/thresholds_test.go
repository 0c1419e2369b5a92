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

// watched is a node with thresholds, whose window is full, and what is recorded
// in it.
type watched struct {
	next   int // the next execution of the pattern
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
					if state == "crossing" && g != "1" {
						continue // the pattern is one goroutine's
					}
					made := sync.OnceValues(func() (*watched, error) { return watch(state, strategy, window, false) })
					b.Run(fmt.Sprintf("state=%s/strategy=%v/window=%d/impl=nodemetrics/g=%s/work=0", state, strategy, window, g),
						func(b *testing.B) {
							w, err := made()
							if err != nil {
								b.Fatal(err)
							}
							if state == "crossing" && strategy == digest.Exact() && window > digest.SmallWindow {
								w.cross(b)
								return
							}
							run(b, g, "0", func(int) measure.Body { return w.body })
						})
				}
			}
		}
	}
	for _, state := range []string{"none", "healthy", "breached"} {
		made := sync.OnceValues(func() (*watched, error) { return watch(state, digest.Exact(), 100, true) })
		b.Run(fmt.Sprintf("state=%s/strategy=exact/window=100/node=spread/impl=nodemetrics/g=1/work=0", state), func(b *testing.B) {
			w, err := made()
			if err != nil {
				b.Fatal(err)
			}
			run(b, "1", "0", func(int) measure.Body { return w.body })
		})
	}
	for _, window := range []int{100, 1000, 50_000} {
		for _, state := range []string{"below", "at", "beyond"} {
			for _, node := range []string{"unspread", "spread"} {
				g := map[string]string{"unspread": "1", "spread": "cores"}[node]
				made := sync.OnceValues(func() (*watched, error) {
					return watch(state, digest.Exact(), window, node == "spread")
				})
				b.Run(fmt.Sprintf("state=%s/strategy=exact/window=%d/node=%s/impl=nodemetrics/g=%s/work=0", state, window, node, g),
					func(b *testing.B) {
						w, err := made()
						if err != nil {
							b.Fatal(err)
						}
						w.near(b, g)
					})
			}
		}
	}
}

// near measures records on average, and single ones. They go on with the
// pattern where the last run ended.
func (w *watched) near(b *testing.B, g string) {
	next := w.next
	run(b, g, "0", func(int) measure.Body {
		return func(worker, from, to int) { w.body(worker, next+from, next+to) }
	})
	next += b.N
	singles := max(b.N/4, fewest)
	l := measure.Single(singles, goroutines(g), func(i int) { w.body(0, next+i, next+i+1) })
	w.next = next + singles
	b.ReportMetric(float64(l.Percentile(99.9)), "p99.9-ns")
}

// mostCrossing is how many records of a node with a large window that raises
// events are measured at most: each reads the window.
const mostCrossing = 3000

// cross measures records of which two in three raise an event. They go on with
// the pattern where the last ended.
func (w *watched) cross(b *testing.B) {
	n := min(b.N, mostCrossing)
	b.ReportAllocs()
	b.ResetTimer()
	w.body(0, w.next, w.next+n)
	b.StopTimer()
	w.next += n
	b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/op")
}

// watch makes a node in a state and holds it to it, because a benchmark of a
// breach without a breach says nothing.
func watch(state string, strategy digest.Strategy, window int, spread bool) (*watched, error) {
	opts := []atomicmetrics.Option{atomicmetrics.WithPercentiles(strategy), atomicmetrics.WithWindowSize(window)}
	events := new(atomic.Int64)
	opts = append(opts, atomicmetrics.OnEvent(func(atomicmetrics.Event) { events.Add(1) }))
	p := pattern{period: 1, records: 3 * window, fails: func(int) bool { return false }}
	switch state {
	case "crossing":
		p = third(window)
		if strategy.String() == "tdigest" {
			p = blocks(window) // it judges once in a hundredth of the window
		}
	case "below", "at", "beyond":
		p = quarter(window, state)
	}
	if state == "healthy" || state == "breached" {
		p.rate = 0.1
	}
	if p.rate > 0 {
		opts = append(opts, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{
			FailureRate: p.rate, Latency: measure.MaxDuration, MinSamples: p.minSamples}))
	}
	c := peer.NewNodemetrics(opts...).Collector
	w := &watched{c: c, n: c.Node("node"), events: events}
	if spread {
		if err := spreadNode(c, w.n); err != nil {
			return w, err
		}
	}
	switch state {
	case "none", "healthy":
		w.body = successes(w.n, 0)
	case "breached":
		w.body = func(_, from, to int) {
			for range to - from {
				w.n.RecordFailureAs(2*measure.MaxDuration, atomicmetrics.CategoryOther)
			}
		}
	default:
		w.body = func(_, from, to int) {
			for i := from; i < to; i++ {
				if p.fails(i) {
					w.n.RecordFailureAs(time.Millisecond, atomicmetrics.CategoryOther)
				} else {
					w.n.RecordSuccess(time.Millisecond)
				}
			}
		}
	}
	w.body(0, 0, p.period*(window/p.period+2))
	if err := c.Flush(context.Background()); err != nil {
		return w, err
	}
	w.next = p.records
	before := events.Load()
	// A t-digest is judged by who folds it: one that is starved by this
	// goroutine would see the last of the windows alone.
	for from, step := 0, window/10; from < p.records; from += step {
		w.body(0, from, min(from+step, p.records))
		if err := c.Flush(context.Background()); err != nil {
			return w, err
		}
	}
	raised := events.Load() - before
	m := w.n.Metrics()
	if want := state == "breached" || state == "beyond"; state != "crossing" && m.FailureRateBreached != want {
		return w, fmt.Errorf("in state %s: the failure rate is in breach: %v", state, m.FailureRateBreached)
	}
	if m.LatencyBreached != (state == "breached") {
		return w, fmt.Errorf("in state %s: the latency is in breach: %v", state, m.LatencyBreached)
	}
	if state == "crossing" && raised < p.events || state != "crossing" && raised != 0 {
		return w, fmt.Errorf("in state %s: %d events of %d records", state, raised, p.records)
	}
	return w, nil
}

// pattern is a sequence of executions that carries a window across a threshold
// of its failure rate again and again.
type pattern struct {
	rate float64 // the threshold
	// Before which nothing is judged: to fill a large window raises no events.
	minSamples int
	fails      func(i int) bool // whether execution i does
	period     int              // of fails
	records    int              // that many, from a multiple of the period on,
	events     int64            // raise so many events at least
}

// third fails every third time. As neither 100 nor 50,000 is a multiple of
// three, a window of such a size has in three steps one failure more than a
// third of it, and one less again: two records of three raise an event.
func third(window int) pattern {
	return pattern{rate: (float64(window/3) + 0.5) / float64(window), minSamples: window,
		fails: func(i int) bool { return i%3 == 0 }, period: 3, records: 30, events: 20}
}

// blocks fails a window long and succeeds a window long: two events in as many
// records, but the last ones may come late.
func blocks(window int) pattern {
	return pattern{rate: 0.5, fails: func(i int) bool { return i/window%2 == 0 }, period: 2 * window,
		records: 4 * window, events: 2}
}

// quarter fails every fourth time. A window is a multiple of four, so it always
// has the same number of failures. The threshold is at one failure more in
// state below, at this number in state at, and at one failure less in state
// beyond.
func quarter(window int, state string) pattern {
	failures := window/4 + map[string]int{"below": 1, "at": 0, "beyond": -1}[state]
	return pattern{rate: float64(failures) / float64(window), minSamples: window,
		fails: func(i int) bool { return i%4 == 0 }, period: 4, records: 3 * window}
}
