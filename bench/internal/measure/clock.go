// Package measure has the tools by which the benchmarks measure.
package measure

import "time"

// base has a monotonic reading, so that Since reads the monotonic clock alone.
var base = time.Now()

// Now returns the time since the process started, by the monotonic clock.
func Now() time.Duration { return time.Since(base) }
