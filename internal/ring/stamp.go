package ring

import (
	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// soloSpan is after how many records, at most, a recorder looks whether its
// shard is the only one that gets records.
const soloSpan = 256

// stamp returns the stamp of a record. The end is the reading of clock.Now that
// ended its execution, or 0. The caller owns the shard, whose head was this,
// and has loaded solo. See "Stamps" and "Recording alone" in the package's
// comment.
func (c *cores) stamp(s *coreShard, head, solo uint64, end int64) uint64 {
	switch own := uint64(s.index) + 1; {
	case solo != own && solo != 0:
		c.solo.Store(0) // before the clock is read, and the shard released
	case solo == 0 && end == 0 && head%soloSpan == 0:
		c.claimSolo(s)
	}
	step.At(step.Joined)
	if end <= 0 {
		end = clock.Now()
	}
	return uint64(clock.Stamp(end))
}

// quiet has the view of a shard's owner of the other shards.
type quiet struct {
	heads uint64 // the sum of their heads, which only grow
	at    int64  // a stamp from after that; 0 if one of them was owned
}

// claimSolo makes the caller's shard the one that records alone, if no other
// shard got a record since claimSolo was last called for it. The caller reads
// the clock afterwards.
//
//go:noinline
func (c *cores) claimSolo(s *coreShard) {
	last := s.quiet
	s.quiet = c.others(s)
	if last.at == 0 || s.quiet.heads != last.heads || s.quiet.at <= last.at {
		return
	}
	own := uint64(s.index) + 1
	if !c.solo.CompareAndSwap(0, own) {
		return
	}
	step.At(step.Claimed)
	if again := c.others(s); again.at == 0 || again.heads != last.heads {
		c.solo.CompareAndSwap(own, 0)
	}
}

// others looks at all shards but one, and then at the clock.
func (c *cores) others(s *coreShard) (q quiet) {
	owned := false
	for other := range c.all {
		if other != s {
			head := other.head.Load()
			step.At(step.Reading)
			owned = owned || head&busy != 0
			q.heads += head
		}
	}
	if !owned {
		q.at = clock.Stamp(clock.Now())
	}
	return q
}
