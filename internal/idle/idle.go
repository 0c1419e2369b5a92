// Package idle tells for how long a node has had no record. Records pay nothing
// for it. It compares the number of records at one look with the number at an
// earlier look.
//
// A reset takes the records away, so their number alone does not tell whether
// there were new ones. A [Watch] counts resets too. It knows nothing of a node
// while a reset is taking the records away. So between two looks that found the
// same [Activity] no reset was under way, and nothing was recorded. Both looked
// at one state of the node, or the first found no state and the second an empty
// one.
package idle

import (
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// A Watch watches a node. The zero Watch has seen nothing.
type Watch struct {
	clearing atomic.Uint64 // resets that have begun to take the records
	cleared  atomic.Uint64 // of these, the ones that have ended

	// One goroutine at a time, the caller of Idle, owns the rest.
	seen  Activity
	since int64 // when seen was true, by package clock
	known bool  // whether seen and since are set
}

// Activity is how many resets there were, and how many records since.
type Activity struct{ cleared, records uint64 }

// BeginReset is called before a reset takes the records.
func (w *Watch) BeginReset() { w.clearing.Add(1) }

// EndReset is called after a reset took the records, or found that another
// reset had taken them.
func (w *Watch) EndReset() { w.cleared.Add(1) }

// Activity returns the node's activity. records returns how many records the
// node has since the last reset. Activity returns false while a reset is taking
// the records.
func (w *Watch) Activity(records func() uint64) (_ Activity, ok bool) {
	a := Activity{cleared: w.cleared.Load()}
	a.records = records()
	return a, w.clearing.Load() == a.cleared
}

// Idle reports whether nothing was recorded for at least d, as far as earlier
// calls can tell. A busy node is not idle. Idle reads the clock before it looks
// at the node, and the earlier call read it afterwards. So at least that time
// has passed between the two looks.
func (w *Watch) Idle(d time.Duration, busy bool, records func() uint64) bool {
	now := clock.Now()
	a, ok := w.Activity(records)
	if !ok || busy {
		w.known = false
		return false
	}
	if !w.known || a != w.seen {
		w.known, w.seen, w.since = true, a, clock.Now()
		return false
	}
	return now-w.since >= int64(d)
}
