package atomicmetrics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestTimerRecordsTheTimeSinceStart(t *testing.T) {
	for _, row := range []struct {
		err  error
		want counts
	}{
		{nil, counts{executions: 1, successes: 1}},
		{errRefused, oneOther},
		{context.DeadlineExceeded, oneTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newCollector(t).Node("n")
			timer := n.Start()
			time.Sleep(1234567)
			equal(t, "Stop", timer.Stop(row.err), 1234567)
			m := n.Metrics()
			equal(t, "counts", countsOf(m), row.want)
			equal(t, "last execution", m.LastExecution, 1234567)
		})
	}
}

func TestTimerRecordsNothingBeforeStop(t *testing.T) {
	n := newCollector(t).Node("n")
	n.Start()
	equal(t, "metrics", n.Metrics(), atomicmetrics.NodeMetrics{})
}

func TestEachStopOfATimerRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newCollector(t).Node("n")
		timer := n.Start()
		for i, err := range []error{nil, errRefused, nil} {
			time.Sleep(time.Second)
			elapsed := time.Duration(i+1) * time.Second
			equal(t, "Stop", timer.Stop(err), elapsed)
			equal(t, "last execution", n.Metrics().LastExecution, elapsed)
		}
		equal(t, "counts", countsOf(n.Metrics()), counts{executions: 3, successes: 2, failures: 1, other: 1})
	})
}

func TestTimersAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t)
		outer := c.Node("outer").Start()
		time.Sleep(time.Second)
		inner := c.Node("inner").Start()
		time.Sleep(time.Second)
		inner.Stop(nil)
		outer.Stop(nil)
		equal(t, "inner", c.NodeMetrics("inner").LastExecution, time.Second)
		equal(t, "outer", c.NodeMetrics("outer").LastExecution, 2*time.Second)
	})
}

func TestTimerOfNoTimeRecordsZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		c := newCollector(t, log.option())
		equal(t, "Stop", c.Node("n").Start().Stop(nil), 0)
		equal(t, "executions", c.NodeMetrics("n").TotalExecutions, 1)
		equal(t, "warnings", len(log.warnings(t, c)), 0)
	})
}

func TestZeroTimerRecordsNothing(t *testing.T) {
	var timer atomicmetrics.Timer
	equal(t, "Stop", timer.Stop(nil), 0)
	equal(t, "Stop with an error", timer.Stop(errRefused), 0)
}
