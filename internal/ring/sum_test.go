package ring

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func (t Sum) big() *big.Int {
	n := new(big.Int).SetUint64(t.high)
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(t.low))
}

func TestSumsAddUpAndSubtractAsBigNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	number := func() uint64 { return r.Uint64() >> r.IntN(64) }
	for range 10_000 {
		n, d := number(), number()
		a, b := Product(n, d), Product(number(), number()>>1)
		a.high >>= 1
		want := new(big.Int).Add(a.big(), b.big())
		if got := a.Plus(b).big(); got.Cmp(want) != 0 {
			t.Fatalf("%v + %v is %v, want %v", a, b, got, want)
		}
		if want.Sub(a.big(), b.big()); want.Sign() < 0 {
			want.SetInt64(0)
		}
		if got := a.Minus(b).big(); got.Cmp(want) != 0 {
			t.Fatalf("%v - %v is %v, want %v", a, b, got, want)
		}
	}
	want := new(big.Int).Mul(new(big.Int).SetUint64(math.MaxUint64), big.NewInt(1<<56-1))
	if got := Product(math.MaxUint64, 1<<56-1).big(); got.Cmp(want) != 0 {
		t.Errorf("the largest product is %v, want %v", got, want)
	}
}
