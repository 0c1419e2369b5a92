package quantile

import (
	"math"
	"math/big"
	"testing"
)

func TestRankIsTheNearest(t *testing.T) {
	for _, c := range []struct {
		q    float64
		n    int
		want int
	}{
		{0.5, 1, 1}, {0.99, 1, 1}, {0, 1, 1},
		{0.5, 2, 1}, {0.51, 2, 2}, {0.5, 3, 2}, {0.99, 99, 99}, {0.99, 100, 99}, {0.99, 101, 100}, {0.9, 10, 9},
		{0.07, 100, 7}, {0.29, 100, 29}, {0.57, 100, 57}, {0.14, 100, 14}, // the product is a little too large
		{0.0699999999, 100, 7}, {0.0700001, 100, 8}, // and this is no rounding
		{0, 100, 1}, {1, 100, 100}, {-1, 100, 1}, {2, 100, 100}, {math.NaN(), 100, 1},
		{math.Inf(1), 100, 100}, {math.Inf(-1), 100, 1}, {1e-300, 100, 1},
	} {
		if got := Rank(c.q, c.n); got != c.want {
			t.Errorf("quantile %v of %d is sample %d, want %d", c.q, c.n, got, c.want)
		}
	}
}

// By exact arithmetic, ⌈q·n⌉ for every percentile of every small window, and at
// least 1.
func TestRankOfEveryPercentileIsExact(t *testing.T) {
	for n := 1; n <= 3000; n++ {
		for percent := int64(0); percent <= 100; percent++ {
			exact := new(big.Rat).Mul(big.NewRat(percent, 100), new(big.Rat).SetInt64(int64(n)))
			want := new(big.Int).Div(exact.Num(), exact.Denom())
			if !exact.IsInt() {
				want.Add(want, big.NewInt(1))
			}
			if got := Rank(float64(percent)/100, n); int64(got) != max(1, want.Int64()) {
				t.Fatalf("percentile %d of %d is sample %d, want %v", percent, n, got, want)
			}
		}
	}
}
