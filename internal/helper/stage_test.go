package helper

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// A stage is the user code of a queue under test: every delivery enters and stays until the test ends it. It holds
// no lock: after synctest.Wait the helper stands still or is gone, and the race detector knows.
type stage struct {
	queue   *Queue[int]
	entered []int // items whose delivery has begun
	left    int   // deliveries that have ended
	reports []any // what failed was given
	end     chan func()
}

// newStage must be called within a synctest bubble.
func newStage(limit int) *stage {
	s := &stage{end: make(chan func())}
	s.queue = New(limit, s.deliver, s.fail)
	return s
}

func (s *stage) deliver(item int) {
	defer func() { s.left++ }()
	s.entered = append(s.entered, item)
	(<-s.end)()
}

func (s *stage) fail(v any) { s.reports = append(s.reports, v) }

// finish lets the delivery that is under way end as how says, and what follows from it happen.
func (s *stage) finish(how func()) {
	s.end <- how
	synctest.Wait()
}

// drain lets every delivery return until nothing is left.
func (s *stage) drain() {
	for synctest.Wait(); s.left < len(s.entered); {
		s.finish(normally)
	}
}

// busy reports whether a helper runs.
func (q *Queue[T]) busy() bool { return q.state.Load().replaced != nil }

// hold keeps helpers from starting, as a helper does that takes nothing. The
// caller ends it by retire.
func (q *Queue[T]) hold() { q.state.Store(running(q.state.Load().settled)) }

func normally()        {}
func byPanic()         { panic("deliver panics") }
func byGoexit()        { runtime.Goexit() }
func ignore(any)       {}
func discard[T any](T) {}

// A flush is a Flush under way on a goroutine of its own.
type flush struct {
	returned bool
	err      error
}

// goFlush returns when the Flush has returned or waits. It must be called within a synctest bubble.
func goFlush[T any](ctx context.Context, q *Queue[T]) *flush {
	f := new(flush)
	go func() {
		f.err = q.Flush(ctx)
		f.returned = true
	}()
	synctest.Wait()
	return f
}

// helpers counts the goroutines of all queues.
func helpers() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "helper.(*Queue[...]).run(")
}

// awaitNoHelper gives helpers that have nothing left the time to end.
func awaitNoHelper(t *testing.T) {
	t.Helper()
	for range 100_000 {
		if helpers() == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d helpers still there", helpers())
}
