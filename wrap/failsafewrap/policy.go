package failsafewrap

import (
	"errors"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/common"
	failsafepolicy "github.com/failsafe-go/failsafe-go/policy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where a policy records executions, and which executions the
// policy leaves out.
type Config struct {
	// Node takes the records. With a nil Node everything runs the same,
	// unmeasured.
	Node *atomicmetrics.Node

	// Ignore reports whether an error is no verdict on the node. The policy
	// then records no execution. The policy asks Ignore about the error of the
	// execution. If the execution's context has ended, the policy asks about
	// that context's Err too, unless a timeout policy ended the context. The
	// policy does not ask about a success or a panic. Several goroutines may
	// call Ignore at once. Nil means wrap.Canceled.
	Ignore func(error) bool
}

// Policy returns a policy that records the executions within it. The policy is
// safe for concurrent use. Executors that share a policy record into one node.
func Policy[R any](cfg Config) failsafe.Policy[R] {
	if cfg.Ignore == nil {
		cfg.Ignore = wrap.Canceled
	}
	return policy[R]{cfg}
}

type policy[R any] struct{ Config }

// ToExecutor returns the executor, which an Executor of failsafe-go asks for.
func (p policy[R]) ToExecutor(R) any { return executor[R](p) }

type executor[R any] struct{ Config }

// Apply returns within, measured.
func (e executor[R]) Apply(within func(failsafe.Execution[R]) *common.PolicyResult[R]) func(failsafe.Execution[R]) *common.PolicyResult[R] {
	if e.Node == nil {
		return within
	}
	return func(exec failsafe.Execution[R]) (result *common.PolicyResult[R]) {
		before := exec.Retries()
		defer func() {
			for retry := range exec.Retries() - before {
				e.Node.RecordRetry(retry + 1)
			}
		}()
		var err error
		_ = e.Node.DoIgnoring(
			func(error) bool {
				return e.Ignore(err) || !exceeded(err) && exec.IsCanceled() && e.Ignore(exec.Context().Err())
			},
			func() error {
				result = within(exec)
				// only its text tells of a timeout
				if err = verdict(exec, result.Error); exceeded(err) {
					return atomicmetrics.Categorize(err, atomicmetrics.CategoryTimeout)
				}
				return err
			})
		return result
	}
}

// verdict returns the error that the caller of the executor gets from an
// execution that ended with err. If a timeout policy outside has canceled the
// execution, verdict returns that policy's error and not the function's.
func verdict[R any](exec failsafe.Execution[R], err error) error {
	canceled, outside := exec.(failsafepolicy.ExecutionInternal[R]).IsCanceledWithResult()
	if canceled && exceeded(outside.Error) {
		return outside.Error
	}
	return err
}

// exceeded reports whether err is the error of a timeout policy.
func exceeded(err error) bool { return errors.Is(err, timeout.ErrExceeded) }
