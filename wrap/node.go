package wrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Config says how a node runs and what is recorded of it. It is copied by Node, its Retry included: a later change to
// either has no effect.
type Config struct {
	// Name is the node's name in the collector; any string but "".
	Name string

	// Collector takes the records. With a nil Collector the node runs the same, unmeasured: no clock is read and Ignore
	// is not asked.
	Collector *atomicmetrics.Collector

	// Retry says when a failed attempt is followed by another. Nil: there is one attempt.
	Retry *Retry

	// Timeout is how long each attempt may take; 0 means no limit. It is a deadline on the attempt's context, which the
	// function has to heed: nothing is interrupted. The context ends when the attempt returns, and with it whatever the
	// function tied to it and handed out, such as an open stream or the body of a response.
	Timeout time.Duration

	// Ignore reports whether an error is no verdict on the node, so that the execution is not recorded at all. It is
	// asked about the error that the call returns and, if the caller's context has ended, about that context's Err too:
	// the error of a node that was called off may well be of its own making. It is not asked about a success. Nil:
	// nothing is ignored. It is called by the goroutine that made the call, so possibly by several at once.
	Ignore func(error) bool
}

// Func is a node: a function of a context and an input.
type Func[In, Out any] = func(context.Context, In) (Out, error)

// Node returns fn wrapped so that every call of it is recorded under cfg.Name, with timeout and retries as cfg has
// them. The name is looked up in the collector once, here, and takes its place there. What Node returns is safe for
// concurrent use if fn and the functions in cfg are; a context that is nil is passed on to fn, and counts as one that
// never ends.
//
// An empty name, a nil function, MaxAttempts below 1 and a negative timeout are errors: one error, with a line for
// each, that says which node it is about.
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

// MustNode is Node, but panics with the error. It is for nodes that are set up when the program starts.
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
		refuse("Name is empty")
	}
	if noFunction {
		refuse("the function is nil")
	}
	if cfg.Retry != nil && cfg.Retry.MaxAttempts < 1 {
		refuse("Retry.MaxAttempts: %d is below 1", cfg.Retry.MaxAttempts)
	}
	if cfg.Timeout < 0 {
		refuse("Timeout: %v is negative", cfg.Timeout)
	}
	return errors.Join(errs...)
}

// Canceled reports whether err is or wraps context.Canceled. As Config.Ignore it leaves out executions that were called
// off: their node did nothing wrong. A deadline that passed, context.DeadlineExceeded, is recorded.
func Canceled(err error) bool { return errors.Is(err, context.Canceled) }

// unmeasured calls run.
func unmeasured[In, Out any](run Func[In, Out]) Func[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		out, err := run(ctx, in)
		return out, settled(err)
	}
}

// settled returns the error that the caller gets: what a permanent error wraps, any other error as it is. One that
// wraps nothing stays, for without it a failure would look like a success. It looks at the error itself only, not at
// those that it wraps: they are not the wrapper's to take apart.
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
