package atomicmetrics_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/pad"
)

// mostOfANode is how many bytes an uncontended node with a full window of 100 may
// take. Wider cache lines take more to keep words of different cores apart.
var mostOfANode = map[int]int64{64: 1300, 128: 1450, 256: 1950}[pad.Line]

func TestNodeWithAFullDefaultWindowTakesAtMost1300Bytes(t *testing.T) {
	skipUnderRace(t)
	const nodes = 10_000
	names := make([]string, nodes)
	for i := range names {
		names[i] = fmt.Sprint("workflow.step.", i)
	}
	before := heap()
	c := newCollector(t)
	for i := range 100 {
		for _, name := range names {
			c.RecordSuccess(name, time.Duration(i))
		}
	}
	each := (heap() - before) / nodes
	t.Logf("%d bytes a node", each)
	if each > mostOfANode {
		t.Errorf("%d bytes a node, want at most %d", each, mostOfANode)
	}
	equal(t, "samples of the last node", c.NodeMetrics(names[nodes-1]).WindowSamples, 100)
	runtime.KeepAlive(c)
	runtime.KeepAlive(names)
}

func TestResetFreesTheMemoryOfANode(t *testing.T) {
	skipUnderRace(t)
	const nodes, limit = 1000, 300 // its place in the map, its name and its handle
	c := newCollector(t)
	before := heap()
	for i := range nodes {
		name := fmt.Sprint(i)
		for range 100 {
			c.RecordSuccess(name, 1)
		}
	}
	full := (heap() - before) / nodes
	c.Reset()
	empty := (heap() - before) / nodes
	if full < 3*limit || empty > limit {
		t.Errorf("%d bytes a node, and %d after a reset, want at most %d", full, empty, limit)
	}
	runtime.KeepAlive(c)
}
