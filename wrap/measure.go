package wrap

import (
	"context"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// measured calls run and records one execution of the node.
func measured[In, Out any](node *atomicmetrics.Node, ignore func(error) bool, run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (out Out, err error) {
		err = node.DoIgnoring(
			func(err error) bool { return ignored(ctx, ignore, err) },
			func() error {
				out, err = run(ctx, in)
				return settled(err)
			})
		return out, err
	}
}

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
