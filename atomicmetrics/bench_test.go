package atomicmetrics_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

func collector(tb testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New(append([]atomicmetrics.Option{atomicmetrics.WithLogger(zerolog.Nop()),
		atomicmetrics.WithMaxNodes(1 << 20)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// names returns n names of the usual kind.
func names(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("workflow/step-%d", i)
	}
	return s
}

// BenchmarkRecord is one record on a handle by one goroutine. op=add is a single atomic.Add, the yardstick.
func BenchmarkRecord(b *testing.B) {
	failure := context.DeadlineExceeded
	healthy := atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.1, Latency: time.Second})
	for _, op := range []struct {
		name   string
		opts   []atomicmetrics.Option
		record func(n *atomicmetrics.Node)
	}{
		{"op=success", nil, func(n *atomicmetrics.Node) { n.RecordSuccess(time.Millisecond) }},
		{"op=failure", nil, func(n *atomicmetrics.Node) { n.RecordFailure(time.Millisecond, failure) }},
		{"op=failureAs", nil, func(n *atomicmetrics.Node) {
			n.RecordFailureAs(time.Millisecond, atomicmetrics.CategoryTimeout)
		}},
		{"op=retry", nil, func(n *atomicmetrics.Node) { n.RecordRetry(1) }},
		{"op=timer", nil, func(n *atomicmetrics.Node) { n.Start().Stop(nil) }},
		{"op=timer/inFlight=true", []atomicmetrics.Option{atomicmetrics.WithInFlight()},
			func(n *atomicmetrics.Node) { n.Start().Stop(nil) }},
		{"op=timer/inFlight=true/running=1h", []atomicmetrics.Option{atomicmetrics.WithInFlight(),
			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Running: time.Hour})},
			func(n *atomicmetrics.Node) { n.Start().Stop(nil) }},
		{"op=failure/lastFailure=true", []atomicmetrics.Option{atomicmetrics.WithLastFailure()},
			func(n *atomicmetrics.Node) { n.RecordFailure(time.Millisecond, failure) }},
		{"op=success/thresholds=healthy", []atomicmetrics.Option{healthy},
			func(n *atomicmetrics.Node) { n.RecordSuccess(time.Millisecond) }},
		{"op=failureAs/thresholds=breached", []atomicmetrics.Option{healthy},
			func(n *atomicmetrics.Node) { n.RecordFailureAs(2*time.Second, atomicmetrics.CategoryOther) }},
		{"op=failureAs/thresholds=breached/window=50000",
			[]atomicmetrics.Option{healthy, atomicmetrics.WithWindowSize(50_000)},
			func(n *atomicmetrics.Node) { n.RecordFailureAs(2*time.Second, atomicmetrics.CategoryOther) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			n := collector(b, op.opts...).Node("n")
			b.ReportAllocs()
			for b.Loop() {
				op.record(n)
			}
		})
	}
	b.Run("op=add", func(b *testing.B) {
		var word atomic.Uint64
		for b.Loop() {
			word.Add(1)
		}
	})
}

// BenchmarkRecordByName is one record by name, the names in random order. The
// order is so long that no branch predictor learns it.
func BenchmarkRecordByName(b *testing.B) {
	for _, n := range []int{1, 64, 10_000, 100_000} {
		b.Run(fmt.Sprintf("names=%d", n), func(b *testing.B) {
			c, all := collector(b), names(n)
			for _, name := range all {
				c.RecordSuccess(name, 1)
			}
			order := make([]uint32, 1<<20)
			for i := range order {
				order[i] = rand.Uint32N(uint32(n))
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				c.RecordSuccess(all[order[i%len(order)]], time.Millisecond)
				i++
			}
		})
	}
}

// BenchmarkRecordContended is one record on one handle that all processors share, without and with about a microsecond
// of own work between records; its work=1us/record=false is that work alone.
func BenchmarkRecordContended(b *testing.B) {
	for _, work := range []struct {
		name  string
		turns int
	}{{"work=0", 0}, {"work=1us", 500}} {
		for _, record := range []bool{true, false} {
			if work.turns == 0 && !record {
				continue
			}
			b.Run(fmt.Sprintf("%s/record=%v", work.name, record), func(b *testing.B) {
				n := collector(b).Node("n")
				b.RunParallel(func(pb *testing.PB) {
					own := uint64(1)
					for pb.Next() {
						for range work.turns {
							own ^= own << 13
							own ^= own >> 7
							own ^= own << 17
						}
						if record {
							n.RecordSuccess(time.Millisecond)
						}
					}
					spent.Add(own)
				})
			})
		}
	}
}

// spent keeps the compiler from leaving out the work.
var spent atomic.Uint64

// BenchmarkRecordLatency is the time of single records, less what reading the clock takes, as quantiles in nanoseconds;
// with reader=true while a snapshot is taken every millisecond.
func BenchmarkRecordLatency(b *testing.B) {
	large := []atomicmetrics.Option{atomicmetrics.WithWindowSize(1_000_000),
		atomicmetrics.WithPercentiles(digest.TDigest(100))}
	for _, c := range []struct {
		name   string
		reader bool
		opts   []atomicmetrics.Option
	}{
		{"strategy=exact/window=100/reader=true", true, nil},
		{"strategy=exact/window=65536/reader=true", true, []atomicmetrics.Option{atomicmetrics.WithWindowSize(65_536)}},
		{"strategy=tdigest/window=1000000/reader=true", true, large},
		{"strategy=tdigest/window=1000000/reader=false", false, large},
	} {
		b.Run(c.name, func(b *testing.B) {
			metrics := collector(b, c.opts...)
			n := metrics.Node("n")
			done := make(chan struct{})
			defer close(done)
			go func() {
				if !c.reader {
					return
				}
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						metrics.Snapshot()
					}
				}
			}()
			taken := make([]uint32, 100_000) // by nanosecond; the last is for all that took longer
			clock := time.Duration(math.MaxInt64)
			for range 1000 {
				start := time.Now()
				clock = min(clock, time.Since(start))
			}
			i := uint64(0)
			for b.Loop() {
				i = i*6364136223846793005 + 1442695040888963407
				start := time.Now()
				n.RecordSuccess(time.Duration(i >> 40))
				taken[min(max(time.Since(start)-clock, 0), time.Duration(len(taken)-1))]++
			}
			for _, q := range []float64{0.5, 0.99, 0.999, 0.9999} {
				rank, at := uint64(q*float64(b.N)), 0
				for below := uint64(taken[0]); below < rank && at < len(taken)-1; below += uint64(taken[at]) {
					at++
				}
				b.ReportMetric(float64(at), fmt.Sprintf("p%v-ns", 100*q))
			}
		})
	}
}

// BenchmarkRead is a read of one node with a full window.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		strategy digest.Strategy
		window   int
	}{
		{digest.Exact(), 100}, {digest.Exact(), 1000}, {digest.Exact(), 65_536},
		{digest.TDigest(100), 65_536}, {digest.TDigest(100), 1_000_000},
	} {
		b.Run(fmt.Sprintf("strategy=%v/window=%d", c.strategy, c.window), func(b *testing.B) {
			metrics := collector(b, atomicmetrics.WithWindowSize(c.window), atomicmetrics.WithPercentiles(c.strategy))
			n := metrics.Node("n")
			for i := range c.window {
				n.RecordSuccess(time.Duration(i * 7919 % 10_007))
			}
			if err := metrics.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				n.Metrics()
			}
		})
	}
}

// BenchmarkSnapshot is a snapshot of nodes with full windows.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			c := collector(b)
			for _, name := range names(n) {
				for i := range 100 {
					c.RecordSuccess(name, time.Duration(i*7919%10_007))
				}
			}
			for b.Loop() {
				c.Snapshot()
			}
		})
	}
}
