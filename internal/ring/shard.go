package ring

import (
	"math/bits"
	"sync/atomic"

	"github.com/nodemetrics/nodemetrics/internal/release"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// shard is a line of memory with the counters that a record writes.
type shard struct {
	head atomic.Uint64

	// The sum of durations has 128 bits. The word sum has the low 64 bits, and
	// crossings counts how often the sum crossed a multiple of 2^63. The record
	// whose add crosses counts the crossing right after the add. So the parity
	// of crossings is the top bit of sum, except between these two steps. Then
	// crossings is one behind, and a reader sees this by the parity.
	sum       atomic.Uint64
	crossings atomic.Uint64

	outcomes [Outcomes]atomic.Uint64
}

// acquire makes the caller the shard's owner, and returns the earlier head. If
// the shard has an owner, acquire reports false at once.
func (s *shard) acquire() (head uint64, owned bool) {
	head = s.head.Load()
	step.At(step.Aimed)
	return head, head < frozen && s.head.CompareAndSwap(head, head|busy)
}

// count adds an execution, the sum first and then the outcome. The caller owns
// the shard.
func (s *shard) count(o Outcome, d uint64) {
	was := s.sum.Load()
	release.Store(&s.sum, was+d)
	step.At(step.Added)
	if crosses(was, was+d) {
		release.Store(&s.crossings, s.crossings.Load()+1)
	}
	step.At(step.Summed)
	release.Store(&s.outcomes[o], s.outcomes[o].Load()+1)
	step.At(step.Counted)
}

// crosses reports whether a sum crosses a multiple of 2^63.
func crosses(was, sum uint64) bool { return int64(was^sum) < 0 }

// total returns the sum of durations in units of 2^63, and the rest. It is exact
// while at most one crossing is under way. A second crossing takes 2^63 ns of
// durations, which are 292 years. Then the sum may be too low until these
// records have ended.
func (s *shard) total() (high, low uint64) {
	for range 8 {
		high = s.crossings.Load()
		step.At(step.Reading)
		low = s.sum.Load()
		step.At(step.Reading)
		if s.crossings.Load() == high {
			break
		}
	}
	return high + (high^low>>63)&1, low &^ (1 << 63)
}

// Sum is a 128-bit sum of nanoseconds.
type Sum struct{ high, low uint64 }

// add adds high·2^63 + low; both terms' low parts are below 2^63.
func (t *Sum) add(high, low uint64) {
	var carry uint64
	t.low, carry = bits.Add64(t.low, high<<63, 0)
	t.high += high>>1 + carry
	t.low, carry = bits.Add64(t.low, low, 0)
	t.high += carry
}

// Saturated returns the sum, or limit if the sum is larger.
func (t Sum) Saturated(limit uint64) uint64 {
	if t.high != 0 {
		return limit
	}
	return min(t.low, limit)
}

// Over returns the sum divided by n > 0, rounded down, and limit where that
// would be larger.
func (t Sum) Over(n, limit uint64) uint64 {
	if t.high >= n {
		return limit
	}
	quotient, _ := bits.Div64(t.high, t.low, n)
	return min(quotient, limit)
}
