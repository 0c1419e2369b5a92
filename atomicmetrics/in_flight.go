package atomicmetrics

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// WithInFlight keeps, for every node, the executions that are running: Node.InFlight, Snapshot.InFlight. It is for
// finding the node that hangs, which no record ever shows. Only executions that Start began are known, so those of
// timers and of package wrap; each runs until the first call of Stop or Discard on its Timer.
//
// Records cost the same with it. Start and Stop together take four more atomic instructions. A node takes some 100 bytes
// more, and 8 for each execution that ever ran at once with others.
func WithInFlight() Option { return func(c *config) { c.inFlight = true } }

// InFlight is what runs of a node, of a collector made WithInFlight. It is a plain value.
type InFlight struct {
	Running int           // executions that have begun and not ended
	Highest int           // the most that ever ran at once since the last reset, at least Running
	Oldest  time.Duration // how long the one that began first has been running, to the microsecond; 0 when none is
}

// InFlight returns the executions of the node that are running, and the zero
// InFlight without [WithInFlight]. Beside executions that begin and end, Running
// and Highest are of one moment of the call, and Oldest is of another. Some
// executions may be counted and not timed if more than 10,000 of one node run at
// once. Then Oldest is a lower bound. InFlight waits for no other goroutine.
func (n *Node) InFlight() InFlight {
	var d details
	n.metrics(&d)
	return d.inFlight
}

// begin adds the execution that the timer measures to those of its node. They
// must be seen under the node's name. So if the node is forgotten, its successor
// has the execution, and the successor takes the name's place. If the node is
// forgotten after begin, it keeps its place while it is busy: see package
// registry.
func (t *Timer) begin() {
	for {
		n := t.node
		t.execution = n.optional.inFlight.Begin(t.start)
		if !n.isForgotten() {
			return
		}
		n.optional.inFlight.End(t.execution)
		t.node = n.successor()
	}
}

// end ends the execution that the timer measures. If its node was forgotten
// meanwhile and runs nothing else, the name may lose its place now.
func (t *Timer) end() {
	n := t.node
	n.optional.inFlight.End(t.execution)
	if n.isForgotten() && !n.busy() {
		n.collector.names.Remove(n.name)
	}
}

// The JSON of Snapshot.InFlight: {"<node>": {"running": …, "highest": …, "oldestMs": …}, …}.

var (
	inFlightTable = newJSONTable(
		sizeField("running", 0, maxWindowSize, func(f *InFlight) *int { return &f.Running }),
		sizeField("highest", 1, maxWindowSize, func(f *InFlight) *int { return &f.Highest }),
		millisField("oldestMs", math.MaxInt64,
			func(f *InFlight) *time.Duration { return &f.Oldest }).nullWhen(noneRunning),
	)

	noneRunning = &jsonCondition[InFlight]{
		"running is 0", func(f *InFlight) bool { return f.Running == 0 },
	}
)

func noInFlight(s *Snapshot) bool { return s.InFlight == nil }

// encodeInFlight appends the object of all that is in flight.
func encodeInFlight(b []byte, s *Snapshot) ([]byte, error) {
	return encodeByName(b, s.InFlight, func(b []byte, f InFlight) ([]byte, error) {
		b, err := inFlightTable.encode(b, &f)
		return b, fieldError("inFlight", err)
	})
}

// decodeInFlight reads the object of all that is in flight.
func decodeInFlight(text jsonText, s *Snapshot) (err error) {
	if s.InFlight, err = decodeByName(text, "inFlight", inFlightTable.decode); err != nil {
		return err
	}
	return s.checkInFlight()
}

// checkInFlight returns an error unless what is in flight is as a read has it.
func (s *Snapshot) checkInFlight() error {
	for _, name := range sortedKeys(s.InFlight) {
		if err := s.InFlight[name].check(); err != nil {
			return nodeError(name, fieldError("inFlight", err))
		}
	}
	return nil
}

// check returns an error that names the field which is out of range or contradicts another.
func (f InFlight) check() error {
	switch {
	case f.Running < 0 || f.Running > maxWindowSize:
		return fieldError("running", fmt.Errorf("%d is not from 0 to %d", f.Running, maxWindowSize))
	case f.Highest < 1 || f.Highest > maxWindowSize:
		return fieldError("highest", fmt.Errorf("%d is not from 1 to %d", f.Highest, maxWindowSize))
	case f.Oldest < 0:
		return fieldError("oldestMs", fmt.Errorf("%v is negative", f.Oldest))
	case f.Running == 0 && f.Oldest > 0:
		return fieldError("oldestMs", errors.New("running is 0"))
	}
	return inOrder(figure{"running", uint64(f.Running), false}, figure{"highest", uint64(f.Highest), false})
}

// add returns the sum of what two processes have in flight.
func (f InFlight) add(g InFlight) (InFlight, error) {
	sum := InFlight{f.Running + g.Running, f.Highest + g.Highest, max(f.Oldest, g.Oldest)}
	if f.Highest > maxWindowSize-g.Highest {
		return sum, fieldError("inFlight", fieldError("highest", fmt.Errorf("the sum is above %d", maxWindowSize)))
	}
	return sum, nil
}
