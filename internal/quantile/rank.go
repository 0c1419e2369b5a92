// Package quantile finds quantiles by nearest rank. [Rank] is the rule. A
// [Sorter] puts the samples in order, which is the largest part of a read.
package quantile

import "math"

// forgiven is the floating-point excess of q·n that does not reach the next
// rank. 0.07 · 100 is 7.000000000000001 and means the seventh sample.
const forgiven = 1e-9

// Rank returns max(1, ⌈q·n⌉), and n at most. The sample with this rank is the
// quantile q of n samples, in ascending order and counted from 1. A q outside
// [0, 1] counts as the nearer end, NaN as 0. n is at least 1.
func Rank(q float64, n int) int {
	if !(q > 0) {
		return 1
	}
	return min(max(1, int(math.Ceil(min(q, 1)*float64(n)-forgiven))), n)
}
