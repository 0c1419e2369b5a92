package atomicmetrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// A program measures its pages, and is told that too many failed.
func Example() {
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.25, MinSamples: 5}),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			fmt.Printf("%s: breached is %t, %.0f%% of %d failed\n", e.Node, e.Breached, 100*e.FailureRate, e.Samples)
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	get := func(page int) error { // in place of real work
		if page > 7 {
			return fmt.Errorf("page %d: %w", page, context.DeadlineExceeded)
		}
		return nil
	}

	fetch := metrics.Node("fetch") // a handle: get it once and keep it
	for page := range 11 {
		_ = fetch.Do(func() error { return get(page) }) // one execution, a success if the error is nil
	}
	metrics.RecordSuccess("resize", 30*time.Millisecond) // by name, with a time that you measured yourself

	_ = metrics.Flush(context.Background()) // another goroutine delivers events: let it finish
	for name, m := range metrics.All() {
		fmt.Printf("%s: %d of %d failed, %d by timeout\n", name, m.FailureCount, m.TotalExecutions, m.TimeoutErrors)
	}
	fmt.Println("p99 of resize:", metrics.NodeMetrics("resize").P99)
	// Output:
	// fetch: breached is true, 27% of 11 failed
	// fetch: 3 of 11 failed, 3 by timeout
	// resize: 0 of 1 failed, 0 by timeout
	// p99 of resize: 30ms
}

// A function records itself however it ends. Do counts a panic as a failure.
func ExampleNode_Do() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	node := metrics.Node("parse")
	parse := func(text string) (n int, err error) {
		err = node.Do(func() error {
			n, err = strconv.Atoi(text)
			return err
		})
		return n, err
	}
	for _, text := range []string{"12", "twelve", "13"} {
		_, _ = parse(text)
	}
	m := node.Metrics()
	fmt.Println(m.SuccessCount, "successes,", m.ValidationErrors, "validation error")
	// Output:
	// 2 successes, 1 validation error
}

// The node breaches above 20 % of failures. With a Recovery of 0.5 it recovers
// at 10 %. A rate between the two raises no event.
func ExampleOnEvent() {
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(10),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.2, MinSamples: 10, Recovery: 0.5}),
		atomicmetrics.WithNodeThresholds("report", atomicmetrics.Thresholds{Latency: time.Second}),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
			what := "recovered"
			if e.Breached {
				what = "breached"
			}
			fmt.Printf("%s: %v %s, %.0f%% failed, p99 %v\n", e.Node, e.Kind, what, 100*e.FailureRate, e.P99)
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	charge := metrics.Node("charge")
	for range 3 {
		charge.RecordFailureAs(40*time.Millisecond, atomicmetrics.CategoryNetwork)
	}
	for range 20 { // the seventh completes MinSamples; the ninth leaves one failure in the window
		charge.RecordSuccess(20 * time.Millisecond)
	}
	metrics.RecordSuccess("report", 3*time.Second)

	if err := metrics.Flush(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("report is slow:", metrics.NodeMetrics("report").LatencyBreached)
	// Output:
	// charge: failureRate breached, 30% failed, p99 40ms
	// charge: failureRate recovered, 10% failed, p99 40ms
	// report: latency breached, 0% failed, p99 3s
	// report is slow: true
}

// Each reset returns the figures that it clears. So the program has figures for
// each interval. A record beside the reset is in this interval or in the next.
func ExampleCollector_Reset() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	total := uint64(0)
	for minute := range 3 {
		for range 10 * minute {
			metrics.RecordSuccess("fetch", time.Millisecond)
		}
		interval := metrics.Reset()
		fmt.Println("minute", minute, "has", interval.Nodes["fetch"].TotalExecutions, "executions")
		total += interval.Nodes["fetch"].TotalExecutions
	}
	fmt.Println(total, "in all, and", len(metrics.AllNodeMetrics()), "nodes with something since")
	// Output:
	// minute 0 has 0 executions
	// minute 1 has 10 executions
	// minute 2 has 20 executions
	// 30 in all, and 0 nodes with something since
}

// Categorize gives a category to an error that Classify does not know. The
// caller still finds the error itself.
func ExampleCategorize() {
	errNoStock := errors.New("not in stock")
	order := func() error { return atomicmetrics.Categorize(errNoStock, atomicmetrics.CategoryValidation) }

	err := fmt.Errorf("order 7: %w", order())
	fmt.Println(err)
	fmt.Println(errors.Is(err, errNoStock))
	fmt.Println(atomicmetrics.Classify(errNoStock), "without,", atomicmetrics.Classify(err), "with it")
	// Output:
	// order 7: not in stock
	// true
	// other without, validation with it
}

// A snapshot as JSON has durations in milliseconds, exact to the nanosecond. The
// durations of a node without executions are null.
func ExampleCollector_Snapshot() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithInstance("worker-1"))
	if err != nil {
		log.Fatal(err)
	}
	metrics.RecordSuccess("fetch", 1500*time.Microsecond)
	metrics.RecordFailure("fetch", 2*time.Second, context.DeadlineExceeded)
	metrics.RecordRetry("fetch", 1)

	snapshot := metrics.Snapshot()
	snapshot.TakenAt = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC) // so that the output is always the same
	snapshot.Sources[0].TakenAt = snapshot.TakenAt
	snapshot.Sources[0].Since = snapshot.TakenAt.Add(-time.Hour)
	data, err := json.MarshalIndent(snapshot, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(data))

	back, err := atomicmetrics.ParseSnapshot(data)
	fmt.Println(back.Nodes["fetch"] == snapshot.Nodes["fetch"], err)
	// Output:
	// {
	//   "version": 1,
	//   "takenAt": "2026-03-01T09:30:00Z",
	//   "windowSize": 100,
	//   "percentiles": "exact",
	//   "sources": [
	//     {
	//       "instance": "worker-1",
	//       "since": "2026-03-01T08:30:00Z",
	//       "takenAt": "2026-03-01T09:30:00Z"
	//     }
	//   ],
	//   "nodes": {
	//     "fetch": {
	//       "totalExecutions": 2,
	//       "successCount": 1,
	//       "failureCount": 1,
	//       "retryCount": 1,
	//       "timeoutErrors": 1,
	//       "validationErrors": 0,
	//       "networkErrors": 0,
	//       "otherErrors": 0,
	//       "retriesByAttempt": [
	//         1,
	//         0,
	//         0,
	//         0,
	//         0,
	//         0,
	//         0,
	//         0
	//       ],
	//       "lastExecutionMs": 2000,
	//       "avgExecutionMs": 1000.75,
	//       "totalDurationMs": 2001.5,
	//       "p50": 1.5,
	//       "p90": 2000,
	//       "p99": 2000,
	//       "windowMinMs": 1.5,
	//       "windowMaxMs": 2000,
	//       "windowSamples": 2,
	//       "windowFailures": 1,
	//       "windowFailureRate": 0.5,
	//       "failureRateBreached": false,
	//       "latencyBreached": false,
	//       "runningBreached": false
	//     }
	//   }
	// }
	// true <nil>
}

func ExampleSnapshot_All() {
	metrics := atomicmetrics.MustNew()
	for _, node := range []string{"resize", "fetch", "publish"} {
		metrics.RecordSuccess(node, time.Millisecond)
	}
	for name, m := range metrics.Snapshot().All() {
		fmt.Println(name, m.TotalExecutions)
	}
	// Output:
	// fetch 1
	// publish 1
	// resize 1
}
