package ring

import (
	"sync/atomic"
	"testing"
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
			r.Init(c.window, c.watch)
			for b.Loop() {
				r.Record(Success, 1000)
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
		r.Init(100, nil)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Record(Success, 1000)
			}
		})
	})
}
