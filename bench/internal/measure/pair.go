package measure

import "slices"

// Pair is what two bodies took in rounds that were run in turn: nanoseconds for each call on the core that made it.
type Pair struct {
	A, B float64 // medians of the rounds
	Diff float64 // median of the rounds' differences, B - A
}

// round is how many calls each body makes at a time: some milliseconds, so that both meet the same machine.
const round = 4000

// Interleave runs a and b in turn, n calls of each in all; what they return is how long each call took on its core. Who is
// first changes from round to round.
func Interleave(n int, a, b func(from, to int) float64) Pair {
	var as, bs, diffs []float64
	for from := 0; from < n; from += round {
		to := min(from+round, n)
		if from > 0 && to-from < round/2 {
			break // too short to say anything
		}
		var inA, inB float64
		if from/round%2 == 0 {
			inA = a(from, to)
			inB = b(from, to)
		} else {
			inB = b(from, to)
			inA = a(from, to)
		}
		as, bs, diffs = append(as, inA), append(bs, inB), append(diffs, inB-inA)
	}
	return Pair{Median(as), Median(bs), Median(diffs)}
}

// Median returns the middle value, or the mean of the two in the middle; 0 of none. It sorts values.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
