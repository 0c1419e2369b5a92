//go:build unix || js

package atomicmetrics_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestClassifyErrorNumbers(t *testing.T) {
	for want, numbers := range map[atomicmetrics.Category][]syscall.Errno{
		atomicmetrics.CategoryTimeout: {syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EWOULDBLOCK},
		atomicmetrics.CategoryNetwork: {
			syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN,
			syscall.ESHUTDOWN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH,
			syscall.ENETRESET,
		},
		atomicmetrics.CategoryOther: {
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
