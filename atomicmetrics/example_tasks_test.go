package atomicmetrics_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// WriteTable prints a table for people, with the worst node first.
func ExampleSnapshot_WriteTable() {
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithNodeThresholds("publish", atomicmetrics.Thresholds{FailureRate: 0.2}))
	if err != nil {
		log.Fatal(err)
	}
	for i := range 1000 {
		metrics.RecordSuccess("parse", time.Duration(i)*time.Microsecond)
		if i%4 == 0 {
			metrics.RecordRetry("publish", 1)
			metrics.RecordFailure("publish", 2*time.Second, context.DeadlineExceeded)
		} else {
			metrics.RecordSuccess("publish", 30*time.Millisecond)
		}
	}
	if err := metrics.Snapshot().WriteTable(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	//                                                                  ------ newest 100 ------
	// node     runs  failed timeout validation network other  retries  failed   p50   p90   p99
	// publish  1000     250     250          0       0     0      250  25.0%!  30ms    2s    2s
	// parse    1000       0       0          0       0     0        0     0%  949µs 989µs 998µs
}

// Several readers share a collector, so none of them resets it. Since gives a
// reader the difference of two snapshots.
func ExampleSnapshot_Since() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	metrics.RecordSuccess("fetch", 30*time.Millisecond)
	previous := metrics.Snapshot()

	metrics.RecordSuccess("fetch", 10*time.Millisecond)
	metrics.RecordFailureAs("fetch", 20*time.Millisecond, atomicmetrics.CategoryNetwork)
	between, err := metrics.Snapshot().Since(previous)
	if err != nil {
		log.Fatal(err) // somebody did reset it
	}
	m := between.Nodes["fetch"]
	fmt.Println(m.TotalExecutions, "executions,", m.NetworkErrors, "network error, on average", m.AvgExecution)
	// Output:
	// 2 executions, 1 network error, on average 15ms
}

// Merge adds up the figures of two processes. Merge also joins their windows, so
// the percentiles are of both.
func ExampleMerge() {
	var snapshots []atomicmetrics.Snapshot
	for process := range 2 { // each sends the JSON of such a snapshot
		metrics, err := atomicmetrics.New(atomicmetrics.WithSketches())
		if err != nil {
			log.Fatal(err)
		}
		for i := range 100 {
			metrics.RecordSuccess("fetch", time.Duration(100*process+i+1)*time.Millisecond)
		}
		snapshots = append(snapshots, metrics.Snapshot())
	}
	all, err := atomicmetrics.Merge(snapshots...)
	if err != nil {
		log.Fatal(err)
	}
	m := all.Nodes["fetch"]
	fmt.Println(m.TotalExecutions, "executions, p50", m.P50, "p99", m.P99)
	fmt.Println("p95:", all.Sketches["fetch"].Quantiles(0.95)[0])
	// Output:
	// 200 executions, p50 100ms p99 198ms
	// p95: 190ms
}

// A t-digest keeps a window of a million executions in at most 64 KB a node, at
// rest. Its percentiles err by at most one per cent of the ranks.
func ExampleWithPercentiles() {
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(1_000_000),
		atomicmetrics.WithPercentiles(digest.TDigest(100)),
	)
	if err != nil {
		log.Fatal(err)
	}
	node := metrics.Node("fetch")
	for i := range 100_000 {
		node.RecordSuccess(time.Duration(i+1) * time.Microsecond)
	}
	m := node.Metrics()
	fmt.Println(m.WindowSamples, "samples, longest", m.WindowMax)
	fmt.Println("p99 is within 0.2 % of the ranks:", m.P99 >= 98_800*time.Microsecond && m.P99 <= 99_200*time.Microsecond)
	// Output:
	// 100000 samples, longest 100ms
	// p99 is within 0.2 % of the ranks: true
}

// WithMaxNodes limits names that come from outside. Records of further names go
// to one node, so none is lost.
func ExampleWithMaxNodes() {
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithMaxNodes(2),
		atomicmetrics.WithLogger(zerolog.Nop()), // where one warning would say so
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"a", "b", "c", "d", "a"} {
		metrics.RecordSuccess(tenant, time.Millisecond)
	}
	for name, m := range metrics.All() {
		fmt.Println(name, m.TotalExecutions)
	}
	// Output:
	// (overflow) 2
	// a 2
	// b 1
}

// A program with a loop of its own records each retry. Package wrap has such a
// loop.
func ExampleNode_RecordRetry() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	node := metrics.Node("send")
	send := func(attempt int) error {
		if attempt < 2 {
			return context.DeadlineExceeded
		}
		return nil
	}
	timer := node.Start()
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			node.RecordRetry(attempt) // 1 is the first retry
		}
		if err = send(attempt); err == nil || attempt == 3 {
			break
		}
	}
	timer.Stop(err) // one execution, with its final outcome

	m := node.Metrics()
	fmt.Println(m.TotalExecutions, "execution,", m.SuccessCount, "success,", m.RetryCount, "retries")
	// Output:
	// 1 execution, 1 success, 2 retries
}

// A classifier gives a category to errors that Classify does not know.
func ExampleWithClassifier() {
	errBusy := fmt.Errorf("the line is busy")
	metrics, err := atomicmetrics.New(atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
		if err == errBusy {
			return atomicmetrics.CategoryNetwork
		}
		return atomicmetrics.Classify(err)
	}))
	if err != nil {
		log.Fatal(err)
	}
	metrics.RecordFailure("call", time.Second, errBusy)
	fmt.Println(metrics.NodeMetrics("call").NetworkErrors)
	// Output:
	// 1
}

// The program logs a line for each node, every hour for instance.
func ExampleNodeMetrics_LogValue() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	metrics.RecordRetry("fetch", 1)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // so that the output is always the same
			}
			return a
		},
	}))
	for name, m := range metrics.All() {
		logger.Info("hourly", "node", name, "", m)
	}
	// Output:
	// level=INFO msg=hourly node=fetch totalExecutions=0 successCount=0 failureCount=0 retryCount=1 timeoutErrors=0 validationErrors=0 networkErrors=0 otherErrors=0 retriesByAttempt="[1 0 0 0 0 0 0 0]" totalDurationNs=0 windowSamples=0 windowFailures=0 failureRateBreached=false latencyBreached=false runningBreached=false
}
