//go:build unix || js

package atomicmetrics

import "syscall"

// errnoCategory reports whether err is an error number of the system, and what it speaks of. A timeout has been ruled
// out before, by the method.
func errnoCategory(err error) (category Category, ok bool) {
	errno, ok := err.(syscall.Errno)
	switch errno {
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
		syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.ENETRESET:
		return CategoryNetwork, ok
	}
	return CategoryOther, ok
}
