//go:build gc && !nodemetrics_portable && !nodemetrics_step

package clock

import _ "unsafe" // for go:linkname

// nanotime is the clock that time.Now reads outside of bubbles. The runtime
// keeps its name for callers such as this.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// Real returns nanoseconds of the machine's monotonic clock. A testing/synctest
// bubble does not change this clock. So stamps by Real put the records of a
// bubble and those outside into one order. BenchmarkClock compares it with Now.
func Real() int64 { return nanotime() }
