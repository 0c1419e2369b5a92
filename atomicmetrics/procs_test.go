package atomicmetrics

import (
	"runtime"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/digest"
)

func TestNothingIsLostWhileGOMAXPROCSGoesUpAndDown(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, opts := range map[string][]Option{
		"exact":  nil,
		"digest": {WithWindowSize(10_000), WithPercentiles(digest.TDigest(100))},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			var changes sync.WaitGroup
			changes.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
						runtime.GOMAXPROCS([]int{1, 3, 2, 16, 5}[i%5])
						runtime.Gosched()
					}
				}
			})
			conserve(t, 7, false, opts...)
			close(done)
			changes.Wait()
		})
	}
}
