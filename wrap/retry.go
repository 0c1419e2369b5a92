package wrap

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Retry says when a failed attempt is followed by another. No retry starts once the caller's context has ended, and
// none follows an error with a *backoff.PermanentError in it, whatever If says.
//
// Of the backoff library the policies serve, not its Retry: that returns the context's error in the place of the
// node's, and gives up after 15 minutes.
type Retry struct {
	// MaxAttempts is how many attempts there are at most, the first included: at least 1.
	MaxAttempts int

	// Backoff makes the policy that says how long to wait before each retry; backoff.Stop ends the retries. It is called
	// once in each call that gets as far as a first retry, and the policy is reset before use. Policies have state: one
	// that several calls share has to be safe for that. Nil, and a Backoff that returns nil, stand for
	// backoff.NewExponentialBackOff: half a second at first, half as much again each time, at random up to half more or
	// less.
	//
	// An error with a *backoff.RetryAfterError in it sets the wait before the next attempt by itself, and resets the
	// policy, as it does in the library. The policy is asked first, and may still say backoff.Stop.
	Backoff func() backoff.BackOff

	// If reports whether an attempt that failed with an error may be followed by another. Nil means every error. It is
	// not asked where there is no retry anyway: after the last attempt, about a permanent error, and when the caller's
	// context has ended. The deadline of an attempt is an error like any other.
	If func(error) bool
}

// retried calls run until it succeeds or r has enough of it, and records the retries.
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

// again reports whether err is one to retry after.
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

// next returns how long to wait before the retry after err; false when there is to be none.
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
	return ended(ctx) == nil // asked even if the timer was first: both may have happened
}
