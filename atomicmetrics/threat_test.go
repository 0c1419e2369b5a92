package atomicmetrics_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// What SECURITY.md says and no other test does.

func TestNamesPastMaxNodesAreNotKept(t *testing.T) {
	skipUnderRace(t)
	const names, size, places = 5_000, 1 << 10, 10
	for what, form := range map[string]string{"valid": "%d %s", "invalid UTF-8": "\xff%d %s\xff"} {
		c := newCollector(t, atomicmetrics.WithMaxNodes(places))
		before := heap()
		for i := range names {
			c.RecordSuccess(fmt.Sprintf(form, i, strings.Repeat("x", size)), 1)
		}
		// Each of the ten takes its name and a window.
		if kept, most := heap()-before, int64(places*(size+2*size)+16<<10); kept > most {
			t.Errorf("%s: %d names of %d bytes take %d bytes, want at most %d", what, names, size, kept, most)
		}
		equal(t, what+": executions", c.NodeMetrics(atomicmetrics.OverflowNode).TotalExecutions, names-places)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) {}))
	err := &loopError{next: errRefused}
	pointer := weak.Make(err)
	for range 200 {
		c.RecordFailure("n", 1, err)
	}
	runtime.KeepAlive(err)
	flush(t, c)
	for i := 0; pointer.Value() != nil; i++ {
		if i == 10 {
			t.Fatal("the error is still there")
		}
		runtime.GC()
	}
	equal(t, "failures", c.NodeMetrics("n").FailureCount, 200)
}
