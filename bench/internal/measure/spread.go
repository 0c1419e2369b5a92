package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// chunk is how many calls a goroutine takes at once. Taking so many costs
// nothing beside the calls.
const chunk = 1000

// Body makes the calls [from, to). Several goroutines share the calls, and
// worker is the number of the goroutine, from 0.
type Body func(worker, from, to int)

// Spread makes n calls on g goroutines that run at the same time. It returns
// the time from the moment when all goroutines were ready until all calls were
// made. A goroutine that is done takes more calls, so nobody waits for a
// goroutine that was held up.
func Spread(n, g int, body Body) time.Duration {
	if g == 1 {
		start := Now()
		body(0, 0, n)
		return Now() - start
	}
	var taken atomic.Int64
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	size := max(1, min(chunk, n/(4*g)))
	ready.Add(g)
	for worker := range g {
		done.Go(func() {
			ready.Done()
			<-begin
			for {
				to := int(taken.Add(int64(size)))
				from := to - size
				if from >= n {
					return
				}
				body(worker, from, min(to, n))
			}
		})
	}
	ready.Wait()
	start := Now()
	close(begin)
	done.Wait()
	return Now() - start
}

// OnCore returns the time of a call of Spread on its core, in nanoseconds. At
// most cores of the goroutines run at once.
func OnCore(took time.Duration, calls, g, cores int) float64 {
	return float64(took) * float64(min(g, cores)) / float64(calls)
}
