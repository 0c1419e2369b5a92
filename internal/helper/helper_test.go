package helper

import (
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTheHelperExistsOnlyWhileThereIsSomethingToDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		check := func(when string, want int) {
			t.Helper()
			if synctest.Wait(); helpers() != want {
				t.Errorf("%s: %d helpers, want %d", when, helpers(), want)
			}
		}
		check("before the first item", 0)
		for range 3 {
			s.queue.Put(1)
			check("while an item is in delivery", 1)
			s.queue.Put(2)
			check("while another waits", 1)
			s.finish(normally)
			check("while the last is in delivery", 1)
			s.finish(normally)
			check("after the last", 0)
		}
	})
}

func TestAFailedDeliveryIsReportedAndTheNextItemDelivered(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		how  func()
		want func(v any) bool
	}{
		{"panic", func() { panic(boom) }, func(v any) bool { return v == boom }},
		{"runtime error", func() { _ = []int{}[len(t.Name())] }, func(v any) bool { _, ok := v.(runtime.Error); return ok }},
		{"panic(nil)", func() { panic(nil) }, func(v any) bool { _, ok := v.(*runtime.PanicNilError); return ok }},
		{"Goexit", runtime.Goexit, func(v any) bool { return v == ErrGoexit }},
		{"panic on the way out of Goexit", func() {
			defer panic(boom)
			runtime.Goexit()
		}, func(v any) bool { return v == boom }},
		{"Goexit on the way out of a panic", func() {
			defer runtime.Goexit()
			panic(boom)
		}, func(v any) bool { return v == ErrGoexit }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(9)
				for i := range 3 {
					s.queue.Put(i)
				}
				synctest.Wait()
				s.finish(test.how)
				if !slices.Equal(s.entered, []int{0, 1}) {
					t.Errorf("entered %v, want 0 and then 1", s.entered)
				}
				if len(s.reports) != 1 || !test.want(s.reports[0]) {
					t.Errorf("reported %v", s.reports)
				}
				s.drain()
				if !slices.Equal(s.entered, []int{0, 1, 2}) || len(s.reports) != 1 {
					t.Errorf("entered %v, reported %v", s.entered, s.reports)
				}
			})
		})
	}
}

// Under this setting recover cannot tell panic(nil) from Goexit; who then takes the goroutine for lost starts a second.
func TestPanicNilUnderItsOldMeaningStartsNoSecondHelper(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		for i := range 3 {
			s.queue.Put(i)
		}
		synctest.Wait()
		s.finish(func() { panic(nil) })
		if !slices.Equal(s.entered, []int{0, 1}) || helpers() != 1 {
			t.Errorf("entered %v with %d helpers, want 0, 1 with one", s.entered, helpers())
		}
		if !slices.Equal(s.reports, []any{ErrGoexit}) {
			t.Errorf("reported %v", s.reports)
		}
		s.drain()
	})
}

func TestFailureOfTheReportIsSwallowed(t *testing.T) {
	for name, deliver := range map[string]func(){"panic": byPanic, "Goexit": byGoexit} {
		for reportName, report := range map[string]func(any){
			"panics": func(any) { byPanic() },
			"exits":  func(any) { byGoexit() },
			"is nil": nil,
		} {
			t.Run(name+", report "+reportName, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var got []int
					reports := 0
					failed := report
					if report != nil {
						failed = func(v any) { reports++; report(v) }
					}
					q := New(9, func(i int) { got = append(got, i); deliver() }, failed)
					for i := range 3 {
						q.Put(i)
					}
					f := goFlush(t.Context(), q)
					if !slices.Equal(got, []int{0, 1, 2}) {
						t.Errorf("delivered %v", got)
					}
					if !f.returned || f.err != nil {
						t.Errorf("Flush: returned %v, %v", f.returned, f.err)
					}
					if report != nil && reports != 3 {
						t.Errorf("%d reports, want one each", reports)
					}
				})
			})
		}
	}
}

func thePlaceOfThePanic() { panic("here") }

func TestTheReportSeesTheStackOfThePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stack string
		q := New(1, func(int) { thePlaceOfThePanic() }, func(any) { stack = string(debug.Stack()) })
		q.Put(0)
		synctest.Wait()
		if !strings.Contains(stack, "thePlaceOfThePanic") {
			t.Errorf("the stack is\n%s", stack)
		}
	})
}

func TestADeliveryMayPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		var q *Queue[int]
		busy := false
		q = New(2, func(i int) {
			if busy {
				t.Error("delivered within a delivery")
			}
			busy = true
			defer func() { busy = false }()
			got = append(got, i)
			if i < 1000 {
				q.Put(i + 1)
			}
			if i%3 == 0 {
				runtime.Goexit()
			}
		}, nil)
		q.Put(0)
		synctest.Wait()
		if len(got) != 1001 || !slices.IsSorted(got) || q.Dropped() != 0 {
			t.Errorf("%d deliveries, %d dropped: %v", len(got), q.Dropped(), got)
		}
	})
}

func TestADeliveryThatPutsTooMuchDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		var q *Queue[int]
		q = New(3, func(i int) {
			got = append(got, i)
			for j := range 10 {
				if i == 0 {
					q.Put(1 + j)
				}
			}
		}, nil)
		q.Put(0)
		synctest.Wait()
		if !slices.Equal(got, []int{0, 8, 9, 10}) || q.Dropped() != 7 {
			t.Errorf("delivered %v, %d dropped", got, q.Dropped())
		}
	})
}
