package atomicmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// A timer measures an execution that is not a single function.
func ExampleTimer() {
	metrics := atomicmetrics.MustNew()
	node := metrics.Node("render")

	timer := node.Start()
	// … here the step does its work.
	err := error(context.DeadlineExceeded)
	timer.Stop(err)

	m := node.Metrics()
	fmt.Println(m.FailureCount, "failure,", m.TimeoutErrors, "by timeout")
	// Output:
	// 1 failure, 1 by timeout
}

// A breach begins above the threshold. It ends at half of the threshold.
func ExampleThresholds() {
	thresholds := atomicmetrics.Thresholds{
		FailureRate: 0.4, // above 40 % of the window
		MinSamples:  5,   // judge no smaller window
		Recovery:    0.5, // healthy again at 20 %
	}
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(10),
		atomicmetrics.WithThresholds(thresholds),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			fmt.Printf("%s: breached is %v, failure rate %.0f %%\n", e.Node, e.Breached, 100*e.FailureRate)
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	node := metrics.Node("fetch")
	for range 5 {
		node.RecordFailure(time.Millisecond, errors.New("refused"))
	}
	for range 20 {
		node.RecordSuccess(time.Millisecond)
	}
	if err := metrics.Flush(context.Background()); err != nil { // wait for the callbacks
		log.Fatal(err)
	}
	// Output:
	// fetch: breached is true, failure rate 100 %
	// fetch: breached is false, failure rate 20 %
}

// Quantiles beyond p50, p90 and p99.
func ExampleNode_Quantiles() {
	node := atomicmetrics.MustNew().Node("fetch")
	for i := range 100 {
		node.RecordSuccess(time.Duration(i+1) * time.Millisecond)
	}
	fmt.Println(node.Quantiles(0.25, 0.95, 1))
	// Output:
	// [25ms 95ms 100ms]
}

// A snapshot goes to another process as JSON.
func ExampleParseSnapshot() {
	metrics := atomicmetrics.MustNew()
	metrics.Node("fetch").RecordSuccess(1500 * time.Microsecond)
	data, err := metrics.Snapshot().MarshalJSON()
	if err != nil {
		log.Fatal(err)
	}

	snapshot, err := atomicmetrics.ParseSnapshot(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(snapshot.Nodes["fetch"].P99)
	// Output:
	// 1.5ms
}
