package conformance

import (
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// A collector that raised events, logged warnings and folded a window leaves no goroutine behind, though nobody closes
// it.
func TestACollectorLeavesNoGoroutineBehind(t *testing.T) {
	goleak.VerifyNone(t) // before: what other tests left is not ours
	delivered := 0
	c, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(5000),
		atomicmetrics.WithPercentiles(digest.TDigest(100)),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}),
		atomicmetrics.WithLogger(zerolog.Nop()),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { delivered++ }),
	)
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		c.RecordFailureAs("n", time.Millisecond, atomicmetrics.CategoryOther)
	}
	c.RecordSuccess("n", -1) // a warning
	c.Reset()                // a recovery
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t)
	if delivered != 2 {
		t.Errorf("%d events, want a breach and a recovery", delivered)
	}
}
