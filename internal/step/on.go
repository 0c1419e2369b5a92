//go:build nodemetrics_step

package step

import "sync/atomic"

// Enabled tells whether this build has steps.
const Enabled = true

var hook atomic.Pointer[func(Step)]

// At calls the hook, if there is one.
func At(s Step) {
	if f := hook.Load(); f != nil {
		(*f)(s)
	}
}

// Hook makes At call f; nil makes it do nothing again.
func Hook(f func(Step)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}
