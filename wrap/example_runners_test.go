package wrap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// runAsStep has the shape of dbos.RunAsStep. Like a durable engine it runs a
// step that fails again, at most three times.
func runAsStep[R any](ctx context.Context, step func(context.Context) (R, error)) (result R, err error) {
	for range 3 {
		if result, err = step(ctx); err == nil {
			break
		}
	}
	return result, err
}

// A step of a durable engine, such as DBOS. Each attempt of the engine is one
// execution. If the workflow is replayed and the engine has the step's result,
// it does not call the step, so nothing is recorded.
func Example_durableStep() {
	metrics := atomicmetrics.MustNew()
	tries := 0
	reserve := wrap.MustNode(wrap.Config{Name: "reserve", Collector: metrics, Ignore: wrap.Canceled},
		func(_ context.Context, item string) (string, error) {
			if tries++; tries == 1 {
				return "", errors.New("the store is closed")
			}
			return item + " is reserved", nil
		})

	answer, err := runAsStep(context.Background(), func(ctx context.Context) (string, error) { return reserve(ctx, "lamp") })
	fmt.Println(answer, err)

	m := metrics.NodeMetrics("reserve")
	fmt.Println(m.TotalExecutions, "executions,", m.FailureCount, "failure")
	// Output:
	// lamp is reserved <nil>
	// 2 executions, 1 failure
}

// Request and Result are those of controller-runtime's package reconcile, whose
// Func has the type of a reconciler.
type (
	Request struct{ Name string }
	Result  struct{ Requeue bool }
	Func    func(context.Context, Request) (Result, error)
)

// A reconciler of controller-runtime. Each call is one execution. A result that
// asks for another call is a success.
func Example_reconciler() {
	metrics := atomicmetrics.MustNew()
	reconciler := Func(wrap.MustNode(wrap.Config{Name: "reconcile", Collector: metrics, Ignore: wrap.Canceled},
		func(_ context.Context, req Request) (Result, error) {
			if req.Name == "" {
				return Result{}, errors.New("no name")
			}
			return Result{Requeue: true}, nil
		}))

	for _, name := range []string{"orders", ""} {
		fmt.Println(reconciler(context.Background(), Request{name}))
	}
	m := metrics.NodeMetrics("reconcile")
	fmt.Println(m.FailureCount, "of", m.TotalExecutions, "failed")
	// Output:
	// {true} <nil>
	// {false} no name
	// 1 of 2 failed
}

// A job of cron, which is a function without an error. The job decides what is
// a failure.
func Example_cronJob() {
	metrics := atomicmetrics.MustNew()
	cleanUp := metrics.Node("clean up")
	full := false
	job := func() { // for cron's AddFunc("@hourly", job)
		_ = cleanUp.Do(func() error {
			if full {
				return errors.New("the disk is full")
			}
			return nil
		})
	}

	job()
	full = true
	job()
	m := cleanUp.Metrics()
	fmt.Println(m.FailureCount, "of", m.TotalExecutions, "failed")
	// Output:
	// 1 of 2 failed
}
