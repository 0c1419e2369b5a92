package atomicmetrics

import (
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/race"
)

// What spreads a node over shards is contention, which no test can be sure of; so this one is in the package.
func TestRecordsOfAShardedNodeDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	refused := errors.New("refused")
	for name, opts := range map[string][]Option{
		"without thresholds":       nil,
		"with thresholds":          {WithThresholds(Thresholds{FailureRate: 0.5, Latency: time.Second})},
		"with thresholds at hand":  {WithThresholds(Thresholds{FailureRate: 0.5, MinSamples: 100, Recovery: 0.99})},
		"with a window of 1":       {WithThresholds(Thresholds{FailureRate: 0.5}), WithWindowSize(1)},
		"with a window of 4,096":   {WithThresholds(Thresholds{FailureRate: 0.5}), WithWindowSize(4096)},
		"with no threshold in use": {WithThresholds(Thresholds{MinSamples: 10})},
	} {
		c, err := New(append(opts, WithLogger(zerolog.Nop()))...)
		if err != nil {
			t.Fatal(err)
		}
		n := c.Node("n")
		n.RecordSuccess(1)
		n.life.State().Ring.Spread(4)
		for what, record := range map[string]func(){
			"success":                           func() { c.RecordSuccess("n", time.Millisecond) },
			"failure":                           func() { n.RecordFailure(time.Minute, refused) },
			"failure as":                        func() { n.RecordFailureAs(1, CategoryTimeout) },
			"retry":                             func() { n.RecordRetry(1) },
			"timer":                             func() { n.Start().Stop(refused) },
			"failure and two successes by turn": func() { n.RecordFailure(1, refused); n.RecordSuccess(1); n.RecordSuccess(1) },
		} {
			if got := testing.AllocsPerRun(100, func() { // fewer than one in a hundred are the runtime's own
				for range 100 {
					record()
				}
			}); got != 0 {
				t.Errorf("%s: %s: %v allocations in 100 records", name, what, got)
			}
		}
		if !n.life.State().Ring.Sharded() {
			t.Errorf("%s: the node is not sharded", name)
		}
	}
}
