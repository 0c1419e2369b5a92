package ring

import "math/bits"

// A head counts the records that are complete in a shard, written as the lap and the slot of the next one, so that no
// record divides:
//
//	63     62       61 … shift         shift-1 … 0
//	BUSY   FROZEN   lap, counted from 1   slot
//
// Without flags it only grows.
const (
	busy   = 1 << 63 // a recorder owns the shard: nobody else writes it
	frozen = 1 << 62 // the first shard takes no records any more
	flags  = busy | frozen
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

// begun returns how many records have begun: those complete, and the one under way if there is one.
func (g geometry) begun(head uint64) uint64 {
	return (g.lap(head)-1)*g.size() + g.slot(head) + head>>63
}

// after returns the head that follows one without flags: the next slot, or the first of the next lap.
func (g geometry) after(head uint64) uint64 {
	if g.slot(head) != uint64(g.last) {
		return head + 1
	}
	return (head | (g.lapLength() - 1)) + 1
}

// written returns how many slots have had a sample.
func (g geometry) written(head uint64) uint64 {
	if g.lap(head) == 1 {
		return g.slot(head)
	}
	return g.size()
}

// newest returns the slot of the last record that is complete, if there is one.
func (g geometry) newest(head uint64) uint64 {
	if at := g.slot(head); at != 0 {
		return at - 1
	}
	return uint64(g.last)
}

// behind returns how far a slot is behind a head, going back from it: 1 for the newest sample, size for the oldest.
func (g geometry) behind(head, slot uint64) uint64 {
	if at := g.slot(head); slot < at {
		return at - slot
	} else {
		return at + g.size() - slot
	}
}
