package wrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Config says how a node runs and where it is recorded. Node copies the Config
// and its Retry, so a later change of them has no effect.
type Config struct {
	// Name is the node's name in the collector. It may be any string but "".
	Name string

	// Collector takes the records. With a nil Collector the node runs the same,
	// but unmeasured. It then reads no clock and does not ask Ignore.
	Collector *atomicmetrics.Collector

	// Retry says when the node tries again. Nil means one attempt.
	Retry *Retry

	// Timeout is how long each attempt may take, and 0 means no limit. It sets
	// a deadline on the attempt's context. The function has to heed the
	// deadline, because nothing interrupts it. The context ends when the
	// attempt returns. So does everything that the function tied to that
	// context, such as an open stream or the body of a response.
	Timeout time.Duration

	// Ignore reports whether an error is no verdict on the node. The execution
	// is then not recorded, and counts in [atomicmetrics.Snapshot.Ignored]. The
	// node asks about the error that the call returns. If the caller's context
	// has ended, the node asks about that context's Err too, because a canceled
	// function may return an error of its own. The node does not ask about a
	// success. Nil ignores nothing. Several goroutines may call Ignore at once.
	Ignore func(error) bool
}

// Func is a function that can be a node. It takes a context and an input.
type Func[In, Out any] = func(context.Context, In) (Out, error)

// Node returns fn wrapped, so that every call is recorded under cfg.Name, with
// the timeout and the retries of cfg. Node looks the name up in the collector
// once, and the name takes its place there. The returned function is safe for
// concurrent use if fn and the functions in cfg are. It passes a nil context on
// to fn, and treats it as a context that never ends.
//
// An empty name, a nil function, MaxAttempts below 1 and a negative timeout are
// errors. Node returns one error with a line for each, which names the node.
func Node[In, Out any](cfg Config, fn Func[In, Out]) (Func[In, Out], error) {
	if err := check(cfg, fn == nil); err != nil {
		return nil, err
	}
	node := cfg.Collector.Node(cfg.Name)
	run := fn
	if cfg.Timeout > 0 {
		run = limited(cfg.Timeout, run)
	}
	if cfg.Retry != nil {
		run = retried(*cfg.Retry, node, run)
	}
	if node == nil {
		return unmeasured(run), nil
	}
	return measured(node, cfg.Ignore, run), nil
}

// MustNode is shorthand for [Node] that panics with the error. It is for
// package variables and for programs that start up.
func MustNode[In, Out any](cfg Config, fn Func[In, Out]) Func[In, Out] {
	run, err := Node(cfg, fn)
	if err != nil {
		panic(err)
	}
	return run
}

// check returns an error with one line for each bad field.
func check(cfg Config, noFunction bool) error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("wrap: node %q: "+format, append([]any{cfg.Name}, args...)...))
	}
	if cfg.Name == "" {
		refuse("Name must not be empty")
	}
	if noFunction {
		refuse("the function must not be nil")
	}
	if cfg.Retry != nil && cfg.Retry.MaxAttempts < 1 {
		refuse("Retry.MaxAttempts: %d must be at least 1", cfg.Retry.MaxAttempts)
	}
	if cfg.Timeout < 0 {
		refuse("Timeout: %v must be at least 0", cfg.Timeout)
	}
	return errors.Join(errs...)
}

// Canceled reports whether err is or wraps context.Canceled. As Config.Ignore
// it leaves out canceled executions, because their node did nothing wrong. A
// deadline that passed, context.DeadlineExceeded, is still recorded.
func Canceled(err error) bool { return errors.Is(err, context.Canceled) }

// unmeasured calls run.
func unmeasured[In, Out any](run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		out, err := run(ctx, in)
		return out, settled(err)
	}
}

// settled returns the error that the caller gets. Of a permanent error that is
// the error inside, and any other error stays. A permanent error without an
// error inside stays too, because the failure would look like a success.
// settled does not take apart the errors that err wraps.
func settled(err error) error {
	if p, ok := err.(*backoff.PermanentError); ok && p != nil && p.Err != nil {
		return p.Err
	}
	return err
}

// ended returns the error of a context that has ended, else nil.
func ended(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ctx.Err()
}
