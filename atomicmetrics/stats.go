package atomicmetrics

import (
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/registry"
)

// Stats has the collector's own figures. It is a plain value, which can be
// compared, copied and kept.
type Stats struct {
	// Nodes is how many names have a place, of the number that WithMaxNodes
	// allows. OverflowNode is not counted.
	Nodes int

	// ShardedNodes is how many nodes were contended since their last reset.
	// Each core that records in such a node has a shard, with a window of its
	// own.
	ShardedNodes int

	// OverflowRecords is how many executions, ignored ones too, and retries
	// OverflowNode has been given since New, resets regardless. While a reset
	// of that node is under way, those that it clears are missing.
	OverflowRecords uint64

	// EventsDropped is how many events were dropped since New, because more
	// than 1,024 waited for callbacks.
	EventsDropped uint64

	// DurationsClamped is how many records since New had a duration out of range.
	DurationsClamped uint64

	// Bytes estimates the memory that the nodes hold, with names and places in
	// the map. The allocator rounds sizes up, so Bytes is usually a tenth too
	// low. It leaves out waiting events and warnings, and buffers of reads.
	Bytes int

	// Forgotten is the sum of the nodes that WithIdleForget has forgotten since
	// New, without the records that a reset had returned. It has no window.
	Forgotten NodeMetrics

	// ForgottenIgnored is how many ignored executions these nodes had, without
	// those that a reset had cleared.
	ForgottenIgnored uint64
}

// Stats returns the collector's own figures. It looks at every node, waits for
// nobody, and costs records nothing. Each figure is of some moment of the call.
// The Stats of a nil Collector are zero.
func (c *Collector) Stats() (s Stats) {
	if c == nil {
		return s
	}
	s.Nodes = c.names.Len()
	s.DurationsClamped = c.clampings.Load()
	s.OverflowRecords = c.overflowCleared.Load() + c.overflow.life.State().Records()
	if f := c.forgotten.Load(); f != nil {
		s.Forgotten = f.NodeMetrics
	}
	s.ForgottenIgnored = c.forgottenIgnored.Load()
	s.EventsDropped = c.events.Dropped()
	s.Bytes = int(unsafe.Sizeof(*c))
	for _, n := range c.names.All() {
		s.Bytes += registry.EntrySize + int(unsafe.Sizeof(*n)) + len(n.name) + n.life.Size()
		if state := n.life.State(); state != nil && state.Ring.Sharded() {
			s.ShardedNodes++
		}
	}
	return s
}

// addForgotten adds the metrics of a node that was idle to Stats.Forgotten. The
// caller holds c.sweeping.
func (c *Collector) addForgotten(m NodeMetrics) {
	m.clearWindow()
	m.FailureRateBreached, m.LatencyBreached, m.RunningBreached = false, false, false
	sum := new(nodeSum)
	if old := c.forgotten.Load(); old != nil {
		*sum = *old
	}
	_ = sum.add(&m, time.Now()) // add fails only at 2^64 executions.
	c.forgotten.Store(sum)
}
