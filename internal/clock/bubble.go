package clock

import "time"

// Bubbled reports whether the caller runs in a testing/synctest bubble. The
// times of a bubble's clock have no monotonic reading.
func Bubbled() bool {
	t := time.Now()
	return t == t.Round(0)
}
