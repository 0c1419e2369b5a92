package atomicmetrics_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestAMillionNamesTakeNoMoreMemoryThanTheDefaultLimitOfNodes(t *testing.T) {
	skipUnderRace(t)
	const names, limit = 1_000_000, atomicmetrics.DefaultMaxNodes
	for _, row := range []struct {
		name, format string
		perNode      int64 // bytes
	}{
		{"valid names", "tenant-%d", mostOfANode},
		{"invalid names", "tenant-%d\xff", mostOfANode},
	} {
		t.Run(row.name, func(t *testing.T) {
			var name []byte
			before := heap()
			c := newCollector(t)
			var full int64
			for i := range names {
				name = fmt.Appendf(name[:0], row.format, i)
				c.RecordSuccess(string(name), time.Duration(i))
				if i == names/10 {
					full = heap()
				}
			}
			end := heap()
			t.Logf("%d bytes a node, %d bytes more after nine tenths of the names", (end-before)/limit, end-full)
			if each := (end - before) / limit; each > row.perNode {
				t.Errorf("%d bytes a node, want at most %d", each, row.perNode)
			}
			if end-full > 64<<10 {
				t.Errorf("%d bytes for names beyond the limit", end-full)
			}
			sum, nodes := uint64(0), c.AllNodeMetrics()
			for _, m := range nodes {
				sum += m.TotalExecutions
			}
			equal(t, "nodes", len(nodes), limit+1)
			equal(t, "executions", sum, names)
			equal(t, "executions of the overflow node", nodes[atomicmetrics.OverflowNode].TotalExecutions, names-limit)
			runtime.KeepAlive(c)
		})
	}
}
