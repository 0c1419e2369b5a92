//go:build nodemetrics_step

package step

import "sync/atomic"

// Hold makes the next goroutine that comes to s stop there. Later goroutines
// pass. Hold returns a channel, which is closed when the goroutine has stopped,
// and a function, which lets the goroutine go on. If no goroutine came, the
// function removes the hook.
func Hold(s Step) (held <-chan struct{}, release func()) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	var taken atomic.Bool
	Hook(func(at Step) {
		if at == s && taken.CompareAndSwap(false, true) {
			close(arrived)
			<-proceed
		}
	})
	return arrived, func() {
		Hook(nil)
		close(proceed)
	}
}
