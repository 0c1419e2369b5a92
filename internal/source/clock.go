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
	began     atomic.Int64 // the since of the last reset that began
	latest    atomic.Int64 // the latest moment
}

// Start starts the clock. The caller has not shared it yet.
func (c *Clock) Start() {
	now := time.Now().UnixNano()
	c.since.Store(now)
	c.began.Store(now - 1) // No reset has begun.
	c.latest.Store(now)
}

// Read calls f, which reads figures, and returns the source of the read. The
// interval ends when the read begins. If a reset runs beside f, f may read
// figures of the next interval too. Then the source ends after f, so that it
// overlaps both intervals.
func (c *Clock) Read(instance string, f func()) Source {
	since := c.since.Load()
	at := c.moment()
	f()
	if c.began.Load() >= since { // A reset of the interval, or a later one.
		at = c.moment()
	}
	return interval(instance, since, at)
}

// Reset calls f, which resets figures, and returns the source of the reset. The
// interval ends when the reset begins. The next one begins there, and is there
// when f has returned. So a read beside f overlaps the reset. One reset waits
// for the other.
func (c *Clock) Reset(instance string, f func()) Source {
	c.resetting.Lock()
	defer c.resetting.Unlock()
	since := c.since.Load()
	// Before the moment, so that a read that does not see it ends earlier.
	c.began.Store(since)
	at := c.moment()
	defer c.since.Store(at)
	f()
	return interval(instance, since, at)
}

func interval(instance string, since, at int64) Source {
	return Source{instance, time.Unix(0, since).UTC(), time.Unix(0, at).UTC()}
}

// moment returns the time, or a nanosecond after the latest moment if that is
// later. So intervals have a length, and they stay in order if the system's
// clock stands still or is set back.
func (c *Clock) moment() int64 {
	now := time.Now().UnixNano()
	for {
		latest := c.latest.Load()
		at := max(now, latest+1)
		if c.latest.CompareAndSwap(latest, at) {
			return at
		}
	}
}
