package ring

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct {
		name   string
		window int
		watch  *Watch
	}{
		{"window=100", 100, nil},
		{"window=100/watch", 100, newWatch(1<<40, 1<<40)},
		{"window=65536", 65536, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r Ring
			r.Init(c.window, nil, c.watch)
			for b.Loop() {
				r.Record(Success, 1000, 0)
			}
		})
	}
	// One goroutine alone on a spread ring, without and with a clock reading of
	// its own.
	for _, c := range []struct {
		name  string
		end   int64
		watch *Watch
	}{{"spread", 0, nil}, {"spread/end", 1, nil}, {"spread/watch", 0, newWatch(1<<40, 1<<40)}} {
		b.Run(c.name, func(b *testing.B) {
			var r Ring
			r.Init(100, nil, c.watch)
			r.Spread(2)
			end := c.end
			for b.Loop() {
				r.Record(Success, 1000, end)
				end += c.end
			}
		})
	}
	b.Run("add", func(b *testing.B) {
		var a atomic.Uint64
		for b.Loop() {
			a.Add(1)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var r Ring
		r.Init(100, nil, nil)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Record(Success, 1000, 0)
			}
		})
	})
}

// BenchmarkWindow is a read of a window beside a recorder on another core that
// never pauses. rounds/read is how often the reader copied.
func BenchmarkWindow(b *testing.B) {
	for _, window := range []int{100, 1000} {
		for _, shards := range []int{0, 1, 2, 16, 64} {
			for _, recorders := range []int{0, 1} {
				b.Run(fmt.Sprintf("window=%d/shards=%d/recorders=%d", window, shards, recorders), func(b *testing.B) {
					benchmarkWindow(b, window, shards, recorders)
				})
			}
		}
	}
}

func benchmarkWindow(b *testing.B, window, shards, recorders int) {
	var r Ring
	r.Init(window, nil, nil)
	if shards > 0 {
		r.Spread(shards)
		fill(&r, window)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range recorders {
		wg.Go(func() {
			for d := uint64(0); !stop.Load(); d++ {
				r.Record(Success, d, 0)
			}
		})
	}
	for range window {
		r.Record(Success, 1, 0)
	}
	var reader Reader
	rounds := 0
	b.ResetTimer()
	for range b.N {
		reader.Window(&r)
		rounds += reader.rounds
	}
	b.StopTimer()
	b.ReportMetric(float64(rounds)/float64(b.N), "rounds/read")
	stop.Store(true)
	wg.Wait()
}

// fill makes every shard of a spread ring, each with so many samples.
func fill(r *Ring, samples int) {
	c := r.cores.Load()
	for i := range c.shards {
		s := c.newShard(i)
		for d := range samples {
			head := s.head.Load()
			slot := &s.slots[s.slot(head)]
			s.count(Success, uint64(d))
			slot.stamp.Store(uint64(clock.Stamp(clock.Now())))
			slot.sample.Store(uint64(sampleOf(Success, uint64(d))))
			s.head.Store(s.after(head))
		}
		c.shards[i].Store(s)
	}
}
