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

func (g geometry) lapLength() uint64         { return 1 << (g.shift & 63) } // in heads: from a slot to the same slot
func (g geometry) start() uint64             { return g.lapLength() }       // lap 1, slot 0
func (g geometry) lap(head uint64) uint64    { return head &^ flags >> (g.shift & 63) }
func (g geometry) slot(head uint64) uint64   { return head & (g.lapLength() - 1) }
func (g geometry) size() uint64              { return uint64(g.last) + 1 }
func (g geometry) issued(head uint64) uint64 { return (g.lap(head)-1)*g.size() + g.slot(head) }

// after returns the head that follows: the next slot, or the first of the next lap.
func (g geometry) after(head uint64) uint64 {
	if g.slot(head) == uint64(g.last) {
		return (head | (g.lapLength() - 1)) + 1
	}
	return head + 1
}

// before returns the head that precedes; head must not be the start.
func (g geometry) before(head uint64) uint64 {
	if g.slot(head) == 0 {
		return head - g.lapLength() + uint64(g.last)
	}
	return head - 1
}
