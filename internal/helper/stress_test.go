package helper

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// atEachGOMAXPROCS runs f as a subtest at GOMAXPROCS 1, 2, 4 and 16. Not for parallel tests.
func atEachGOMAXPROCS(t *testing.T, f func(t *testing.T)) {
	for _, procs := range []int{1, 2, 4, 16} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			f(t)
		})
	}
}

// dawdle lets others run, sometimes.
func dawdle(r *rand.Rand) {
	switch n := r.IntN(16); {
	case n < 2:
		runtime.Gosched()
	case n < 4:
		for range r.IntN(300) {
			runtime.KeepAlive(n)
		}
	}
}

// Producers put, flush and thereby drop, while deliveries return, panic and exit, all in random schedules.
func TestEveryItemIsDeliveredOnceOrDroppedOnceByOneHelperInOrder(t *testing.T) {
	for _, limit := range []int{1, 8, math.MaxInt} {
		t.Run(fmt.Sprintf("limit=%d", limit), func(t *testing.T) {
			atEachGOMAXPROCS(t, func(t *testing.T) { stress(t, limit) })
		})
	}
}

func stress(t *testing.T, limit int) {
	const producers, items = 8, 5000
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	// All but alone and flushed are plain: written in a delivery, read in the next or after a Flush.
	var (
		alone     atomic.Int32
		flushed   [producers][items]atomic.Bool
		delivered [producers][items]bool
		last      [producers]int
		total     uint64
		failures  int
		reports   int
	)
	type item struct{ producer, n int }
	r := rand.New(rand.NewPCG(1, 2))
	q := New(limit, func(i item) {
		if alone.Add(1) != 1 {
			t.Error("two deliveries at once")
		}
		defer alone.Add(-1)
		if flushed[i.producer][i.n].Load() {
			t.Errorf("item %v delivered after its Flush", i)
		}
		if delivered[i.producer][i.n] {
			t.Errorf("item %v delivered twice", i)
		}
		delivered[i.producer][i.n] = true
		if i.n < last[i.producer] {
			t.Errorf("item %v delivered after %d", i, last[i.producer])
		}
		last[i.producer] = i.n
		total++
		dawdle(r)
		switch r.IntN(20) {
		case 0:
			failures++
			byPanic()
		case 1:
			failures++
			byGoexit()
		}
	}, func(any) { reports++ })

	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(p)))
			from := 0
			for n := range items {
				q.Put(item{p, n})
				dawdle(r)
				if r.IntN(10) > 0 {
					continue
				}
				if err := q.Flush(ctx); err != nil {
					t.Error(err)
					return
				}
				for ; from <= n; from++ {
					flushed[p][from].Store(true)
					if !delivered[p][from] && limit == math.MaxInt {
						t.Errorf("item %v not delivered after its Flush", item{p, from})
					}
				}
			}
		})
	}
	all.Wait()
	if err := q.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n := total + q.Dropped(); n != producers*items {
		t.Errorf("%d delivered + %d dropped = %d, want %d", total, q.Dropped(), n, producers*items)
	}
	if limit == math.MaxInt && q.Dropped() != 0 {
		t.Errorf("%d dropped, want none", q.Dropped())
	}
	if failures != reports {
		t.Errorf("%d failures, %d reports", failures, reports)
	}
	awaitNoHelper(t)
	t.Logf("%d delivered, %d dropped", total, q.Dropped())
}

// Whatever way Puts meet, behind a delivery that does not end limit items wait: never one fewer, as that would be one
// dropped too many, and not one more when all Puts have returned.
func TestPutsThatMeetDropExactlyTheExcess(t *testing.T) {
	const limit, producers, items = 2, 4, 50_000
	atEachGOMAXPROCS(t, func(t *testing.T) {
		q := New(limit, discard[int], nil)
		q.hold()
		for range limit {
			q.Put(0)
		}
		var all sync.WaitGroup
		for range producers {
			all.Go(func() {
				for range items {
					q.Put(0)
					if h, last := q.head.Load(), q.last(); h.seq+limit > last.seq { // in this order: last moves away
						t.Errorf("%d wait, want %d", last.seq-h.seq, limit)
						return
					}
				}
			})
		}
		all.Wait()
		if n, d := len(waiting(q)), q.Dropped(); n != limit || d != producers*items {
			t.Errorf("%d wait and %d are dropped, want %d and %d", n, d, limit, producers*items)
		}
		q.retire()
		awaitNoHelper(t)
	})
}

// A helper that ends just as an item comes is how a wake-up would be lost, and one that takes it just as Flush looks
// is how it would return too early: so let both happen often.
func TestNoItemIsMissedWhenTheHelperEndsOrTakesItAsItComes(t *testing.T) {
	const producers, rounds = 3, 20_000
	atEachGOMAXPROCS(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var delivered [producers]int
		q := New(math.MaxInt, func(p int) { delivered[p]++ }, nil)
		var all sync.WaitGroup
		for p := range producers {
			all.Go(func() {
				for n := range rounds {
					q.Put(p)
					if err := q.Flush(ctx); err != nil {
						t.Error(err)
						return
					}
					if delivered[p] != n+1 {
						t.Errorf("after Flush %d are delivered, want %d", delivered[p], n+1)
						return
					}
				}
			})
		}
		all.Wait()
		awaitNoHelper(t)
	})
}
