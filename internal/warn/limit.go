package warn

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// A Limiter lets one warning a second pass, and counts the warnings that it
// holds back. The zero Limiter is ready. It waits for nobody.
type Limiter struct {
	last atomic.Int64  // when a warning passed, by package clock, less never
	held atomic.Uint64 // warnings held back since then
}

// never is a time at which nothing passed.
const never = math.MinInt64

// due reports, to one caller a second, that it is time for a warning. Only a
// synctest bubble's clock can be before last.
func (l *Limiter) due() bool {
	word, now := l.last.Load(), clock.Now()
	last := word + never
	early := last != never && now >= last && now-last < int64(time.Second)
	return !early && l.last.CompareAndSwap(word, now-never)
}

// Pass reports whether a warning may pass, and how many were held back before
// it. If no warning may pass, Pass counts one more.
func (l *Limiter) Pass() (held uint64, ok bool) {
	if !l.due() {
		l.held.Add(1)
		return 0, false
	}
	return l.held.Swap(0), true
}

// Drops limits the warnings about items that a queue has dropped. The zero
// Drops is ready. It waits for nobody.
type Drops struct {
	limiter Limiter
	told    atomic.Uint64
}

// Pass takes how many items the queue has dropped in all, and whether it is
// empty. Pass returns how many dropped items no warning has told of yet, and
// whether a warning may pass. A warning may pass each second, and when the
// queue is empty.
func (d *Drops) Pass(dropped uint64, empty bool) (n uint64, ok bool) {
	told := d.told.Load()
	if dropped <= told || !d.limiter.due() && !empty || !d.told.CompareAndSwap(told, dropped) {
		return 0, false
	}
	return dropped - told, true
}
