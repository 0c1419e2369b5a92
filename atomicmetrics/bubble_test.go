package atomicmetrics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// The runtime ends the process if a goroutine outside of a bubble touches a
// channel or a timer that was made inside. The queues of events and of warnings
// are one test each.
func TestAFlushInABubbleDoesNotOutliveIt(t *testing.T) {
	for name, use := range map[string]func(*atomicmetrics.Collector){
		"events":   func(c *atomicmetrics.Collector) { raise(c, "n", 1) },
		"warnings": func(c *atomicmetrics.Collector) { c.RecordSuccess("n", -1) },
	} {
		t.Run(name, func(t *testing.T) {
			log, option := newSlowLog()
			entered := make(chan struct{})
			c := newEdgy(t, option, atomicmetrics.OnEvent(func(atomicmetrics.Event) {
				close(entered)
				<-log.release
			}))
			use(c)
			if name == "events" {
				<-entered
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := c.Flush(ctx); err != context.DeadlineExceeded {
					t.Errorf("Flush: %v", err)
				}
			})
			close(log.release)
			flush(t, c)
		})
	}
}

// All that a collector does is done in a bubble and outside in turn, by one
// goroutine and by several. Each bubble ends, so no goroutine is left in it.
func TestACollectorServesBubblesAndTheOutsideInTurn(t *testing.T) {
	for name, strategy := range map[string]digest.Strategy{"exact": digest.Exact(), "tdigest": digest.TDigest(100)} {
		t.Run(name, func(t *testing.T) {
			var events eventList
			c := newCollector(t, atomicmetrics.WithPercentiles(strategy), atomicmetrics.WithWindowSize(100),
				atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: time.Second}),
				atomicmetrics.OnEvent(events.add), atomicmetrics.WithInFlight(), atomicmetrics.WithLastFailure(),
				atomicmetrics.WithSketches(), atomicmetrics.WithIdleForget(time.Hour))
			turn := func(t *testing.T) {
				useEverything(t, c, "n")
				together(4, func(int) {
					for range 5000 {
						c.RecordFailure("shared", -1, errRefused)
						c.Node("shared").Start().Stop(nil)
					}
				})
				flush(t, c)
				equal(t, "executions", c.ResetNode("shared").TotalExecutions, 4*2*5000)
				flush(t, c)
			}
			for range 2 {
				synctest.Test(t, turn)
				turn(t)
			}
			if len(events) == 0 {
				t.Error("no event")
			}
		})
	}
}
