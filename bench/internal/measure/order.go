package measure

import "math/rand/v2"

// Order is a fixed random order of some things, which has each thing about
// equally often. An Order is so long that no branch predictor learns it.
type Order []uint32

// orderLength is a power of two, so that a position is found by a mask.
const orderLength = 1 << 20

// NewOrder returns an order of the numbers from 0 to below n.
func NewOrder(n int) Order {
	o := make(Order, orderLength)
	for i := range o {
		o[i] = uint32(i % n)
	}
	random := rand.New(rand.NewPCG(3, 4))
	random.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}

// At returns the number at a position. The order begins again at its end.
func (o Order) At(i int) int { return int(o[i&(orderLength-1)]) }
