package callback

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func flush(t *testing.T, q *Queue[int]) {
	t.Helper()
	if err := q.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFunctionGetsEveryEventInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, failures []string
		call := func(name string, f func()) func(int) {
			return func(i int) {
				calls = append(calls, fmt.Sprint(name, i))
				f()
			}
		}
		q := New(Rules[int]{
			Limit: 10,
			Calls: []func(int){
				call("a", func() { panic("boom") }), call("b", func() { runtime.Goexit() }), call("c", func() {}),
			},
			Failed: func(i int, recovered any, held uint64) {
				stack := make([]byte, 1<<12)
				if !strings.Contains(string(stack[:runtime.Stack(stack, false)]), "TestEveryFunctionGets") {
					t.Errorf("the stack does not have the function:\n%s", stack)
				}
				failures = append(failures, fmt.Sprintf("%d %v %d", i, recovered, held))
			},
			Dropped: func(n uint64) { t.Errorf("%d dropped", n) },
		})
		q.Put(1)
		flush(t, q)
		q.Put(2)
		flush(t, q)
		if want := []string{"a1", "b1", "c1", "a2", "b2", "c2"}; !slices.Equal(calls, want) {
			t.Errorf("called %v, want %v", calls, want)
		}
		if want := []string{"1 boom 0", "1 <nil> 0"}; !slices.Equal(failures, want) { // one a second
			t.Errorf("failures %q, want %q", failures, want)
		}
	})
}

func TestFailuresAreToldOnceASecondForEachFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []uint64
		q := New(Rules[int]{Limit: 10, Calls: []func(int){func(int) { panic(1) }},
			Failed: func(_ int, _ any, n uint64) { held = append(held, n) }})
		for range 5 {
			q.Put(0)
			flush(t, q)
		}
		time.Sleep(time.Second)
		q.Put(0)
		flush(t, q)
		if want := []uint64{0, 4}; !slices.Equal(held, want) {
			t.Errorf("held back %v, want %v", held, want)
		}
	})
}

func TestTheOldestEventsAreDropped(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{}, 10)
	var got []int
	dropped := uint64(0)
	q := New(Rules[int]{
		Limit: 2,
		Calls: []func(int){func(i int) {
			begun <- struct{}{}
			<-release
			got = append(got, i)
		}},
		Dropped: func(n uint64) { dropped += n },
	})
	q.Put(0)
	<-begun
	for i := 1; i <= 5; i++ {
		q.Put(i)
	}
	close(release)
	flush(t, q)
	if want := []int{0, 4, 5}; !slices.Equal(got, want) || q.Dropped() != 3 || dropped != 3 {
		t.Errorf("got %v, want %v; %d dropped, %d told, want 3", got, want, q.Dropped(), dropped)
	}
}

func TestANilQueueIsEmpty(t *testing.T) {
	q := New(Rules[int]{Limit: 1})
	flush(t, q)
	if q != nil || q.Dropped() != 0 {
		t.Errorf("a queue without functions is %v, %d dropped", q, q.Dropped())
	}
}

func TestAskAnswersAlsoIfTheFunctionDoesNotReturn(t *testing.T) {
	for name, c := range map[string]struct {
		f      func(int) int
		want   int
		failed string
	}{
		"returns": {func(i int) int { return i + 1 }, 8, ""},
		"panics":  {func(int) int { panic("boom") }, 0, "boom"},
		"Goexit":  {func(int) int { runtime.Goexit(); return 1 }, 0, "<nil>"},
	} {
		answer, failed := 0, ""
		done := make(chan struct{})
		go func() {
			defer close(done)
			answer = Ask(c.f, 7, func(recovered any) {
				stack := make([]byte, 1<<12)
				if !strings.Contains(string(stack[:runtime.Stack(stack, false)]), "TestAskAnswers") {
					t.Errorf("%s: the stack does not have the function:\n%s", name, stack)
				}
				failed = fmt.Sprint(recovered)
			})
		}()
		if <-done; answer != c.want || failed != c.failed {
			t.Errorf("%s: Ask returned %d and failed with %q, want %d and %q", name, answer, failed, c.want, c.failed)
		}
	}
}
