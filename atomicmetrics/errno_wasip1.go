package atomicmetrics

import "syscall"

// errnoCategory is the one of errno_unix.go for a system that lacks ESHUTDOWN and EHOSTDOWN.
func errnoCategory(err error) (category Category, ok bool) {
	errno, ok := err.(syscall.Errno)
	switch errno {
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
		syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENETRESET:
		return CategoryNetwork, ok
	}
	return CategoryOther, ok
}
