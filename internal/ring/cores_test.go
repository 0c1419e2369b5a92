package ring

import (
	"runtime"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/core"
)

func TestContentionSpreadsARingAndLonelinessDoesNot(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, before := range []int{0, 10_000} {
		for _, test := range []struct {
			name         string
			times, every int
			spread       bool
		}{
			{"now and then", 100, contentionSpan/(contentionLimit-1) + 1, false},
			{"often", contentionLimit, contentionSpan / contentionLimit, true},
			{"as often, but not so many times", contentionLimit - 1, contentionSpan / contentionLimit, false},
		} {
			var r Ring
			r.Init(100, nil, nil)
			for range before {
				r.Record(Success, 1, 0)
			}
			for range test.times {
				for range test.every {
					r.Record(Success, 1, 0)
				}
				if r.meetsOften() != r.Sharded() {
					t.Fatal("it does not say what it did")
				}
			}
			if r.Sharded() != test.spread {
				t.Errorf("after %d records, recorders that meet %s: spread %v, want %v", before, test.name, r.Sharded(), test.spread)
			}
		}
	}
	runtime.GOMAXPROCS(1)
	var alone Ring
	alone.Init(100, nil, nil)
	for range 10 * contentionLimit {
		if alone.Record(Success, 1, 0); alone.meetsOften() || alone.Sharded() {
			t.Fatal("a ring was spread on one processor")
		}
	}
}

func TestARecordGoesToTheShardOfItsCore(t *testing.T) {
	if !core.Pins {
		t.Skip("this build does not know on which core a record is")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var r Ring
	r.Init(100, nil, nil)
	r.Spread(4)
	c := r.cores.Load()
	if len(c.shards) != 4 {
		t.Fatalf("there are %d shards for 4 processors", len(c.shards))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				own := core.Pin()
				before := uint64(0)
				if s := c.shards[own].Load(); s != nil {
					before = s.ended(s.head.Load())
				}
				r.Record(Success, 1, 0)
				s := c.shards[own].Load()
				after := s.ended(s.head.Load())
				core.Unpin()
				if after != before+1 {
					t.Errorf("core %d: its shard had %d records, and then %d", own, before, after)
					return
				}
				if i%50 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if c.extra.Load() != nil {
		t.Error("a shard was made though none was held up")
	}
}

func TestARingWhoseOwnerIsHeldUpIsSpreadAndNobodyWaits(t *testing.T) {
	var r Ring
	r.Init(3, nil, nil)
	r.Record(1, 1, 0)
	head, _ := r.first.acquire() // and never gives it back
	all := []execution{{1, 1}}
	record := func(o Outcome, d uint64) {
		t.Helper()
		if !r.Record(o, d, 0) {
			t.Fatal("an open ring refused a record")
		}
		all = append(all, execution{o, d})
		checkWindow(t, &r, 3, all)
	}
	record(Success, 2)
	if !r.Sharded() {
		t.Fatal("the ring is not spread")
	}
	for i := range uint64(5) { // one after the other, every shard that there is gets an owner that is held up
		for s := range r.cores.Load().all {
			s.acquire()
		}
		record(Success, 3+i)
		record(2, 100+i)
	}
	index := map[int]bool{}
	for s := range r.cores.Load().all {
		if index[s.index] {
			t.Errorf("two shards have the number %d", s.index)
		}
		index[s.index] = true
	}
	r.Close()
	if r.Record(Success, 9, 0) {
		t.Fatal("a closed ring took a record")
	}
	if r.Quiet() {
		t.Fatal("quiet beside owners that are held up")
	}
	r.first.head.Store(head)
	for s := range r.cores.Load().all {
		s.head.And(^uint64(busy))
	}
	if !r.Quiet() {
		t.Fatal("never quiet")
	}
	checkWindow(t, &r, 3, all)
}
