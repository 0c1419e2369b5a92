package ring

import "math/bits"

// A head counts the complete records of a shard, as the lap and the slot of the
// next record, so no record divides:
//
//	63     62       61 … shift         shift-1 … 0
//	BUSY   FROZEN   lap, counted from 1   slot
//
// Without flags a head only grows.
const (
	busy   = 1 << 63 // a recorder owns the shard, and nobody else writes it
	frozen = 1 << 62 // the first shard takes no records any more
	flags  = busy | frozen
)

// geometry lays slots out in heads. It never changes.
type geometry struct {
	last uint32 // the last slot of a lap
	mask uint32 // the bits of the slot
}

func geometryFor(slots int) geometry {
	return geometry{last: uint32(slots - 1), mask: 1<<bits.Len32(uint32(slots-1)) - 1}
}

func (g geometry) start() uint64           { return uint64(g.mask) + 1 } // lap 1, slot 0
func (g geometry) lap(head uint64) uint64  { return head &^ flags >> (bits.Len32(g.mask) & 63) }
func (g geometry) slot(head uint64) uint64 { return head & uint64(g.mask) }
func (g geometry) size() uint64            { return uint64(g.last) + 1 }

// ended returns the number of records that ended. It is the ordinal of the next
// record, because records are numbered from 0.
func (g geometry) ended(head uint64) uint64 { return (g.lap(head)-1)*g.size() + g.slot(head) }

// begun returns the number of records that began, which are the complete
// records and a record under way.
func (g geometry) begun(head uint64) uint64 { return g.ended(head) + head>>63 }

// after returns the head that follows a head without flags. That is the next
// slot, or the first slot of the next lap.
func (g geometry) after(head uint64) uint64 {
	if g.slot(head) == uint64(g.last) {
		head |= uint64(g.mask)
	}
	return head + 1
}
