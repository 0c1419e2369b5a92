package helper

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// BenchmarkPut measures Put with g goroutines at it. The helper is asleep: deliver=blocked, every Put drops; it is at
// work beside the Puts: deliver=free; or each Put finds none and starts one, and waits for it to be done: deliver=each.
func BenchmarkPut(b *testing.B) {
	for _, deliver := range []string{"blocked", "free", "each"} {
		for _, g := range []int{1, 4} {
			b.Run(fmt.Sprintf("deliver=%s/g=%d", deliver, g), func(b *testing.B) {
				benchmarkPut(b, deliver, g)
			})
		}
	}
}

func benchmarkPut(b *testing.B, deliver string, g int) {
	enter, leave := make(chan bool), make(chan bool)
	q := New(1024, func(stay bool) {
		if stay {
			enter <- true
			<-leave
		}
	}, nil)
	if deliver == "blocked" {
		q.Put(true)
		<-enter
		for range 1024 {
			q.Put(false)
		}
		defer func() { leave <- true }()
	}
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range g {
		all.Go(func() {
			for range (b.N + i) / g {
				q.Put(false)
				if deliver == "each" {
					if err := q.Flush(ctx); err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(q.Dropped())/float64(b.N), "dropped/op")
}
