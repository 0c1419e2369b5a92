package measure

import (
	"math/rand/v2"
	"time"
)

// Durations are what is recorded, in turn: about exponentially distributed around a millisecond, the longest below
// MaxDuration. They are the same in every run and for every implementation.
var Durations = func() (d [1024]time.Duration) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range d {
		d[i] = min(time.Duration(random.ExpFloat64()*float64(time.Millisecond))+1, MaxDuration)
	}
	return d
}()

// MaxDuration is above every one of Durations.
const MaxDuration = 50 * time.Millisecond

// Duration returns one of Durations.
func Duration(i int) time.Duration { return Durations[uint(i)%uint(len(Durations))] }
