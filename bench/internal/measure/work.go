package measure

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Work is a goroutine's own work between two records. It is arithmetic in
// registers, without clock and shared memory. Each goroutine has a Work of its
// own.
type Work uint64

// Do works for so many turns.
func (w *Work) Do(turns int) {
	x := uint64(*w) | 1
	for range turns {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	*w = Work(x)
}

// Spend keeps the compiler from leaving out work that nobody looks at.
func (w *Work) Spend() { spent.Add(uint64(*w)) }

var spent atomic.Uint64

// Microsecond returns how many turns take a microsecond. The fastest of many
// trials counts, because nothing else was in its way.
var Microsecond = sync.OnceValue(func() int {
	const trials, turns = 200, 20_000
	var w Work
	fastest := time.Duration(math.MaxInt64)
	for range trials {
		start := Now()
		w.Do(turns)
		fastest = min(fastest, Now()-start)
	}
	w.Spend()
	return max(1, int(time.Microsecond*turns/max(fastest, 1)))
})
