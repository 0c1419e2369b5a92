package classify

import "syscall"

// errnoKind does as in errno_unix.go. This system has neither ESHUTDOWN nor
// EHOSTDOWN.
func errnoKind(err error) (kind Kind, ok bool) {
	errno, ok := err.(syscall.Errno)
	switch errno {
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
		syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENETRESET:
		return Network, ok
	}
	return Other, ok
}
