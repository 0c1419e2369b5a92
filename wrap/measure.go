package wrap

import (
	"context"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// measured calls run and records one execution of the node.
func measured[In, Out any](node *atomicmetrics.Node, ignore func(error) bool, run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		timer, done := node.Start(), false
		defer func() {
			if !done { // something below panicked or ended the goroutine; no recover, which would cost the stack
				node.RecordFailureAs(timer.Elapsed(), atomicmetrics.CategoryOther)
			}
			timer.Discard() // what was to be recorded is recorded
		}()
		out, err := run(ctx, in)
		took := timer.Elapsed()
		if err == nil {
			node.RecordSuccess(took)
		} else if err = settled(err); !ignored(ctx, ignore, err) {
			done = true // whatever the classifier does, the call below records
			node.RecordFailure(took, err)
		}
		done = true // only now: ignore is the user's too
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
