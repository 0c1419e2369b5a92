package classify

import "syscall"

// errnoKind returns false for the second result if err is no error of the
// system. Plan 9 has texts in place of numbers. The text of a network error
// arrives inside a *net.OpError, which is a net.Error.
func errnoKind(err error) (kind Kind, ok bool) {
	_, ok = err.(syscall.ErrorString)
	return Other, ok
}
