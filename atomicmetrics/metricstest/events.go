package metricstest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// Patience is how long an assertion waits for an event. In a bubble of
// testing/synctest that is no time at all.
const Patience = 10 * time.Second

// Events collects the events of collectors with its Option. The zero value is
// ready for use. Events must not be copied after first use. All methods are
// safe for concurrent use.
type Events struct {
	mu      sync.Mutex
	pending []atomicmetrics.Event // not required yet, in the order of arrival
	seen    []atomicmetrics.Event // all, for the message of a failure
	// Closed by the next event of the same side; nil when nobody waits.
	arrived chan struct{}
	// Arrived belongs to a synctest bubble, so only goroutines in it may touch
	// it.
	bubbled bool
}

// Option makes a collector deliver its events here too.
func (e *Events) Option() atomicmetrics.Option { return atomicmetrics.OnEvent(e.add) }

func (e *Events) add(event atomicmetrics.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = append(e.pending, event)
	e.seen = append(e.seen, event)
	if e.arrived != nil && e.bubbled == clock.Bubbled() {
		close(e.arrived)
	}
	e.arrived = nil
}

// RequireBreach waits until the node has breached the threshold of that kind,
// and returns the event. If no breach comes, it ends the test. Each event
// serves once, so a second call waits for the next breach.
func (e *Events) RequireBreach(t testing.TB, node string, kind atomicmetrics.EventKind) atomicmetrics.Event {
	t.Helper()
	return e.require(t, node, kind, true)
}

// RequireRecovery is RequireBreach for the recovery.
func (e *Events) RequireRecovery(t testing.TB, node string, kind atomicmetrics.EventKind) atomicmetrics.Event {
	t.Helper()
	return e.require(t, node, kind, false)
}

// RequireNoMore ends the test if there is an event, of any node and kind, that
// the test has not required. It first waits until all events of c so far are
// delivered.
func (e *Events) RequireNoMore(t testing.TB, c *atomicmetrics.Collector) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Fatalf("the collector has not delivered its events, perhaps because a callback does not return: %v", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.pending) > 0 {
		t.Fatalf("the test has not required these events:\n%s", list(e.pending))
	}
}

// require waits for an event, takes it out of the pending events, and returns
// it.
func (e *Events) require(t testing.TB, node string, kind atomicmetrics.EventKind, breached bool) atomicmetrics.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	wanted := func(event atomicmetrics.Event) bool {
		return event.Node == node && event.Kind == kind && event.Breached == breached
	}
	for {
		event, arrived := e.take(wanted)
		if arrived == nil {
			return event
		}
		select {
		case <-arrived:
		case <-time.After(10 * time.Millisecond): // an event of the other side closes no channel
		case <-ctx.Done():
			e.mu.Lock()
			e.arrived = nil // the channel of a bubble must not outlive it
			seen := list(e.seen)
			e.mu.Unlock()
			t.Fatalf("this event did not come:\n\t%s\nall events of the collector so far:\n%s",
				describe(node, kind, breached), seen)
		}
	}
}

// take returns the first pending event that is wanted; when there is none, a
// channel that the next event closes.
func (e *Events) take(wanted func(atomicmetrics.Event) bool) (event atomicmetrics.Event, arrived <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.IndexFunc(e.pending, wanted); i >= 0 {
		event = e.pending[i]
		e.pending = slices.Delete(e.pending, i, i+1)
		return event, nil
	}
	if bubbled := clock.Bubbled(); e.arrived == nil || e.bubbled != bubbled {
		e.arrived, e.bubbled = make(chan struct{}), bubbled
	}
	return event, e.arrived
}

func describe(node string, kind atomicmetrics.EventKind, breached bool) string {
	what := "recovered"
	if breached {
		what = "breached"
	}
	return fmt.Sprintf("node %q: %v %s", node, kind, what)
}

// list has a line for each event.
func list(events []atomicmetrics.Event) string {
	if len(events) == 0 {
		return "\tnone"
	}
	var lines []string
	for _, e := range events {
		lines = append(lines, "\t"+e.String())
	}
	return strings.Join(lines, "\n")
}
