package wrap

import (
	"context"
	"time"
)

// limited calls run with a context that ends after timeout, and when run
// returns.
func limited[In, Out any](timeout time.Duration, run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		if ctx == nil {
			ctx = context.Background() // a nil context cannot be derived from
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return run(ctx, in)
	}
}
