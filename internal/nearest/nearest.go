// Package nearest is the arithmetic of quantiles by nearest rank.
package nearest

import "math"

// forgiven is the floating-point excess of q·n that does not reach the next rank: 0.07 · 100 is 7.000000000000001 and
// means the seventh sample.
const forgiven = 1e-9

// Rank returns which of n samples, sorted ascending and counted from 1, is the quantile q: max(1, ⌈q·n⌉), and n at
// most. A q outside [0, 1] counts as the nearer end, NaN as 0. There must be a sample: n ≥ 1.
func Rank(q float64, n int) int {
	if !(q > 0) {
		return 1
	}
	return min(max(1, int(math.Ceil(min(q, 1)*float64(n)-forgiven))), n)
}
