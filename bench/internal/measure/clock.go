// Package measure has what the benchmarks measure with.
package measure

import "time"

// base has a monotonic reading, so that Since reads the monotonic clock alone.
var base = time.Now()

// Now reads the monotonic clock: the time since the process started.
func Now() time.Duration { return time.Since(base) }
