package measure

import "github.com/nodemetrics/nodemetrics/bench/internal/raw"

// Rounds has the times of bodies that ran in turn, in nanoseconds for each call
// on its core.
type Rounds struct {
	Of   []float64 // by body, the median of its rounds
	Over []float64 // by body, the median of the rounds' differences to the first body
}

// Interleave runs the bodies in turn, with n calls of each in all. A body
// returns how long each call took on its core. A round has so many calls of
// each body that it takes some milliseconds. So all bodies meet the same
// machine. Every other round runs them in the opposite order.
func Interleave(n, round int, bodies ...func(from, to int) float64) Rounds {
	of, over := make([][]float64, len(bodies)), make([][]float64, len(bodies))
	for from := 0; from < n; from += round {
		to := min(from+round, n)
		if from > 0 && to-from < round/2 {
			break // too short to say anything
		}
		took := make([]float64, len(bodies))
		for i := range bodies {
			if from/round%2 == 1 {
				i = len(bodies) - 1 - i
			}
			took[i] = bodies[i](from, to)
		}
		for i := range bodies {
			of[i], over[i] = append(of[i], took[i]), append(over[i], took[i]-took[0])
		}
	}
	var r Rounds
	for i := range bodies {
		r.Of, r.Over = append(r.Of, raw.Summarize(of[i]).Center), append(r.Over, raw.Summarize(over[i]).Center)
	}
	return r
}
