package classify_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/classify"
)

func TestClassifyErrorNumbers(t *testing.T) {
	for want, numbers := range map[classify.Kind][]syscall.Errno{
		classify.Timeout: {syscall.ETIMEDOUT, 10060},
		classify.Network: {
			syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
			syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
			syscall.ENETRESET,
			10050, 10051, 10052, 10053, 10054, 10057, 10058, 10061, 10064, 10065, 64, 109, 232,
		},
		classify.Other: {
			0, syscall.ERROR_FILE_NOT_FOUND, syscall.ERROR_PATH_NOT_FOUND, syscall.ERROR_ACCESS_DENIED,
			syscall.ERROR_ALREADY_EXISTS, syscall.ENOENT, syscall.EINVAL, syscall.WSAEACCES,
		},
	} {
		for _, number := range numbers {
			checkClassified(t, []classified{
				{number.Error(), number, want},
				{number.Error() + " of a file", &fs.PathError{Op: "write", Path: "a", Err: number}, want},
				{number.Error() + " of a call", os.NewSyscallError("connect", number), want},
			})
		}
	}
}
