package ring

import "math/bits"

// A head is a shard's count of tickets, written as the lap and the slot of the next one, so that no record divides:
//
//	63       62        61 … shift         shift-1 … 0
//	CLOSED   SHARDED   lap, counted from 1   slot
//
// Heads are compared as numbers: a later ticket is a larger one, and a head with a flag is larger than any without.
const (
	closed  = 1 << 63 // no ticket will be taken any more
	sharded = 1 << 62 // tickets are taken at the cores' shards
	flags   = closed | sharded
)

// geometry lays slots out in heads. It never changes.
type geometry struct {
	last  uint32 // the last slot of a lap
	shift uint32 // bits of the slot
}

func geometryFor(slots int) geometry {
	return geometry{last: uint32(slots - 1), shift: uint32(bits.Len32(uint32(slots - 1)))}
}

func (g geometry) lapLength() uint64       { return 1 << (g.shift & 63) } // in heads
func (g geometry) start() uint64           { return g.lapLength() }       // lap 1, slot 0
func (g geometry) lap(head uint64) uint64  { return head &^ flags >> (g.shift & 63) }
func (g geometry) slot(head uint64) uint64 { return head & (g.lapLength() - 1) }
func (g geometry) size() uint64            { return uint64(g.last) + 1 }

// issued returns how many tickets have been taken.
func (g geometry) issued(head uint64) uint64 {
	laps := g.lap(head) - 1
	return (laps-laps/lapCycle)*g.size() + g.slot(head)
}

// lapCycle is how many laps the tags of samples tell apart. Multiples of it are left out in the count of laps.
const lapCycle = 128

// after returns the head that follows: the next slot, or the first of the next lap.
func (g geometry) after(head uint64) uint64 {
	if g.slot(head) != uint64(g.last) {
		return head + 1
	}
	next := (head | (g.lapLength() - 1)) + 1
	if g.lap(next)%lapCycle == 0 {
		next += g.lapLength()
	}
	return next
}

// before returns the head that precedes; head must not be the start.
func (g geometry) before(head uint64) uint64 {
	if g.slot(head) != 0 {
		return head - 1
	}
	return lapBefore(g.lap(head))<<(g.shift&63) | uint64(g.last)
}

// lapBefore returns the lap before lap, 0 for the first.
func lapBefore(lap uint64) uint64 {
	if lap--; lap%lapCycle == 0 && lap != 0 {
		lap--
	}
	return lap
}

// owner returns the lap of the newest ticket before head that names the slot, 0 when there is none.
func (g geometry) owner(head, slot uint64) uint64 {
	if slot < g.slot(head) {
		return g.lap(head)
	}
	return lapBefore(g.lap(head))
}
