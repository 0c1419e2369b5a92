package classify

import "syscall"

// errnoKind returns the kind of an error number, and whether err is an error
// number. The names are numbers that package syscall made up for programs
// written for Unix. The system returns the numbers of Winsock and, for pipes,
// of Win32. The method Timeout does not know WSAETIMEDOUT.
func errnoKind(err error) (kind Kind, ok bool) {
	errno, ok := err.(syscall.Errno)
	switch errno {
	case 10060: // WSAETIMEDOUT
		return Timeout, ok
	case syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
		syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.ENETRESET,
		10050,                         // WSAENETDOWN
		10051,                         // WSAENETUNREACH
		10052,                         // WSAENETRESET
		syscall.WSAECONNABORTED,       // 10053
		syscall.WSAECONNRESET,         // 10054
		10057,                         // WSAENOTCONN
		10058,                         // WSAESHUTDOWN
		10061,                         // WSAECONNREFUSED
		10064,                         // WSAEHOSTDOWN
		10065,                         // WSAEHOSTUNREACH
		syscall.ERROR_NETNAME_DELETED, // 64, for a connection that was reset
		// 109, and ERROR_NO_DATA, for a pipe whose far end is closed.
		syscall.ERROR_BROKEN_PIPE, 232:
		return Network, ok
	}
	return Other, ok
}
