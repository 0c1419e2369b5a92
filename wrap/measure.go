package wrap

import (
	"context"
	"errors"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// measured calls run and records one execution of the node.
func measured[In, Out any](node *atomicmetrics.Node, ignore func(error) bool, run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (out Out, err error) {
		_ = node.DoIgnoring(
			func(error) bool { return ignored(ctx, ignore, err) },
			func() error {
				out, err = run(ctx, in)
				err = settled(err)
				return asTimeout(ctx, err)
			})
		return out, err
	}
}

// asTimeout returns err as a timeout if the deadline of ctx has passed and err
// is its cause, as of context.WithTimeoutCause. Such a cause may be an error of
// any kind. asTimeout returns any other error unchanged.
func asTimeout(ctx context.Context, err error) error {
	if err == nil || ended(ctx) != context.DeadlineExceeded {
		return err
	}
	if cause := context.Cause(ctx); cause == context.DeadlineExceeded || !is(err, cause) {
		return err
	}
	return timeoutError{err}
}

// is is errors.Is, but false if a method of an error panics.
func is(err, target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// timeoutError is an error that is a timeout, unless the wrapped error carries
// a category.
type timeoutError struct{ error }

func (e timeoutError) Unwrap() error { return e.error }
func (timeoutError) Timeout() bool   { return true }

// ignored reports whether a call that returned err is not to be recorded.
func ignored(ctx context.Context, ignore func(error) bool, err error) bool {
	if ignore == nil {
		return false
	}
	if ignore(err) {
		return true
	}
	cause := ended(ctx)
	return cause != nil && ignore(cause)
}
