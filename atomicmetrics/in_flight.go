package atomicmetrics

import (
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
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

// InFlight returns what runs of the node; the zero InFlight without WithInFlight. Beside executions that begin and end,
// Running and Highest are of one moment of the call, and Oldest is of another. When more than 20,000 of one node run at
// once Oldest is at least what it says: some are counted and not timed then. It waits for nobody.
func (n *Node) InFlight() InFlight {
	var d details
	n.metrics(&d)
	return d.inFlight
}

// flights are the executions of a node that are running. They are no part of its state: a reset ends none.
//
// An execution is counted before it has a slot, and given its slot back before it is counted out, by whoever's CAS frees
// the slot. So count never falls below 0, however often a Timer is stopped.
type flights struct {
	// count is in one word, so that a reset is one step.
	//
	//	63 … 32                    31 … 0
	//	highest since last reset   running
	//
	// highest is at least running.
	count   atomic.Uint64
	blocks  atomic.Pointer[flightBlock] // the first, the others behind it; made when they are needed, and kept
	untimed atomic.Int64                // executions that found no slot
}

const highestShift = 32

// flightBlock has slots for executions: a power of two of them, twice as many as the block before it.
//
// A slot is its execution's from the CAS that sets BUSY to the CAS that clears it. Both go from one word to another that
// the slot has not had, but for one that is 2^15 executions old: so the word that an execution's Timer keeps frees the
// slot for that execution, once, and for no other.
//
//	63 … 49      48     47 … 0
//	executions   BUSY   when it began, in microseconds of the monotonic clock, modulo 2^48 (9 years)
type flightBlock struct {
	slots []atomic.Uint64
	next  atomic.Pointer[flightBlock]
}

const (
	flightShift = 49
	flightBusy  = 1 << 48
	flightTime  = flightBusy - 1

	firstFlights = 8      // slots of the first block
	mostFlights  = 32_768 // of the last: 65,528 in all
	flightProbes = 8      // slots of a block that are looked at
)

// flight is an execution's place among those of its node. The zero value is none.
type flight struct {
	slot *atomic.Uint64 // nil: untimed
	word uint64         // what it has in its slot; 0: this is no flight
}

// begin takes in an execution that began at now, by the monotonic clock.
func (f *flights) begin(now int64) flight {
	var running uint32
	for {
		count := f.count.Load()
		running = uint32(count) + 1
		highest := max(uint32(count>>highestShift), running)
		if f.count.CompareAndSwap(count, uint64(highest)<<highestShift|uint64(running)) {
			break
		}
	}
	at, first := micros(now), scatter(uint64(now)+uint64(running)<<32)
	for b := following(&f.blocks, firstFlights); b != nil; b = following(&b.next, 2*len(b.slots)) {
		if place, ok := b.claim(at, first); ok {
			return place
		}
	}
	f.untimed.Add(1)
	return flight{word: flightBusy}
}

// following returns the block at a place; it makes one of that size if there is none, unless it would be too large.
func following(at *atomic.Pointer[flightBlock], size int) *flightBlock {
	if b := at.Load(); b != nil || size > mostFlights {
		return b
	}
	at.CompareAndSwap(nil, &flightBlock{slots: make([]atomic.Uint64, size)})
	return at.Load()
}

// claim takes a slot. It looks at a few, all over the block: it is as if at random, so that as good as half of the block
// is taken before none is found.
func (b *flightBlock) claim(at, first uint64) (flight, bool) {
	for i := range uint64(flightProbes) {
		slot := &b.slots[(first+i)&uint64(len(b.slots)-1)]
		old := slot.Load()
		if old&flightBusy != 0 {
			continue
		}
		if word := (old>>flightShift+1)<<flightShift | flightBusy | at; slot.CompareAndSwap(old, word) {
			return flight{slot, word}, true
		}
	}
	return flight{}, false
}

// scatter returns a number whose low bits depend on all bits of n: the finalizer of splitmix64 (Steele, Lea and Flood,
// "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), shortened.
func scatter(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	return n ^ n>>27
}

// end lets an execution out, unless that was done before.
func (f *flights) end(place flight) {
	switch {
	case place.word == 0:
		return
	case place.slot != nil:
		if !place.slot.CompareAndSwap(place.word, place.word&^flightBusy) {
			return
		}
	default: // which one it was is not known: so it may be let out twice, in the place of another, but not of none
		for {
			untimed := f.untimed.Load()
			if untimed == 0 {
				return
			}
			if f.untimed.CompareAndSwap(untimed, untimed-1) {
				break
			}
		}
	}
	f.count.Add(^uint64(0))
}

func (f *flights) running() int { return int(uint32(f.count.Load())) }

// read returns what is running.
func (f *flights) read() InFlight { return f.with(f.count.Load()) }

// reset returns what is running, and begins the count of the highest anew.
func (f *flights) reset() InFlight {
	for {
		count := f.count.Load()
		running := uint64(uint32(count))
		if f.count.CompareAndSwap(count, running<<highestShift|running) {
			return f.with(count)
		}
	}
}

// with returns what is running, with these counts.
func (f *flights) with(count uint64) InFlight {
	in := InFlight{Running: int(uint32(count)), Highest: int(count >> highestShift)}
	if in.Running > 0 {
		in.Oldest = f.oldest()
	}
	return in
}

// oldest returns how long the execution that began first has been running.
func (f *flights) oldest() time.Duration {
	now, oldest := micros(clock.Now()), int64(0)
	for b := f.blocks.Load(); b != nil; b = b.next.Load() {
		for i := range b.slots {
			if word := b.slots[i].Load(); word&flightBusy != 0 {
				const unused = 64 - 48
				age := int64((now-word)<<unused) >> unused // negative when it began after now
				oldest = max(oldest, age)
			}
		}
	}
	return time.Duration(oldest) * time.Microsecond
}

// micros returns a reading of the clock as a slot has it.
func micros(now int64) uint64 { return uint64(now/int64(time.Microsecond)) & flightTime }

// begin takes in the execution that the timer measures. What runs must be seen under its name: so a node that was
// forgotten takes its place again, as for a record. A node that is forgotten after it was taken in keeps its place: see
// unlist.
func (t *Timer) begin() {
	for {
		n := t.node
		t.flight = n.extras.flights.begin(t.start)
		if n.state.Load() != gone {
			return
		}
		if t.node = n.rejoin(); t.node == n {
			return
		}
		n.extras.flights.end(t.flight)
	}
}

// end lets out the execution that the timer measures. If its node was forgotten meanwhile, it loses its place now.
func (t *Timer) end() {
	n := t.node
	n.extras.flights.end(t.flight)
	if n.state.Load() == gone && n.extras.flights.running() == 0 {
		n.collector.unlist(n)
	}
}
