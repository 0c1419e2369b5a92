package measure

import (
	"math/rand/v2"
	"time"
)

// Durations are the durations that the benchmarks record, in turn. They are
// about exponentially distributed around a millisecond, and the longest is
// below MaxDuration. Every run and every implementation has the same durations.
var Durations = func() (d [1024]time.Duration) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range d {
		d[i] = min(time.Duration(random.ExpFloat64()*float64(time.Millisecond))+1, MaxDuration)
	}
	return d
}()

// MaxDuration is above every one of Durations.
const MaxDuration = 50 * time.Millisecond

// Duration returns an element of Durations.
func Duration(i int) time.Duration { return Durations[uint(i)%uint(len(Durations))] }
