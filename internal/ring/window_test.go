package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

// execution is what the model keeps of a record.
type execution struct {
	o Outcome
	d uint64
}

// newWatch returns a watch that judges nothing.
func newWatch(latency, recovery uint64) *Watch {
	return &Watch{Bounds: history.Bounds{Slow: latency, Recovering: recovery}, Judge: func(Stats) bool { return true }, Due: func(int64) {}}
}

// checkWindow compares a ring at rest with the executions that it must hold, the oldest first.
func checkWindow(t *testing.T, r *Ring, size int, all []execution) {
	t.Helper()
	newest := all[max(0, len(all)-size):]
	var b Reader
	window, last := b.Window(r)
	got := make([]execution, 0, len(window))
	for _, s := range window {
		o := Success
		if s.Failed() {
			o = 1
		}
		got = append(got, execution{o, s.Duration()})
	}
	want := slices.Clone(newest)
	for i := range want {
		want[i].o = min(want[i].o, 1)
	}
	order := func(a, b execution) int { return int(int64(a.d)-int64(b.d))*2 + int(a.o) - int(b.o) }
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		t.Fatalf("window of %d after %d records:\n got %v\nwant %v", size, len(all), got, want)
	}
	if len(all) > 0 && last.Duration() != all[len(all)-1].d {
		t.Fatalf("window of %d after %d records: the newest is %d, want %d", size, len(all), last.Duration(),
			all[len(all)-1].d)
	}
	var want5 [Outcomes]uint64
	for _, e := range all {
		want5[e.o]++
	}
	if got := r.Counts().Outcomes; got != want5 {
		t.Fatalf("window of %d after %d records: counted %v, want %v", size, len(all), got, want5)
	}
	if !r.Sharded() && r.watch != nil {
		if got, want := r.watch.stats, r.watch.Count(window); got != want {
			t.Fatalf("window of %d after %d records: the watch has %v, want %v", size, len(all), got, want)
		}
	}
}

func TestWindowIsTheNewestRecordsInOrder(t *testing.T) {
	for _, size := range sizes {
		for _, spreadAt := range []int{-1, 0, 1, size / 2, size, 3 * size} {
			random := rand.New(rand.NewPCG(uint64(size), uint64(spreadAt)))
			var r Ring
			r.Init(size, nil, newWatch(600, 300))
			var all []execution
			check := 1 + size/8
			for i := range 140*min(size, 20) + 5*size {
				if i == spreadAt {
					r.Spread(4)
				}
				e := execution{Outcome(random.IntN(Outcomes)), random.Uint64N(1000)}
				if !r.Record(e.o, e.d, 0) {
					t.Fatal("an open ring refused a record")
				}
				all = append(all, e)
				if i%check == 0 || i < 10 {
					checkWindow(t, &r, size, all)
				}
			}
			checkWindow(t, &r, size, all)
		}
	}
}

func TestOneGoroutineAloneOwnsTheWholeWindowAfterABurst(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, size := range sizes {
			var r Ring
			r.Init(size, nil, nil)
			if procs > 2 {
				r.Spread(procs) // a contended head does so by itself, sometimes
			}
			const burst = 1 << 40
			var wg sync.WaitGroup
			for g := range uint64(8) {
				wg.Go(func() {
					for i := range uint64(2 * size) {
						r.Record(Success, burst+g<<20+i, 0)
					}
				})
			}
			wg.Wait()
			var b Reader
			for i := range size {
				r.Record(Success, uint64(i), 0)
				if i > 20 && i%61 != 0 && i+1 < size {
					continue
				}
				window, newest := b.Window(&r)
				own := 0
				for _, s := range window {
					if s.Duration() < burst {
						own++
					}
				}
				if len(window) != size || own != i+1 || newest.Duration() != uint64(i) {
					t.Fatalf("procs %d, window %d: after %d records alone it has %d of them among %d, the newest %d",
						procs, size, i+1, own, len(window), newest.Duration())
				}
			}
		}
	}
}

func TestEveryReadBesideRecordersHoldsTogether(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, size := range []int{1, 7, 100, 1000} {
			var r Ring
			r.Init(size, nil, newWatch(500, 500))
			done := make(chan struct{})
			var recorders, readers sync.WaitGroup
			for range 4 {
				recorders.Go(func() {
					for i := range uint64(20_000) {
						r.Record(Outcome(i%Outcomes), i%1000, 0)
					}
				})
			}
			for range 2 {
				readers.Go(func() {
					var b Reader
					var before uint64
					for {
						window, _ := b.Window(&r)
						c := r.Counts()
						n := c.Completed()
						if len(window) > size || uint64(len(window)) > n || n < before {
							t.Errorf("window %d: %d samples of %d executions, %d before", size, len(window), n, before)
							return
						}
						before = n
						select {
						case <-done:
							return
						default:
							runtime.Gosched()
						}
					}
				})
			}
			recorders.Wait()
			close(done)
			readers.Wait()
			var b Reader
			window, _ := b.Window(&r)
			if n := r.Counts().Completed(); n != 80_000 || len(window) != size {
				t.Fatalf("window %d: %d executions, %d samples at the end", size, n, len(window))
			}
			if !r.Sharded() && r.watch.stats != r.watch.Count(window) {
				t.Fatalf("window %d: the watch has %v, want %v", size, r.watch.stats, r.watch.Count(window))
			}
		}
	}
}

// consecutive returns an error unless the window is the newest records at some
// moment, from the record with the duration before on. Records have the
// durations 1, 2, 3 and so on.
func consecutive(window []Sample, newest Sample, size int, before uint64) error {
	if len(window) == 0 {
		if before > 0 {
			return fmt.Errorf("it is empty, and record %d had returned", before)
		}
		return nil
	}
	least, most := window[0].Duration(), window[0].Duration()
	for _, s := range window {
		least, most = min(least, s.Duration()), max(most, s.Duration())
	}
	if most-least+1 != uint64(len(window)) || len(window) != min(size, int(most)) {
		return fmt.Errorf("%d samples from record %d to record %d", len(window), least, most)
	}
	if newest.Duration() != most || most < before {
		return fmt.Errorf("the newest is record %d of %d, and record %d had returned", newest.Duration(), most, before)
	}
	return nil
}

// Recorders that never pause record in strict sequence, and a reader never
// pauses either. Each window that it reads must be consecutive records.
func TestAReadBesideRecordersAtFullSpeedIsAWindowThatWas(t *testing.T) {
	for _, size := range []int{1, 2, 7, 100, 1000, 20_000} {
		for _, spread := range []int{0, 1, 2, 16} {
			for _, recorders := range []uint64{1, 2} {
				t.Run(fmt.Sprintf("window=%d/shards=%d/recorders=%d", size, spread, recorders), func(t *testing.T) {
					windowsThatWere(t, size, spread, recorders)
				})
			}
		}
	}
}

func windowsThatWere(t *testing.T, size, spread int, recorders uint64) {
	var r Ring
	r.Init(size, nil, newWatch(500, 500))
	if spread > 0 {
		r.Spread(spread)
	}
	var returned atomic.Uint64 // the last record that returned
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range recorders {
		wg.Go(func() {
			for i := g + 1; !stop.Load(); i += recorders { // recorders take turns
				for returned.Load() != i-1 {
					if stop.Load() {
						return
					}
					runtime.Gosched()
				}
				r.Record(Success, i, 0)
				returned.Store(i)
			}
		})
	}
	records := uint64(max(500_000, 10*size))
	if recorders > 1 || race.Enabled {
		records /= 10
	}
	var b Reader
	reads, rounds := 0, 0
	for ; returned.Load() < records; reads++ {
		before := returned.Load()
		window, newest := b.Window(&r)
		if err := consecutive(window, newest, size, before); err != nil {
			t.Error(err)
			break
		}
		rounds += b.rounds
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d reads of %.2f rounds beside %d records", reads, float64(rounds)/float64(reads), returned.Load())
}

// The copy asks for two windows of a shard that has one, as if its recorders had
// overwritten the older samples meanwhile.
func TestACopyThatDropsSamplesKeepsItsBuffer(t *testing.T) {
	s := (&cores{window: 1000}).newShard(0)
	for range 3 * s.size() {
		s.head.Store(s.after(s.head.Load()))
	}
	var c shardCopy
	follow := func() {
		c = shardCopy{samples: c.samples[:0]}
		c.follow(s, 2*s.size())
	}
	if follow(); uint64(len(c.samples)) != s.size() || c.to-c.from != s.size() {
		t.Fatalf("the copy has %d samples from %d to %d, want %d", len(c.samples), c.from, c.to, s.size())
	}
	if allocations := testing.AllocsPerRun(100, follow); allocations != 0 {
		t.Errorf("a copy makes %v allocations, want 0", allocations)
	}
}
