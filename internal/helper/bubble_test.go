package helper

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gated returns a queue whose helper, outside of every bubble, is in a delivery
// until open is closed. The helper closes left as it ends.
func gated(t *testing.T) (q *Queue[int], open chan struct{}) {
	open = make(chan struct{})
	in := make(chan struct{})
	q = New(9, func(int) {
		close(in)
		<-open
	}, nil)
	q.Put(1)
	<-in
	t.Cleanup(func() { awaitNoHelper(t) })
	return q, open
}

// The runtime ends the process if a goroutine outside of a bubble touches a
// channel that was made inside.
func TestAFlushInABubbleThatGaveUpLeavesNoChannelBehind(t *testing.T) {
	q, open := gated(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := q.Flush(ctx); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want the deadline after a second", err, time.Since(start))
		}
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Flush(ended); err != context.Canceled {
		t.Error(err)
	}
	close(open)
	if err := q.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAHelperOutsideEndsWhileAFlushInABubbleWaits(t *testing.T) {
	q, open := gated(t)
	synctest.Test(t, func(t *testing.T) {
		f := goFlush(t.Context(), q)
		if f.returned {
			t.Error("returned while the item is in delivery")
		}
		close(open)
		awaitNoHelper(t)
		time.Sleep(interval)
		if synctest.Wait(); !f.returned || f.err != nil {
			t.Errorf("returned %v, %v", f.returned, f.err)
		}
	})
}

func TestAFlushOutsideWaitsForAHelperInABubble(t *testing.T) {
	q := New(9, func(int) { time.Sleep(time.Hour) }, nil)
	begin, waits, flushed := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		<-begin
		first := sync.OnceFunc(func() { close(waits) })
		flushed <- q.Flush(lateContext{context.Background(), first})
	}()
	synctest.Test(t, func(t *testing.T) {
		q.Put(1)
		synctest.Wait()
		close(begin)
		<-waits // the bubble's clock stands still meanwhile
		time.Sleep(time.Hour)
	})
	if err := <-flushed; err != nil {
		t.Error(err)
	}
}

func TestOneQueueServesBubblesAndTheOutsideInTurn(t *testing.T) {
	delivered := 0
	q := New(9, func(int) { delivered++ }, nil)
	use := func(t *testing.T) {
		for range 3 {
			q.Put(1)
			if err := q.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	for range 2 {
		synctest.Test(t, use)
		use(t)
	}
	if delivered != 12 {
		t.Errorf("%d delivered, want 12", delivered)
	}
	awaitNoHelper(t)
}
