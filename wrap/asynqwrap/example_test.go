package asynqwrap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/asynqwrap"
)

// The mux records its tasks. In a program, asynq.NewServer(redis,
// config).Run(mux) gives tasks to the mux.
func Example() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	mux := asynq.NewServeMux()
	mux.Use(asynqwrap.Middleware(asynqwrap.Config{Collector: metrics}))
	mux.HandleFunc("email:deliver", func(_ context.Context, task *asynq.Task) error {
		if len(task.Payload()) == 0 {
			return errors.New("no address")
		}
		return nil
	})
	for _, address := range []string{"ann@example.com", ""} {
		err := mux.ProcessTask(context.Background(), asynq.NewTask("email:deliver", []byte(address)))
		fmt.Println(err)
	}
	m := metrics.NodeMetrics("email:deliver")
	fmt.Println(m.FailureCount, "of", m.TotalExecutions, "failed")
	// Output:
	// <nil>
	// no address
	// 1 of 2 failed
}
