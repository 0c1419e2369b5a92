// Package sequence records in strict sequence, and looks for windows that never
// were.
package sequence

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

const (
	windowSize = 100
	failures   = 59 // among any windowSize records in a row
	threshold  = 0.6
)

// Run records executions of one node with the durations 1, 2, 3 and so on. It
// reads the node all the while, until ctx ends or something is wrong. No record
// begins before the previous record has returned. The recorders take turns. If
// spread is set, the records are spread over cores. Run returns how many reads
// it made.
//
// Each window must be consecutive records. There must be no event, because no
// window's failure rate is above the threshold.
func Run(ctx context.Context, recorders uint64, spread bool) (reads int, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c, err := atomicmetrics.New(
		atomicmetrics.WithWindowSize(windowSize), atomicmetrics.WithPercentiles(digest.Exact()),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: threshold, MinSamples: windowSize}),
		atomicmetrics.WithLogger(zerolog.Nop()),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { fail(fmt.Errorf("no window is in breach: %+v", e)) }))
	if err != nil {
		return 0, err
	}
	n := c.Node("n")
	if spread {
		if err := contend(c, n); err != nil {
			return 0, err
		}
	}
	s := sequence{node: n}
	s.recordUntil(windowSize, 0, 1) // so that no sample of before is left
	var all sync.WaitGroup
	for g := range recorders {
		all.Go(func() {
			for ctx.Err() == nil {
				s.recordUntil(s.returned.Load()+1000, g, recorders)
			}
			s.stop.Store(true)
		})
	}
	for ; ctx.Err() == nil; reads++ {
		before := s.returned.Load()
		if err := consecutive(n.Metrics(), before); err != nil {
			fail(err)
		}
	}
	all.Wait()
	if err := c.Flush(context.Background()); err != nil {
		return reads, err
	}
	if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return reads, err
	}
	return reads, nil
}

// contend makes goroutines contend for the node until its records are spread.
func contend(c *atomicmetrics.Collector, n *atomicmetrics.Node) error {
	for round := 0; c.Stats().ShardedNodes == 0; round++ {
		if round == 1000 {
			return errors.New("the node was not spread")
		}
		var all sync.WaitGroup
		for range max(2, runtime.GOMAXPROCS(0)) {
			all.Go(func() {
				for range 10_000 {
					n.RecordSuccess(0)
				}
			})
		}
		all.Wait()
	}
	return nil
}

// sequence is records in strict sequence.
type sequence struct {
	node     *atomicmetrics.Node
	returned atomic.Uint64 // the last record that returned
	stop     atomic.Bool
}

// recordUntil makes every nth record of a sequence, from the turn of recorder g
// of n on, up to record last.
func (s *sequence) recordUntil(last, g, n uint64) {
	for {
		i := s.returned.Load() + 1
		switch {
		case i > last || s.stop.Load():
			return
		case i%n != g:
			runtime.Gosched()
			continue
		case i%windowSize < failures:
			s.node.RecordFailureAs(time.Duration(i), atomicmetrics.CategoryOther)
		default:
			s.node.RecordSuccess(time.Duration(i))
		}
		s.returned.Store(i)
	}
}

// consecutive returns an error unless a window is the newest records at some
// moment after record before returned.
func consecutive(m atomicmetrics.NodeMetrics, before uint64) error {
	if m.WindowSamples != windowSize || m.WindowMax-m.WindowMin+1 != windowSize || m.LastExecution != m.WindowMax ||
		uint64(m.WindowMax) < before || m.WindowFailures != failures {
		return fmt.Errorf("%d samples from record %d to record %d, the newest %d, %d failures, and record %d had returned",
			m.WindowSamples, m.WindowMin, m.WindowMax, m.LastExecution, m.WindowFailures, before)
	}
	return nil
}
