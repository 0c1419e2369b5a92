//go:build unix || js

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
		classify.Timeout: {syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EWOULDBLOCK},
		classify.Network: {
			syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
			syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
			syscall.ENETRESET,
		},
		classify.Other: {
			0, syscall.ENOENT, syscall.EEXIST, syscall.EACCES, syscall.EPERM, syscall.EINVAL, syscall.EIO, syscall.EINTR,
			syscall.ENOSPC, syscall.EMFILE, syscall.ENOMEM, syscall.ENOSYS, syscall.EBADF,
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
