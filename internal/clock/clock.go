// Package clock is the process's monotonic clock, read in the cheapest way that
// Go offers on every platform.
package clock

import "time"

// epoch has a monotonic reading, so Since reads the monotonic clock alone. That
// is about half the cost of time.Now.
var epoch = time.Now()

// Now returns the nanoseconds since the process started, by the monotonic
// clock. The clock never goes back, on any core. In a testing/synctest bubble
// Now reads the bubble's clock, which stands still while anything runs. That
// clock is years away from the clock outside, so only readings of the same side
// can be compared.
func Now() int64 { return int64(time.Since(epoch)) }
