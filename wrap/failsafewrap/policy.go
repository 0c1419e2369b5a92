package failsafewrap

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/common"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where executions are recorded and which are left out.
type Config struct {
	// Node takes the records. With a nil Node everything runs the same, unmeasured.
	Node *atomicmetrics.Node

	// Ignore reports whether an error is no verdict on the node, so that the execution is not recorded at all. It is asked
	// about the error that comes out and, if the execution's context has ended, about that context's Err too. It is not
	// asked about a success or a panic. It may be called by several goroutines at once. Nil means wrap.Canceled.
	Ignore func(error) bool
}

// Policy returns a policy that records what is within it. It is safe for concurrent use and for any number of executors,
// which then record into one node.
func Policy[R any](cfg Config) failsafe.Policy[R] {
	if cfg.Ignore == nil {
		cfg.Ignore = wrap.Canceled
	}
	return policy[R]{cfg}
}

type policy[R any] struct{ Config }

// ToExecutor is how failsafe-go asks a policy for what it does.
func (p policy[R]) ToExecutor(R) any { return executor[R](p) }

type executor[R any] struct{ Config }

// Apply returns within, measured.
func (e executor[R]) Apply(within func(failsafe.Execution[R]) *common.PolicyResult[R]) func(failsafe.Execution[R]) *common.PolicyResult[R] {
	if e.Node == nil {
		return within
	}
	return func(exec failsafe.Execution[R]) *common.PolicyResult[R] {
		timer, before, done := e.Node.Start(), exec.Retries(), false
		defer func() {
			for retry := range exec.Retries() - before {
				e.Node.RecordRetry(retry + 1)
			}
			if !done { // a panic, or the end of the goroutine; no recover, which would cost the stack
				e.Node.RecordFailureAs(timer.Elapsed(), atomicmetrics.CategoryOther)
			}
			timer.Discard() // what was to be recorded is recorded
		}()
		result := within(exec)
		took := timer.Elapsed()
		recorded := !e.ignores(exec.Context(), result.Error)
		done = true // only now: Ignore is the user's too. Whatever the classifier does, the call below records
		if recorded {
			e.record(took, result.Error)
		}
		return result
	}
}

// ignores reports whether an execution that ended with err is not to be recorded.
func (c *Config) ignores(ctx context.Context, err error) bool {
	return err != nil && (c.Ignore(err) || ctx.Err() != nil && c.Ignore(ctx.Err()))
}

// record records an execution that ended with err.
func (c *Config) record(took time.Duration, err error) {
	switch {
	case err == nil:
		c.Node.RecordSuccess(took)
	case errors.Is(err, timeout.ErrExceeded): // whose text alone tells
		c.Node.RecordFailure(took, atomicmetrics.Categorize(err, atomicmetrics.CategoryTimeout))
	default:
		c.Node.RecordFailure(took, err)
	}
}
