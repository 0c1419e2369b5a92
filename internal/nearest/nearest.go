// Package nearest is the arithmetic of quantiles by nearest rank.
package nearest

import "math"

// forgiven is the floating-point excess of q·n that does not reach the next
// rank. For example, 0.07 · 100 is 7.000000000000001 and means the seventh
// sample.
const forgiven = 1e-9

// Rank returns the number of the sample that is the quantile q. The n samples
// are in ascending order and counted from 1. The rank is ⌈q·n⌉, but at least 1
// and at most n. A q outside [0, 1] counts as the nearer end, and NaN as 0.
// There must be a sample, so n ≥ 1.
func Rank(q float64, n int) int {
	if !(q > 0) {
		return 1
	}
	return min(max(1, int(math.Ceil(min(q, 1)*float64(n)-forgiven))), n)
}
