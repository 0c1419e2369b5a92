package helper

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

func TestItemsAreDeliveredInTheOrderOfPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got, want []int
		q := New(1000, func(i int) { got = append(got, i) }, nil)
		for i := range 1000 {
			q.Put(i)
			want = append(want, i)
		}
		synctest.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("delivered %v", got)
		}
		if n := q.Dropped(); n != 0 {
			t.Errorf("%d dropped, want 0", n)
		}
	})
}

func TestBeyondTheLimitTheOldestAreDropped(t *testing.T) {
	for _, limit := range []int{1, 2, 7} {
		for _, excess := range []int{0, 1, 20} {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(limit)
				s.queue.Put(0)
				synctest.Wait() // 0 is in delivery and does not count
				want := []int{0}
				for i := range limit + excess {
					s.queue.Put(1 + i)
					if i >= excess {
						want = append(want, 1+i)
					}
				}
				if got := s.queue.Dropped(); got != uint64(excess) {
					t.Errorf("limit %d, %d too many: %d dropped", limit, excess, got)
				}
				s.drain()
				if !slices.Equal(s.entered, want) {
					t.Errorf("limit %d, %d too many: delivered %v, want %v", limit, excess, s.entered, want)
				}
			})
		}
	}
}

// waiting lists the items that wait, when nothing moves.
func waiting[T any](q *Queue[T]) (items []T) {
	for c := q.head.Load().next.Load(); c != nil; c = c.next.Load() {
		items = append(items, c.item)
	}
	return items
}

func TestAPutThatIsLateDropsNothingOnItsAccount(t *testing.T) {
	q := New(2, discard[int], nil)
	for i := range 5 {
		q.push(i) // five Puts, held up after linking
	}
	for _, step := range []struct {
		seq  uint64
		want []int
	}{
		{4, []int{2, 3, 4}}, // up to cell 4, two wait
		{5, []int{3, 4}},
		{4, []int{3, 4}},
		{1, []int{3, 4}}, // long gone itself
	} {
		if q.trim(step.seq); !slices.Equal(waiting(q), step.want) {
			t.Errorf("after trim(%d) %v wait, want %v", step.seq, waiting(q), step.want)
		}
	}
	if n := q.Dropped(); n != 3 {
		t.Errorf("%d dropped, want 3", n)
	}
}

func TestAPutHeldUpAfterLinkingHoldsUpNobody(t *testing.T) {
	t.Run("before it moves tail", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got []int
			q := New(9, func(i int) { got = append(got, i) }, nil)
			q.last().next.Store(&cell[int]{seq: 1, item: 1})
			q.Put(2)
			synctest.Wait()
			if !slices.Equal(got, []int{1, 2}) {
				t.Errorf("delivered %v", got)
			}
		})
	})
	t.Run("before it starts a helper", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got []int
			q := New(9, func(i int) { got = append(got, i) }, nil)
			q.push(1)
			q.Put(2)
			synctest.Wait()
			if !slices.Equal(got, []int{1, 2}) {
				t.Errorf("delivered %v", got)
			}
			q.start() // at last, for nothing
			if synctest.Wait(); q.busy() {
				t.Error("running with nothing to do")
			}
		})
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, f := range map[string]func(){
		"limit 0":     func() { New(0, discard[int], ignore) },
		"limit -1":    func() { New(-1, discard[int], ignore) },
		"nil deliver": func() { New[int](1, nil, ignore) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestPutAllocatesOneCellAndThreeToStartAHelper(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	enter, leave := make(chan bool), make(chan bool)
	q := New(3, func(stay bool) {
		if stay {
			enter <- true
			<-leave
		}
	}, nil)
	if n := testing.AllocsPerRun(1000, func() {
		q.Put(false)
		for q.busy() {
			runtime.Gosched()
		}
	}); n != 4 { // cell, channel and state, and the state that the helper leaves
		t.Errorf("a Put that starts a helper: %v allocations, want 4", n)
	}
	q.Put(true)
	<-enter
	if n := testing.AllocsPerRun(1000, func() { q.Put(false) }); n != 1 {
		t.Errorf("a Put that drops: %v allocations, want 1", n)
	}
	leave <- true
	awaitNoHelper(t)
}

// collected reports whether the cleanup that sets off runs within some collections.
func collected(off <-chan bool) bool {
	for range 100 {
		runtime.GC()
		select {
		case <-off:
			return true
		default:
			runtime.Gosched()
		}
	}
	return false
}

func TestAnIdleQueueIsGarbage(t *testing.T) {
	off := make(chan bool)
	func() {
		q := New(2, func(i int) {
			if i == 7 {
				runtime.Goexit()
			}
		}, ignore)
		runtime.AddCleanup(q, func(off chan bool) { close(off) }, off)
		for i := range 10 {
			q.Put(i)
		}
		if err := q.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	awaitNoHelper(t)
	if !collected(off) {
		t.Error("something keeps the queue alive")
	}
}

func TestAQueueKeepsNoItemAlive(t *testing.T) {
	type item struct{ _ bool }
	q := New(1, discard[*item], nil)
	for _, name := range []string{"delivered", "dropped"} {
		off := make(chan bool)
		func() {
			i := new(item)
			runtime.AddCleanup(i, func(off chan bool) { close(off) }, off)
			if name == "delivered" {
				q.Put(i)
				if err := q.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				return
			}
			q.trim(q.push(i) + q.limit) // as a Put behind it would
		}()
		awaitNoHelper(t)
		if !collected(off) {
			t.Errorf("the %s item is kept alive", name)
		}
	}
	runtime.KeepAlive(q)
}
