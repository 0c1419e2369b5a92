//go:build nodemetrics_step

package atomicmetrics

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// stall makes the next goroutine that comes to s stay there for a second, by the clock of the bubble.
func stall(s step.Step) {
	var taken atomic.Bool
	step.Hook(func(at step.Step) {
		if at == s && taken.CompareAndSwap(false, true) {
			time.Sleep(time.Second)
		}
	})
}

// A machine may take a recorder's core away in the middle of a record. In a bubble time passes only while everybody
// waits: so what takes no time has waited for nobody.
func TestARecorderDescheduledForASecondHoldsUpAResetAndNobodyElse(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	record := []step.Step{step.Acquired, step.Added, step.Summed, step.Counted, step.Stored}
	for _, kind := range []struct {
		name  string
		opts  []Option
		grown bool
		steps []step.Step
	}{
		{"plain", nil, false, record},
		{"grown", nil, true, append(record, step.Stamped)},
		{"digest", []Option{WithWindowSize(10_000), WithPercentiles(digest.TDigest(100))}, false, record},
		{"grown digest", []Option{WithWindowSize(10_000), WithPercentiles(digest.TDigest(100))}, true,
			append(record, step.Stamped)},
		{"watched", []Option{WithThresholds(Thresholds{FailureRate: 0.3})}, false, append(record, step.Judged)},
		{"watched and grown", []Option{WithThresholds(Thresholds{FailureRate: 0.3})}, true, append(record, step.Decisive)},
	} {
		for _, at := range kind.steps {
			t.Run(fmt.Sprintf("%s/step=%d", kind.name, at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { descheduled(t, at, kind.grown, kind.opts) })
			})
		}
	}
}

func descheduled(t *testing.T, at step.Step, grown bool, opts []Option) {
	c, n, _ := heldCollector(t, opts...)
	other := c.Node("other")
	n.RecordSuccess(1)
	if grown {
		n.life.State().Ring.Spread(2)
	}
	begun := time.Now()
	stall(at)
	record := inBackground(func() { n.RecordFailureAs(5, CategoryNetwork) })
	synctest.Wait() // it has stalled
	use := func() {
		t.Helper()
		n.RecordSuccess(7)
		n.RecordRetry(1)
		other.RecordFailureAs(7, CategoryNetwork)
		n.Quantiles(0.5)
		for name, m := range c.Snapshot().Nodes {
			if err := checkInvariants(m, max(c.windowSize, 100)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		other.Reset()
		if took := time.Since(begun); took != 0 {
			t.Fatalf("somebody waited for %v", took)
		}
	}
	const times = 30
	for range times {
		use()
	}
	var cleared NodeMetrics
	reset := inBackground(func() { cleared = n.Reset() })
	synctest.Wait() // it waits
	for range times {
		use() // what begins now is not waited for
	}
	var clearedNext NodeMetrics
	{
		clearedNext = n.Reset()
		if took := time.Since(begun); took != 0 || clearedNext.TotalExecutions != times {
			t.Errorf("the next reset cleared %d executions after %v", clearedNext.TotalExecutions, took)
		}
	}
	<-reset
	if took := time.Since(begun); took < time.Second || took > time.Second+10*time.Millisecond {
		t.Errorf("the reset took %v, want the second of the record and little more", took)
	}
	<-record
	left := n.Metrics()
	if sum := cleared.TotalExecutions + clearedNext.TotalExecutions + left.TotalExecutions; sum != 2+2*times {
		t.Errorf("%d executions in all", sum)
	}
	if sum := cleared.RetryCount + clearedNext.RetryCount + left.RetryCount; sum != 2*times {
		t.Errorf("%d retries in all", sum)
	}
	if cleared.NetworkErrors != 1 {
		t.Errorf("the record that was held up is not in the reset that waited for it: %+v", cleared)
	}
}

func TestARetryDescheduledForASecondHoldsUpNobody(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range []step.Step{step.Loaded, step.Aimed} {
		synctest.Test(t, func(t *testing.T) {
			_, n, _ := heldCollector(t)
			n.RecordRetry(1)
			begun := time.Now()
			stall(at)
			retry := inBackground(func() { n.RecordRetry(2) })
			synctest.Wait()
			if m := n.Reset(); m.RetryCount != 1 || time.Since(begun) != 0 {
				t.Errorf("the reset cleared %d retries after %v", m.RetryCount, time.Since(begun))
			}
			<-retry
			if m := n.Metrics(); m.RetryCount != 1 || m.RetriesByAttempt[1] != 1 {
				t.Errorf("the retry is not where it belongs: %+v", m)
			}
		})
	}
}
