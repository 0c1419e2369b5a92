package conformance

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// A collector that raised events, logged warnings and folded a window leaves no goroutine behind, though nobody closes
// it.
func TestACollectorLeavesNoGoroutineBehind(t *testing.T) {
	goleak.VerifyNone(t) // before: what other tests left is not ours
	delivered := 0
	c, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(5000),
		atomicmetrics.WithPercentiles(digest.TDigest(100)),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}),
		atomicmetrics.WithLogger(zerolog.Nop()),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { delivered++ }),
	)
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		c.RecordFailureAs("n", time.Millisecond, atomicmetrics.CategoryOther)
	}
	c.RecordSuccess("n", -1)                     // a warning
	if err := c.Flush(t.Context()); err != nil { // so that the window has been folded, and looked at: a breach
		t.Fatal(err)
	}
	c.Reset() // a recovery
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t)
	if delivered != 2 {
		t.Errorf("%d events, want a breach and a recovery", delivered)
	}
}

// blockingWriter is where a log writes that blocks until it is released.
type blockingWriter struct {
	release chan struct{}
	writes  *atomic.Int64
}

func (w blockingWriter) Write(p []byte) (int, error) {
	<-w.release
	w.writes.Add(1)
	return len(p), nil
}

// A collector that nobody has any more, while its events wait for a callback and its warnings for a log, delivers them
// and is then garbage, with all its nodes.
func TestACollectorDroppedWithEventsPendingIsCollected(t *testing.T) {
	goleak.VerifyNone(t)
	const events, warnings = 20, 1
	release, collected := make(chan struct{}), make(chan struct{})
	var delivered, written atomic.Int64
	dropped := func() weak.Pointer[atomicmetrics.Collector] {
		c, err := atomicmetrics.New(
			atomicmetrics.WithWindowSize(1),
			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}),
			atomicmetrics.WithLogger(zerolog.New(blockingWriter{release, &written})),
			atomicmetrics.OnEvent(func(atomicmetrics.Event) {
				<-release
				delivered.Add(1)
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(c, func(collected chan struct{}) { close(collected) }, collected)
		n := c.Node("n")
		for range events / 2 {
			n.RecordFailureAs(-1, atomicmetrics.CategoryOther) // all but the first warning are held back
			n.RecordSuccess(1)
		}
		return weak.Make(c)
	}()
	runtime.GC()
	select {
	case <-collected:
		t.Error("collected with events pending")
	default:
	}
	close(release)
	for tries := 0; dropped.Value() != nil; tries++ {
		if tries == 1000 {
			t.Fatal("never collected")
		}
		runtime.Gosched()
		runtime.GC()
	}
	<-collected
	if delivered.Load() != events || written.Load() != warnings {
		t.Errorf("%d events delivered, %d warnings written", delivered.Load(), written.Load())
	}
	goleak.VerifyNone(t)
}
