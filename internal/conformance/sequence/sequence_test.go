package sequence

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestWindowsOfRecordsInSequenceAreWindowsThatWere(t *testing.T) {
	length := 2 * time.Second
	if testing.Short() {
		length = 200 * time.Millisecond
	}
	for _, spread := range []bool{false, true} {
		for _, recorders := range []uint64{1, 3} {
			t.Run(fmt.Sprintf("spread=%v/recorders=%d", spread, recorders), func(t *testing.T) {
				if spread && runtime.GOMAXPROCS(0) == 1 {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // at 1 no node is spread
				}
				ctx, stop := context.WithTimeout(t.Context(), length)
				defer stop()
				reads, err := Run(ctx, recorders, spread)
				if err != nil {
					t.Error(err)
				}
				if reads == 0 {
					t.Error("there was no read")
				}
			})
		}
	}
}

func TestATornWindowIsFound(t *testing.T) {
	right := atomicmetrics.NodeMetrics{WindowSamples: 100, WindowMin: 11, WindowMax: 110, LastExecution: 110, WindowFailures: 59}
	if err := consecutive(right, 110); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(m *atomicmetrics.NodeMetrics){
		"a sample too old":     func(m *atomicmetrics.NodeMetrics) { m.WindowMin-- },
		"a sample too few":     func(m *atomicmetrics.NodeMetrics) { m.WindowSamples-- },
		"another newest":       func(m *atomicmetrics.NodeMetrics) { m.LastExecution-- },
		"a failure too many":   func(m *atomicmetrics.NodeMetrics) { m.WindowFailures++ },
		"without the returned": func(m *atomicmetrics.NodeMetrics) { m.WindowMin, m.WindowMax, m.LastExecution = 10, 109, 109 },
	} {
		m := right
		if spoil(&m); consecutive(m, 110) == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
}
