package atomicmetrics

import (
	"fmt"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/enum"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// EventKind tells which threshold an event is about.
type EventKind uint8

// The kinds of events.
const (
	FailureRateEvent EventKind = iota
	LatencyEvent
	RunningEvent
)

var eventKindEnum = enum.Enum[EventKind]{
	Type: "EventKind", What: "a kind of event", Names: []string{"failureRate", "latency", "running"},
}

// String returns "failureRate", "latency" or "running", and "EventKind(9)" for
// a value that is no kind.
func (k EventKind) String() string { return eventKindEnum.String(k) }

// MarshalText returns the name that String does. A value that is no kind is an
// error.
func (k EventKind) MarshalText() ([]byte, error) { return eventKindEnum.MarshalText(k) }

// UnmarshalText reads a name that MarshalText wrote. On an error it leaves the
// kind unchanged.
func (k *EventKind) UnmarshalText(text []byte) error { return eventKindEnum.UnmarshalText(text, k) }

// Event says that a node's window crossed a threshold, or that an execution of
// the node has been running for too long. Breaches and recoveries of one node
// and kind alternate. FailureRate, P99 and Samples of a RunningEvent are 0.
type Event struct {
	Node        string
	Kind        EventKind     // which threshold
	Breached    bool          // false: recovered
	FailureRate float64       // of the window at the event, from 0 to 1
	P99         time.Duration // of the window at the event
	Samples     int           // in the window at the event; 0 when a reset made the node recover
	At          time.Time     // when the event was raised
	// Age of the oldest running execution; 0 unless a RunningEvent breached.
	Running time.Duration
}

// String returns a line for people, such as
//
//	node "fetch": failureRate breached, 62% of 100 failed, p99 1.2ms at 2026-01-02T15:04:05.678Z
//	node "fetch": running breached, oldest 1m0.2s at 2026-01-02T15:04:05.678Z
func (e Event) String() string {
	what := "recovered"
	if e.Breached {
		what = "breached"
	}
	text := fmt.Sprintf("node %q: %v %s", e.Node, e.Kind, what)
	switch {
	case e.Kind != RunningEvent:
		text += fmt.Sprintf(", %.3g%% of %d failed, p99 %v", 100*e.FailureRate, e.Samples, e.P99)
	case e.Breached:
		text += fmt.Sprintf(", oldest %v", e.Running)
	}
	if !e.At.IsZero() {
		text += e.At.UTC().Format(" at 2006-01-02T15:04:05.000Z")
	}
	return text
}

// maxWaiting is how many events, and how many warnings, wait for a callback or
// a log that is slow.
const maxWaiting = 1024

// raiser returns the function that puts the events of a node's changes; nil
// without callbacks.
func (c *Collector) raiser(node string) func(verdict.Change) {
	if c.events == nil {
		return nil
	}
	return func(change verdict.Change) {
		e := Event{Node: node, P99: change.P99, Samples: change.Stats.Samples, At: time.Now()}
		if e.Samples > 0 {
			e.FailureRate = float64(change.Stats.Failures) / float64(e.Samples)
		}
		for kind, breach := range [...]verdict.Verdict{FailureRateEvent: verdict.FailureBreach, LatencyEvent: verdict.LatencyBreach} {
			if change.Changed(breach) {
				e.Kind, e.Breached = EventKind(kind), change.After&breach != 0
				c.events.Put(e)
			}
		}
	}
}

// runningRaiser returns the function that puts the RunningEvents of a node; nil
// without callbacks.
func (c *Collector) runningRaiser(node string) func(oldest time.Duration) {
	if c.events == nil {
		return nil
	}
	return func(oldest time.Duration) {
		c.events.Put(Event{Node: node, Kind: RunningEvent, Breached: oldest > 0, Running: oldest, At: time.Now()})
	}
}
