package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/conformance/sequence"
)

// run is a single soak.
type run struct {
	ctx    context.Context
	fail   context.CancelCauseFunc // with the fault; the first fault counts
	seed   uint64
	begun  time.Time
	bad    atomic.Bool // nodes fail now; changes all the time, so that thresholds are crossed
	peak   uint64      // bytes
	pools  []*pool
	groups struct{ recorders, others sync.WaitGroup }

	records, reads, resets atomic.Uint64
}

// soak runs everything for this length, and returns the first fault.
func soak(out io.Writer, length time.Duration, seed uint64) error {
	before := runtime.NumGoroutine()
	processors := runtime.GOMAXPROCS(0)
	ctx, stop := context.WithTimeout(context.Background(), length)
	ctx, fail := context.WithCancelCause(ctx)
	r := &run{ctx: ctx, fail: fail, seed: seed, begun: time.Now()}
	defer stop()
	for _, k := range kinds {
		if err := r.start(k, processors); err != nil {
			fail(err)
		}
	}
	for _, spread := range []bool{false, true} {
		r.groups.others.Go(func() {
			reads, err := sequence.Run(ctx, 2, spread)
			r.reads.Add(uint64(reads))
			if err != nil {
				fail(fmt.Errorf("records in sequence, spread %v: %w", spread, err))
			}
		})
	}
	r.every(100*time.Millisecond, func(random *rand.Rand) {
		runtime.GOMAXPROCS([]int{1, 2, processors, 2 * processors, 4 * processors}[random.IntN(5)])
	})
	r.every(200*time.Millisecond, func(*rand.Rand) { runtime.GC() })
	r.every(50*time.Millisecond, func(*rand.Rand) { r.bad.Store(!r.bad.Load()) })
	r.every(50*time.Millisecond, func(*rand.Rand) { r.peak = max(r.peak, memory()) })
	r.every(max(time.Second, length/12), func(*rand.Rand) { r.report(out) })
	r.groups.recorders.Wait()
	r.groups.others.Wait()
	runtime.GOMAXPROCS(processors)
	wrong := context.Cause(ctx)
	if errors.Is(wrong, context.DeadlineExceeded) {
		wrong = nil
	}

	var events uint64
	for _, p := range r.pools {
		err := p.settle()
		if wrong == nil && err != nil {
			wrong = fmt.Errorf("%s: %w", p.name, err)
		}
		events += p.edges.events
	}
	after := 0
	for range 1000 { // those that have nothing left to do end by themselves
		if after = runtime.NumGoroutine(); after <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if wrong == nil && after > before {
		wrong = fmt.Errorf("%d goroutines are left, there were %d", after, before)
	}
	fmt.Fprintf(out, "records %d, reads %d, resets %d, events %d, peak memory %d KiB, goroutines %d before and %d after, in %v\n",
		r.records.Load(), r.reads.Load(), r.resets.Load(), events, r.peak>>10, before, after,
		time.Since(r.begun).Round(time.Millisecond))
	return wrong
}

func (r *run) report(out io.Writer) {
	fmt.Fprintf(out, "%8v  records %d, reads %d, resets %d, memory %d KiB\n",
		time.Since(r.begun).Round(time.Second), r.records.Load(), r.reads.Load(), r.resets.Load(), memory()>>10)
}

// memory returns how much the runtime has of the system.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// every calls f again and again, about so long apart, until the run ends.
func (r *run) every(pause time.Duration, f func(*rand.Rand)) {
	random := r.random()
	r.groups.others.Go(func() {
		for r.wait(pause/2 + rand.N(pause)) {
			f(random)
		}
	})
}

// wait reports false when the run ended meanwhile.
func (r *run) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (r *run) random() *rand.Rand {
	r.seed++
	return rand.New(rand.NewPCG(r.seed, 0))
}

// kinds are the collectors that a run has.
var kinds = []kind{
	{name: "exact", windowSize: 100, maxNodes: 200, strategy: digest.Exact(), watched: true},
	{name: "digest", windowSize: 10_000, maxNodes: 40, strategy: digest.TDigest(100), watched: true},
	{name: "smallest window", windowSize: 1, maxNodes: 20, strategy: digest.Exact()},
}
