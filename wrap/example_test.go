package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// The node has a timeout and retries. Its first attempt hangs until the timeout,
// and its second attempt answers.
func ExampleNode() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	attempts := 0
	lookup := func(ctx context.Context, id int) (string, error) {
		if attempts++; attempts == 1 {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return fmt.Sprintf("order %d", id), nil
	}
	node, err := wrap.Node(wrap.Config{
		Name:      "lookup",
		Collector: metrics,
		Timeout:   10 * time.Millisecond,
		Retry: &wrap.Retry{
			MaxAttempts: 3,
			Backoff:     func() backoff.BackOff { return backoff.NewConstantBackOff(time.Millisecond) },
		},
		Ignore: wrap.Canceled,
	}, lookup)
	if err != nil {
		panic(err)
	}
	order, err := node(context.Background(), 7)
	fmt.Println(order, err)

	m := metrics.NodeMetrics("lookup")
	fmt.Println(m.TotalExecutions, "execution,", m.SuccessCount, "success,", m.RetryCount, "retry")
	fmt.Println("with timeout and back-off:", m.LastExecution >= 11*time.Millisecond)
	// Output:
	// order 7 <nil>
	// 1 execution, 1 success, 1 retry
	// with timeout and back-off: true
}

// A permanent error ends the retries, and the caller gets what it wraps.
func ExampleRetry() {
	errNoOrder := errors.New("no such order")
	node := wrap.MustNode(wrap.Config{Name: "lookup", Retry: &wrap.Retry{MaxAttempts: 5}},
		func(_ context.Context, id int) (string, error) {
			fmt.Println("looking up", id)
			return "", backoff.Permanent(errNoOrder)
		})
	_, err := node(context.Background(), 7)
	fmt.Println(err, err == errNoOrder)
	// Output:
	// looking up 7
	// no such order true
}

// Ignore is Canceled, so a canceled call is not recorded, with any error of the
// node.
func ExampleCanceled() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	node := wrap.MustNode(wrap.Config{Name: "lookup", Collector: metrics, Ignore: wrap.Canceled},
		func(ctx context.Context, id int) (string, error) {
			<-ctx.Done()
			return "", fmt.Errorf("order %d: connection closed", id)
		})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = node(ctx, 7)
	fmt.Println(err)
	fmt.Println(metrics.NodeMetrics("lookup").TotalExecutions, "executions")
	// Output:
	// order 7: connection closed
	// 0 executions
}
