//go:build !gc || nodemetrics_portable || nodemetrics_step

package clock

// Real is Now. So a record that was made in a testing/synctest bubble counts as
// older than all records outside of bubbles.
func Real() int64 { return Now() }
