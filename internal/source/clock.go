package source

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Clock tells the intervals of one instance, in nanoseconds of Unix time. All
// methods are safe for concurrent use.
type Clock struct {
	resetting sync.Mutex   // held by a reset
	since     atomic.Int64 // when the clock was started, or the last reset
	latest    atomic.Int64 // the latest moment
}

// Start starts the clock. The caller has not shared it yet.
func (c *Clock) Start() { c.since.Store(c.moment(0)) }

// Now returns the source of a read that begins now.
func (c *Clock) Now(instance string) Source {
	for {
		since := c.since.Load()
		if at := c.moment(since); c.since.Load() == since { // else a reset has just ended
			return interval(instance, since, at)
		}
	}
}

// Reset calls f with the source of a reset that begins now. The next interval
// begins where this one ends. It is there when f has returned. So a read beside
// f overlaps the reset. One reset waits for the other.
func (c *Clock) Reset(instance string, f func(Source)) {
	c.resetting.Lock()
	defer c.resetting.Unlock()
	since := c.since.Load()
	at := c.moment(since)
	defer c.since.Store(max(at, since+1)) // An interval has a nanosecond at least.
	f(interval(instance, since, at))
}

func interval(instance string, since, at int64) Source {
	return Source{instance, time.Unix(0, since).UTC(), time.Unix(0, at).UTC()}
}

// moment returns the time, and earliest if that is later. If the system's clock
// was set back, each moment is a nanosecond later than the one before, so that
// intervals stay in order.
func (c *Clock) moment(earliest int64) int64 {
	now := time.Now().UnixNano()
	for {
		latest, at := c.latest.Load(), now
		if now < latest {
			at = latest + 1
		}
		at = max(at, earliest)
		if c.latest.CompareAndSwap(latest, at) {
			return at
		}
	}
}
