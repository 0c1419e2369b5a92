package riverwrap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverqueue/river/rivertype"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/riverwrap"
)

// A middleware that records two runs of a job. In a program it is in
// river.Config.Middleware, and a River client calls it.
func Example() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	middleware := riverwrap.Middleware(riverwrap.Config{Collector: metrics})
	for attempt, result := range []error{errors.New("no address"), nil} {
		job := &rivertype.JobRow{Kind: "email", Attempt: attempt + 1}
		err := middleware.Work(context.Background(), job, func(context.Context) error { return result })
		fmt.Println(err)
	}
	m := metrics.NodeMetrics("email")
	fmt.Println(m.FailureCount, "of", m.TotalExecutions, "failed,", m.RetryCount, "was a retry")
	// Output:
	// no address
	// <nil>
	// 1 of 2 failed, 1 was a retry
}
