package wrap

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Retry says when a node tries again after a failed attempt. The node makes no
// retry after the caller's context has ended. Nor does it after an error with a
// *backoff.PermanentError in it, and then it does not ask If.
//
// The node uses the policies of the backoff library, but not its Retry. That
// function returns the context's error in the place of the node's, and gives up
// after 15 minutes.
type Retry struct {
	// MaxAttempts is the largest number of attempts, the first included. It
	// must be at least 1.
	MaxAttempts int

	// Backoff returns the policy that says how long to wait before each retry.
	// backoff.Stop ends the retries. Each call that gets to a first retry calls
	// Backoff once, and resets the policy before use. Policies have state. If
	// several calls share a policy, the policy must be safe for concurrent use.
	// Nil, and a Backoff that returns nil, stand for
	// backoff.NewExponentialBackOff. Its first wait is half a second, and each
	// wait is half as long again, at random up to half more or less.
	//
	// An error with a *backoff.RetryAfterError in it sets the wait before the
	// next attempt, and resets the policy, as in the library. The call asks the
	// policy first, which may still say backoff.Stop.
	Backoff func() backoff.BackOff

	// If reports whether the node may try again after an attempt failed with
	// this error. Nil means every error. The call does not ask after the last
	// attempt, about a permanent error, or when the caller's context has ended.
	// The deadline of an attempt is an error like any other.
	If func(error) bool
}

// retried calls run until run succeeds or r allows no further attempt. It
// records the retries.
func retried[In, Out any](r Retry, node *atomicmetrics.Node, run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		var policy backoff.BackOff
		for attempt := 1; ; attempt++ {
			out, err := run(ctx, in)
			if err == nil || attempt == r.MaxAttempts || !r.again(ctx, err) {
				return out, err
			}
			if policy == nil {
				policy = r.policy()
			}
			if wait, ok := next(policy, err); !ok || !pause(ctx, wait) {
				return out, err
			}
			node.RecordRetry(attempt)
		}
	}
}

// again reports whether r allows a retry after err.
func (r *Retry) again(ctx context.Context, err error) bool {
	if ended(ctx) != nil {
		return false
	}
	if permanent := new(*backoff.PermanentError); errors.As(err, permanent) {
		return false
	}
	return r.If == nil || r.If(err)
}

// policy returns a policy for one call.
func (r *Retry) policy() (p backoff.BackOff) {
	if r.Backoff != nil {
		p = r.Backoff()
	}
	if p == nil {
		p = backoff.NewExponentialBackOff()
	}
	p.Reset()
	return p
}

// next returns how long to wait before the retry after err; false when there is
// to be none.
func next(policy backoff.BackOff, err error) (time.Duration, bool) {
	wait := policy.NextBackOff()
	if wait == backoff.Stop {
		return 0, false
	}
	var after *backoff.RetryAfterError
	if errors.As(err, &after) && after != nil {
		wait = after.Duration
		policy.Reset()
	}
	return wait, true
}

// pause waits for d, or until ctx ends, and reports whether ctx has not.
func pause(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		var over <-chan struct{}
		if ctx != nil {
			over = ctx.Done()
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-over:
		}
	}
	// checked even if the timer fired first, because both may have happened
	return ended(ctx) == nil
}
