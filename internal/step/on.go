//go:build nodemetrics_step

package step

import "sync/atomic"

// Enabled tells whether this build has steps.
const Enabled = true

var hook atomic.Pointer[func(Step)]

// At calls the hook, if there is a hook.
func At(s Step) {
	if f := hook.Load(); f != nil {
		(*f)(s)
	}
}

// Hook makes At call f. A nil f makes At do nothing again.
func Hook(f func(Step)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}

var pick atomic.Pointer[func(id int) int]

// Core returns id as Pick's function changes it, or id itself if there is no
// function.
func Core(id int) int {
	if f := pick.Load(); f != nil {
		return (*f)(id)
	}
	return id
}

// Pick makes Core call f. A nil f makes Core return its argument again.
func Pick(f func(id int) int) {
	if f == nil {
		pick.Store(nil)
		return
	}
	pick.Store(&f)
}
