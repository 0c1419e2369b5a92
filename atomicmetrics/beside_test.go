package atomicmetrics

import (
	"strings"
	"testing"
)

// A snapshot reads a node, a reset clears the nodes, and the snapshot reads on.
// It must not be added to either reset, because it has figures of both.
func TestASnapshotBesideAResetOverlapsTheNextResetToo(t *testing.T) {
	c := forgetCollector(t, WithSketches())
	names := []string{"a", "b"}
	record := func() {
		for _, name := range names {
			c.RecordSuccess(name, 1)
		}
	}
	record()
	earlier := c.Snapshot()
	var first Snapshot
	s := c.snapshot(c.intervals.Read, func(n *Node, d *details) NodeMetrics {
		if first.Nodes == nil {
			defer func() { first = c.Reset(); record() }()
		}
		return n.metrics(d)
	})
	next := c.Reset()
	between, err := s.Since(earlier)
	if err != nil {
		t.Fatal(err)
	}
	for _, read := range []Snapshot{s, between} {
		for _, reset := range []Snapshot{first, next} {
			if _, err := Merge(read, reset); err == nil || !strings.Contains(err.Error(), "would count twice") {
				t.Errorf("%v and the reset %v are merged: %v", read.Sources, reset.Sources, err)
			}
		}
	}
	if _, err := Merge(first, next); err != nil {
		t.Error(err)
	}
}
