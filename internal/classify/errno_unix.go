//go:build unix || js

package classify

import "syscall"

// errnoKind returns the kind of an error number, and whether err is an error
// number. The caller has ruled out a timeout by its method.
func errnoKind(err error) (kind Kind, ok bool) {
	errno, ok := err.(syscall.Errno)
	switch errno {
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
		syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.ENETRESET:
		return Network, ok
	}
	return Other, ok
}
