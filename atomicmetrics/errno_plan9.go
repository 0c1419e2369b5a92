package atomicmetrics

import "syscall"

// errnoCategory reports whether err is an error of the system. Plan 9 has no numbers, only text, and the text of a
// network error arrives inside a *net.OpError, which says what it is.
func errnoCategory(err error) (category Category, ok bool) {
	_, ok = err.(syscall.ErrorString)
	return CategoryOther, ok
}
