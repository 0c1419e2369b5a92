package ring

import "math/bits"

// Product returns n durations of d nanoseconds as a Sum.
func Product(n, d uint64) (t Sum) {
	t.high, t.low = bits.Mul64(n, d)
	return t
}

// Plus returns the sum of two Sums.
func (t Sum) Plus(u Sum) Sum {
	low, carry := bits.Add64(t.low, u.low, 0)
	return Sum{t.high + u.high + carry, low}
}

// Minus returns the difference of two Sums. It returns zero if u is larger.
func (t Sum) Minus(u Sum) Sum {
	low, borrow := bits.Sub64(t.low, u.low, 0)
	high, borrow := bits.Sub64(t.high, u.high, borrow)
	if borrow != 0 {
		return Sum{}
	}
	return Sum{high, low}
}
