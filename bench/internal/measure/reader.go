package measure

import (
	"sync"
	"time"
)

// Reader calls read at once and then at every tick, on a goroutine of its own.
// If every is 0, it reads without pause. Reader returns after the first read,
// so the measurements that follow are beside a reader. The returned function
// ends the reader, waits for its end, and returns how often it read.
func Reader(every time.Duration, read func()) (stop func() (reads int)) {
	var ended sync.WaitGroup
	begun, end := make(chan struct{}), make(chan struct{})
	reads := 0
	ended.Go(func() {
		var ticks <-chan time.Time
		if every > 0 {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			ticks = ticker.C
		} else {
			always := make(chan time.Time)
			close(always)
			ticks = always
		}
		for {
			read()
			if reads++; reads == 1 {
				close(begun)
			}
			select {
			case <-end:
				return
			default:
			}
			select {
			case <-end:
				return
			case <-ticks:
			}
		}
	})
	<-begun
	return func() int {
		close(end)
		ended.Wait()
		return reads
	}
}

// Busy calls body without pause on g goroutines. The function returned ends
// them and waits for them.
func Busy(g int, body Body) (stop func()) {
	var ended sync.WaitGroup
	end := make(chan struct{})
	for worker := range g {
		ended.Go(func() {
			for from := 0; ; from += chunk {
				select {
				case <-end:
					return
				default:
					body(worker, from, from+chunk)
				}
			}
		})
	}
	return func() {
		close(end)
		ended.Wait()
	}
}
