package ring

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestSumIsExactBeyond64Bits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var r Ring
		r.Init(3000, nil, nil)
		r.Spread(4)
		cores := make([]*shard, 0, 5)
		cores = append(cores, &r.first)
		for i := range r.cores.Load().shards {
			s := r.cores.Load().newShard(i)
			r.cores.Load().shards[i].Store(s)
			cores = append(cores, &s.shard)
		}
		want, n := new(big.Int), uint64(0)
		for range 1 + random.IntN(3000) {
			d := random.Uint64N(MaxDuration + 1)
			if random.IntN(2) == 0 {
				d = MaxDuration
			}
			s := cores[random.IntN(len(cores))]
			s.head.Add(1) // of shards with room for more than these
			s.count(Success, d)
			want.Add(want, new(big.Int).SetUint64(d))
			n++
		}
		sum := r.Counts().Sum
		got := new(big.Int).SetUint64(sum.high)
		got.Add(got.Lsh(got, 64), new(big.Int).SetUint64(sum.low))
		if got.Cmp(want) != 0 {
			t.Fatalf("the sum of %d durations is %v, want %v", n, got, want)
		}
		average := new(big.Int).Div(want, new(big.Int).SetUint64(n)).Uint64()
		if got := sum.Over(n, MaxDuration); got != average {
			t.Fatalf("the average is %d, want %d", got, average)
		}
		limit := uint64(1<<63 - 1)
		if want.IsUint64() && want.Uint64() < limit {
			limit = want.Uint64()
		}
		if got := sum.Saturated(1<<63 - 1); got != limit {
			t.Fatalf("the saturated sum is %d, want %d", got, limit)
		}
	}
}

func TestAReaderBetweenTheTwoStepsOfACrossingSeesTheWholeSum(t *testing.T) {
	var s shard
	s.sum.Store(1<<63 - 5)
	if high, low := s.total(); high != 0 || low != 1<<63-5 {
		t.Fatalf("before: %d, %d", high, low)
	}
	s.sum.Add(10) // the crossing is not counted yet
	if high, low := s.total(); high != 1 || low != 5 {
		t.Fatalf("between: %d, %d, want 1, 5", high, low)
	}
	s.crossings.Add(1)
	if high, low := s.total(); high != 1 || low != 5 {
		t.Fatalf("after: %d, %d, want 1, 5", high, low)
	}
}

func TestAnAverageOfMoreThanItsCountIsLimited(t *testing.T) {
	if got := (Sum{high: 3}).Over(2, 1000); got != 1000 {
		t.Errorf("got %d, want the limit", got)
	}
	if got := (Sum{low: 9}).Over(2, 1000); got != 4 {
		t.Errorf("got %d, want 4", got)
	}
}

func TestOverIsLimitedWhereTheQuotientDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		sum           Sum
		n, limit, got uint64
	}{
		{Sum{0, 10}, 3, 100, 3},
		{Sum{1, 0}, 2, 1 << 63, 1 << 63},
		{Sum{2, 5}, 3, 1 << 60, 1 << 60},
		{Sum{3, 0}, 3, 1 << 60, 1 << 60},
		{Sum{4, 0}, 3, 1 << 60, 1 << 60},
	} {
		if got := test.sum.Over(test.n, test.limit); got != test.got {
			t.Errorf("%v over %d is %d, want %d", test.sum, test.n, got, test.got)
		}
	}
}
