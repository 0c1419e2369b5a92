package asynqwrap

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where tasks are recorded, under which name, and which runs are left out. Its functions may be called by
// several goroutines at once.
type Config struct {
	// Collector takes the records. With a nil Collector tasks run the same, unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node that a run is recorded under; "" leaves it out. Nil stands for the task's type, which serves
	// if there are only so many: not where an identifier is a part of it.
	Name func(context.Context, *asynq.Task) string

	// Ignore reports whether an error is no verdict on the node, so that the run is not recorded at all, as wrap.Config has
	// it. What asynq.Config.IsFailure says no to should be said yes to here. Nil means wrap.Canceled: a task whose
	// processing was cancelled has done nothing wrong.
	Ignore func(error) bool
}

// Middleware returns a middleware for asynq.ServeMux.Use that records every run of a task.
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

// run runs a task and records it.
func (cfg *Config) run(ctx context.Context, task *asynq.Task, next asynq.Handler) (err error) {
	name := cfg.Name(ctx, task)
	if name == "" {
		return next.ProcessTask(ctx, task)
	}
	if retry, _ := asynq.GetRetryCount(ctx); retry > 0 {
		cfg.Collector.RecordRetry(name, retry)
	}
	node := wrap.MustNode(wrap.Config{Name: name, Collector: cfg.Collector, Ignore: cfg.Ignore},
		func(ctx context.Context, task *asynq.Task) (struct{}, error) {
			err = next.ProcessTask(ctx, task)
			if errors.Is(err, asynq.RevokeTask) {
				return struct{}{}, nil
			}
			return struct{}{}, err
		})
	_, _ = node(ctx, task)
	return err // as it was: the node's is without a *backoff.PermanentError around it
}
