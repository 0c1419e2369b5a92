package einowrap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cenkalti/backoff/v5"
	"github.com/cloudwego/eino/compose"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/einowrap"
)

// Example measures a graph of two nodes. The first node is a function with
// retries. The second node panics at an empty page.
func Example() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	attempts := 0
	fetch := func(_ context.Context, url string) (string, error) {
		if attempts++; attempts == 1 {
			return "", errors.New("not yet")
		}
		return url[len("/"):], nil
	}
	first := func(_ context.Context, page string) (byte, error) { return page[0], nil }

	graph := compose.NewGraph[string, byte]()
	err = errors.Join(
		graph.AddLambdaNode("fetch", compose.InvokableLambda(einowrap.MustNode(wrap.Config{
			Name: "fetch", Collector: metrics, Retry: &wrap.Retry{MaxAttempts: 2, Backoff: noPause},
		}, fetch))),
		graph.AddLambdaNode("first", compose.InvokableLambda(first)),
		graph.AddEdge(compose.START, "fetch"),
		graph.AddEdge("fetch", "first"),
		graph.AddEdge("first", compose.END),
	)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	run, err := graph.Compile(ctx)
	if err != nil {
		panic(err)
	}
	handler := compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: metrics}))
	for _, url := range []string{"/home", "/"} {
		letter, err := run.Invoke(ctx, url, handler)
		fmt.Printf("%q, failed: %t\n", letter, err != nil)
	}
	for name, m := range metrics.All() {
		fmt.Printf("%s: %d of %d failed, %d retries\n", name, m.FailureCount, m.TotalExecutions, m.RetryCount)
	}
	// Output:
	// 'h', failed: false
	// '\x00', failed: true
	// fetch: 0 of 2 failed, 1 retries
	// first: 1 of 2 failed, 0 retries
}

func noPause() backoff.BackOff { return &backoff.ZeroBackOff{} }
