//go:build nodemetrics_step

package step

import "sync/atomic"

// Hold makes the next goroutine that comes to s stop there. It returns a channel that is closed when one has, and a
// function that lets it go on; others pass. The function also removes the hook if nobody came.
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
