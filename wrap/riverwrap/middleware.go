package riverwrap

import (
	"context"
	"errors"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/internal/record"
)

// Config says where a middleware records runs, under which name, and which it
// leaves out. Several goroutines may call its functions at once.
type Config struct {
	// Collector takes the records. With a nil Collector jobs run the same,
	// unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node of a run. If Name returns "", the middleware leaves
	// the run out. Nil stands for the job's kind.
	Name func(*rivertype.JobRow) string

	// Ignore reports whether an error is no verdict on the node. The middleware
	// then records neither the execution nor a retry. The middleware asks
	// Ignore about the error that River stores. Nil means Canceled.
	Ignore func(error) bool
}

// Canceled reports whether a run was canceled. The error is context.Canceled,
// or Client.JobCancel canceled the run's job. A job that cancels itself by
// river.JobCancel is not canceled in this sense.
//
// errors.Is does not tell the two apart. It finds
// river.ErrJobCancelledRemotely in every error of river.JobCancel.
func Canceled(err error) bool { return wrap.Canceled(err) || remotely(err) }

// remotely reports whether err is the cause of a job that a client canceled.
func remotely(err error) bool {
	var cancel *rivertype.JobCancelError
	return errors.As(err, &cancel) && error(cancel) == rivertype.ErrJobCancelledRemotely
}

// Middleware returns a middleware for river.Config.Middleware that records
// every run of a job. It should be the first middleware. Then its context is
// River's own, and its error is the error that River gets.
func Middleware(cfg Config) rivertype.WorkerMiddleware {
	if cfg.Ignore == nil {
		cfg.Ignore = Canceled
	}
	return river.WorkerMiddlewareFunc(cfg.run)
}

// run runs a job, records the run and returns the worker's error.
func (cfg *Config) run(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) (err error) {
	ignore := func(err error) bool { return takenBack(ctx, err) || cfg.Ignore(err) }
	record.Attempt(record.Named(cfg.Collector, cfg.Name, job, job.Kind), job.Attempt-1, ignore, func() error {
		err = work(ctx)
		return verdict(ctx, err)
	})
	return err
}

// verdict returns the error that River stores for a run that returned err.
func verdict(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && remotely(cause) {
		return cause
	}
	return err
}

// takenBack reports whether River takes back the attempt that ended with err.
// So it does if the job was snoozed, or if the client's stop ended the run.
func takenBack(ctx context.Context, err error) bool {
	var snooze *rivertype.JobSnoozeError
	if errors.As(err, &snooze) {
		return true
	}
	// River's cause of a stop is in an internal package. The cause of a
	// cancellation is another one, and the context of Client.Start has none.
	cause := context.Cause(ctx)
	return ctx.Err() == context.Canceled && cause != context.Canceled && !remotely(cause) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, cause))
}
