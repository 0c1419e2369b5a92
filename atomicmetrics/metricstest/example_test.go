package metricstest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/atomicmetrics/metricstest"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// newLookup is the program under test: a node that answers at its third attempt.
func newLookup(metrics *atomicmetrics.Collector) wrap.Func[int, string] {
	attempts := 0
	return wrap.MustNode(wrap.Config{
		Name:      "lookup",
		Collector: metrics,
		Timeout:   time.Second,
		Retry: &wrap.Retry{
			MaxAttempts: 3,
			Backoff:     func() backoff.BackOff { return backoff.NewConstantBackOff(time.Minute) },
		},
	}, func(ctx context.Context, id int) (string, error) {
		if attempts++; attempts < 3 {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "found", nil
	})
}

// t is what the test gets; TestExample sets it and runs the example.
var t *testing.T

// This is the body of a test in a testing/synctest bubble. Two minutes of
// back-off take no time there, and durations are exact.
func Example() {
	synctest.Test(t, func(t *testing.T) {
		var events metricstest.Events
		metrics := metricstest.New(t, events.Option(),
			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{Latency: time.Minute}))

		_, err := newLookup(metrics)(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}

		metricstest.RequireExecutions(t, metrics, "lookup", 1)
		metricstest.RequireSuccess(t, metrics, "lookup", 1)
		metricstest.RequireRetries(t, metrics, "lookup", 2)
		breach := events.RequireBreach(t, "lookup", atomicmetrics.LatencyEvent)
		if breach.P99 != 2*(time.Second+time.Minute) {
			t.Errorf("the call took %v", breach.P99)
		}
		events.RequireNoMore(t, metrics)
	})
}

func TestExample(ofThis *testing.T) {
	t = ofThis
	Example()
}
