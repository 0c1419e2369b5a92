package temporalwrap_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/temporalwrap"
)

// Charge fails at its first attempt.
func Charge(ctx context.Context) error {
	if attempt(ctx) == 1 {
		return errors.New("no answer")
	}
	return nil
}

// Order charges once, with retries.
func Order(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second},
	})
	return workflow.ExecuteActivity(ctx, Charge).Get(ctx, nil)
}

// Example measures a workflow and its activity. In a program, worker.New takes
// the options.
func Example() {
	metrics := atomicmetrics.MustNew()
	options := worker.Options{Interceptors: []interceptor.WorkerInterceptor{
		temporalwrap.Interceptor(temporalwrap.Config{Collector: metrics}),
	}}

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(options)
	env.RegisterWorkflow(Order)
	env.RegisterActivity(Charge)
	env.ExecuteWorkflow(Order)

	for name, m := range metrics.All() {
		fmt.Println(name, m.TotalExecutions, "executions,", m.FailureCount, "failure,", m.RetryCount, "retry")
	}
	// Output:
	// Charge 2 executions, 1 failure, 1 retry
	// Order 1 executions, 0 failure, 0 retry
}
