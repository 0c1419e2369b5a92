package helper

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlushOfAnIdleQueueReturnsAtOnceWhateverItsContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		q := New(1, discard[int], nil)
		for range 2 {
			for _, ctx := range []context.Context{t.Context(), ended, nil} {
				if err := q.Flush(ctx); err != nil {
					t.Error(err)
				}
			}
			q.Put(0) // and once more when it is idle again
			synctest.Wait()
		}
	})
}

func TestFlushWaitsForWhatWasPutBeforeAndNotForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		s.queue.Put(1)
		synctest.Wait()
		first := goFlush(t.Context(), s.queue)
		s.queue.Put(2)
		s.queue.Put(3)
		second := []*flush{goFlush(t.Context(), s.queue), goFlush(t.Context(), s.queue)}
		s.queue.Put(4)

		if first.returned {
			t.Error("returned while its item is in delivery")
		}
		s.finish(normally)
		if !first.returned {
			t.Error("waits though its item is delivered")
		}
		s.finish(normally)
		for _, f := range second {
			if f.returned {
				t.Error("returned while its last item is in delivery")
			}
		}
		s.finish(byGoexit)
		for _, f := range second {
			if !f.returned {
				t.Error("waits though all its items are delivered")
			}
		}
		if !slices.Equal(s.entered, []int{1, 2, 3, 4}) {
			t.Errorf("entered %v", s.entered)
		}
		if first.err != nil || second[0].err != nil || second[1].err != nil {
			t.Error(first.err, second[0].err, second[1].err)
		}
		s.drain()
	})
}

func TestFlushCountsAnItemThatTailHasNotReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		s.queue.last().next.Store(&cell[int]{seq: 1, item: 1})
		s.queue.start()
		synctest.Wait()
		f := goFlush(t.Context(), s.queue)
		if f.returned {
			t.Error("returned while the item is in delivery")
		}
		s.drain()
		if !f.returned || f.err != nil {
			t.Errorf("returned %v, %v", f.returned, f.err)
		}
	})
}

func TestFlushEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		s.queue.Put(1)
		synctest.Wait()

		start := time.Now()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the cause"))
		defer cancel()
		if err := s.queue.Flush(ctx); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := s.queue.Flush(ctx); err != context.DeadlineExceeded {
			t.Errorf("%v from an ended context", err)
		}

		ctx, cancel = context.WithCancel(t.Context())
		f := goFlush(ctx, s.queue)
		other := goFlush(t.Context(), s.queue)
		cancel()
		synctest.Wait()
		if !f.returned || f.err != context.Canceled {
			t.Errorf("returned %v, %v", f.returned, f.err)
		}
		if other.returned {
			t.Error("another Flush returned with it")
		}
		s.drain()
		if !other.returned || other.err != nil {
			t.Errorf("the other Flush: returned %v, %v", other.returned, other.err)
		}
	})
}

// lateContext has ended, but before it says so, something happens.
type lateContext struct {
	context.Context
	first func()
}

func (c lateContext) Done() <-chan struct{} { c.first(); return c.Context.Done() }

func TestFlushWithBothReasonsToReturnGivesNoError(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // a select alone would toss a coin
		q := New(1, discard[int], nil)
		q.hold()
		q.Put(1)
		if err := q.Flush(lateContext{ended, func() { q.settle(1) }}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlushWithinADeliveryWaitsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *Queue[int]
		start := time.Now()
		var err error
		var took time.Duration
		q = New(9, func(i int) {
			if i == 1 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err, took = q.Flush(ctx), time.Since(start)
			}
		}, nil)
		q.Put(1)
		q.Put(2)
		if outer := q.Flush(t.Context()); outer != nil {
			t.Error(outer)
		}
		if err != context.DeadlineExceeded || took != time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestFlushWaitsForTheReportOfAFailure(t *testing.T) {
	for name, how := range map[string]func(){"panic": byPanic, "Goexit": byGoexit} {
		synctest.Test(t, func(t *testing.T) {
			reported := make(chan bool)
			q := New(9, func(int) { how() }, func(any) { <-reported })
			q.Put(1)
			f := goFlush(t.Context(), q)
			if f.returned {
				t.Errorf("%s: returned while the report is under way", name)
			}
			close(reported)
			if synctest.Wait(); !f.returned {
				t.Errorf("%s: waits for more", name)
			}
		})
	}
}

func TestFlushReturnsWhenItsItemsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(1)
		s.queue.Put(1)
		synctest.Wait()
		s.queue.Put(2)
		f := goFlush(t.Context(), s.queue)
		s.queue.Put(3) // drops 2
		synctest.Wait()
		if f.returned {
			t.Error("returned while 1 is in delivery")
		}
		s.finish(normally)
		if !slices.Equal(s.entered, []int{1, 3}) {
			t.Errorf("entered %v", s.entered)
		}
		if !f.returned || f.err != nil {
			t.Errorf("returned %v, %v: 1 is delivered, 2 dropped, and 3 is none of its business", f.returned, f.err)
		}
		s.drain()
	})
}

// The helper has taken item 2 and is about to tell that item 1 is settled. The
// delivery of 2 may take for ever, so Flush must not wait for its end.
func TestFlushReturnsWhenTheNextItemIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		q := s.queue
		q.hold() // this goroutine is the helper
		q.Put(1)
		q.Put(2)
		f := goFlush(t.Context(), q)
		q.take(q.head.Load(), q.head.Load().next.Load())
		q.settle(0)
		if synctest.Wait(); f.returned {
			t.Error("returned while 1 is in delivery")
		}
		g := goFlush(t.Context(), q)
		q.take(q.head.Load(), q.head.Load().next.Load())
		q.settle(1)
		if synctest.Wait(); f.returned || g.returned {
			t.Error("returned while 2 is in delivery")
		}
		q.retire()
		if synctest.Wait(); !f.returned || !g.returned {
			t.Error("waits though all is settled")
		}
	})
}

// A Flush that meets a Put between its two steps starts the helper itself.
func TestFlushNeedsNoPutToGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		q := New(9, func(i int) { got = append(got, i) }, nil)
		q.push(1) // a Put, held up after linking
		if f := goFlush(t.Context(), q); !f.returned || f.err != nil || !slices.Equal(got, []int{1}) {
			t.Errorf("returned %v, %v; delivered %v", f.returned, f.err, got)
		}
	})
}

func TestWhatDeliveriesDidHappensBeforeFlushReturns(t *testing.T) {
	sum, reported := 0, 0 // plain variables: the race detector judges
	q := New(1000, func(i int) {
		sum += i
		if i%10 == 0 {
			byGoexit()
		} else if i%10 == 1 {
			byPanic()
		}
	}, func(any) { reported++ })
	want := 0
	for i := range 1000 {
		q.Put(i)
		want += i
		if i%7 == 0 {
			if err := q.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if sum != want {
				t.Fatalf("after %d: sum %d, want %d", i, sum, want)
			}
		}
	}
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum != want || reported != 200 {
		t.Errorf("sum %d, want %d; %d reported, want 200", sum, want, reported)
	}
	awaitNoHelper(t)
}
