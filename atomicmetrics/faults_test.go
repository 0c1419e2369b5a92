package atomicmetrics_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestWarningsThatALogHeldUpTooLongAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tooMany = 10
		log, option := newSlowLog()
		c := newCollector(t, option)
		for range 2 { // the second time, what was dropped the first time is not told again
			for range 1 + maxWaiting + tooMany { // one is being written, others wait
				c.RecordSuccess("n", -1)
				time.Sleep(time.Second)
			}
			close(log.release)
			written, dropped := 0, uint64(0)
			for _, w := range log.warnings(t, c) {
				if w.DurationNs != 0 {
					written++
				}
				dropped += w.DroppedWarnings
			}
			equal(t, "written", written, 1+maxWaiting)
			equal(t, "dropped, as logged", dropped, tooMany)
			log.release = make(chan struct{})
		}
	})
}

// failingWriter is what a log writes to that is broken.
type failingWriter struct{ writes atomic.Int64 }

var errBroken = errors.New("the disk is full")

func (w *failingWriter) Write([]byte) (int, error) {
	w.writes.Add(1)
	return 0, errBroken
}

func TestALogThatFailsCostsNothingButItsWarnings(t *testing.T) {
	reported := 0 // by zerolog, as its users have it; standard error is its default
	before := zerolog.ErrorHandler
	zerolog.ErrorHandler = func(err error) {
		if errors.Is(err, errBroken) {
			reported++
		}
	}
	defer func() { zerolog.ErrorHandler = before }()
	synctest.Test(t, func(t *testing.T) {
		before := goroutines()
		var w failingWriter
		var events eventList
		c := newEdgy(t, atomicmetrics.WithLogger(zerolog.New(&w)), atomicmetrics.OnEvent(events.add))
		for range 3 {
			c.RecordFailure("n", -1, errRefused)
			time.Sleep(time.Second)
		}
		flush(t, c)
		equal(t, "writes", w.writes.Load(), 3)
		equal(t, "errors that the log reported", reported, 3)
		equal(t, "executions", c.NodeMetrics("n").TotalExecutions, 3)
		equal(t, "events", len(events), 1)
		synctest.Wait()
		equal(t, "goroutines", goroutines(), before)
	})
}

func TestALogThatEndsItsGoroutineCostsThatWarningOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		first := true
		c := newCollector(t, atomicmetrics.WithLogger(zerolog.New(&log).Hook(
			zerolog.HookFunc(func(*zerolog.Event, zerolog.Level, string) {
				if first {
					first = false
					runtime.Goexit()
				}
			}))))
		c.RecordSuccess("n", -1)
		flush(t, c)
		time.Sleep(time.Second)
		c.RecordSuccess("n", -2)
		got := log.warnings(t, c)
		if len(got) != 1 || got[0].DurationNs != -2 {
			t.Errorf("logged %+v, want the second warning", got)
		}
	})
}

// recordingWriter is a log that records what it writes in the collector that it is the log of.
type recordingWriter struct {
	c       *atomicmetrics.Collector
	writes  int
	cleared uint64 // executions of node "n"
}

func (w *recordingWriter) Write(p []byte) (int, error) {
	w.writes++
	w.c.RecordSuccess("log", -1) // is warned of itself, a second later
	w.c.Snapshot()
	w.cleared += w.c.ResetNode("n").TotalExecutions
	return len(p), nil
}

func TestALogMayUseTheCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(recordingWriter)
		w.c = newCollector(t, atomicmetrics.WithLogger(zerolog.New(w)))
		for range 3 {
			w.c.RecordSuccess("n", -1)
			flush(t, w.c)
			time.Sleep(time.Second)
		}
		equal(t, "writes", w.writes, 3)
		equal(t, "records of the log", w.c.NodeMetrics("log").TotalExecutions, 3)
		// The log may be written before the record that it warns of is made: then it is still there.
		equal(t, "executions", w.cleared+w.c.NodeMetrics("n").TotalExecutions, 3)
	})
}

func TestACallbackThatBlocksHoldsUpNoResetAndNoOtherCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		c := newEdgy(t, atomicmetrics.OnEvent(g.pass))
		var events eventList
		other := newEdgy(t, atomicmetrics.OnEvent(events.add))
		raise(c, "n", 1)
		synctest.Wait() // the callback is in there
		equal(t, "what a reset clears", c.ResetNode("n").TotalExecutions, 1)
		raise(c, "n", 1)
		equal(t, "what a reset of all clears", c.Reset().Nodes["n"].TotalExecutions, 1)
		raise(other, "n", 2)
		flush(t, other)
		equal(t, "events of another collector", len(events), 2)
		close(g.open)
		flush(t, c)
		equal(t, "events", len(g.events), 4)
	})
}
