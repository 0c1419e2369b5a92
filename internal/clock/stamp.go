package clock

// begin is Real when Now was 0, give or take the time of a reading.
var begin = Real() - Now()

// Stamp returns the place of a reading of Now in one order of all readings, in
// nanoseconds above 0. In a testing/synctest bubble Now is below 0, because a
// bubble begins in the year 2000. Its readings get the place of the moment of
// the call. In a portable build they come before all readings outside.
func Stamp(now int64) int64 {
	if now <= 0 {
		now = Real() - begin
	}
	return now + 1<<62 // which is above 0 although a portable build's may be years below
}
