package asynqwrap

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/internal/record"
)

// Config says where a middleware records runs, under which name, and which runs
// it leaves out. Several goroutines may call its functions at once.
type Config struct {
	// Collector takes the records. With a nil Collector tasks run the same,
	// unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node of a run. If Name returns "", the middleware leaves
	// the run out. Nil stands for the task's type. If the type contains an
	// identifier, Name should leave that out, because each name takes a place
	// in the collector.
	Name func(context.Context, *asynq.Task) string

	// Ignore reports whether an error is no verdict on the node. The middleware
	// then records neither the execution nor a retry. The middleware asks
	// Ignore about the error that asynq counts, so about the context's Err if
	// the context has ended. Ignore should accept each error that
	// asynq.Config.IsFailure refuses. Nil means wrap.Canceled.
	Ignore func(error) bool
}

// Middleware returns a middleware for asynq.ServeMux.Use that records every run
// of a task. The program should use it before other middleware, so that its
// context is asynq's own.
func Middleware(cfg Config) asynq.MiddlewareFunc {
	if cfg.Name == nil {
		cfg.Name = func(_ context.Context, task *asynq.Task) string { return task.Type() }
	}
	if cfg.Ignore == nil {
		cfg.Ignore = wrap.Canceled
	}
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error { return cfg.run(ctx, task, next) })
	}
}

// run runs a task, records the run and returns the handler's error.
func (cfg *Config) run(ctx context.Context, task *asynq.Task, next asynq.Handler) (err error) {
	retry, _ := asynq.GetRetryCount(ctx)
	record.Attempt(record.Node(cfg.Collector, cfg.Name(ctx, task)), retry, cfg.Ignore, func() error {
		err = next.ProcessTask(ctx, task)
		return verdict(ctx, err)
	})
	return err
}

// verdict returns the error that asynq counts for a run that returned err. If
// the context has ended, asynq no longer waits for the handler's result.
func verdict(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, asynq.RevokeTask):
		return nil
	}
	return err
}
