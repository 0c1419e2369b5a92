//go:build nodemetrics_step

package ring

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

func TestALargeRingLosesNoSampleOfARecorderHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, spread := range []bool{false, true} {
		steps := append([]step.Step{step.Released, step.Packed, step.Merged, step.Reading}, ringSteps[spread]...)
		for _, at := range steps {
			for _, between := range []uint64{0, 10, 600, 6000, 20_000} {
				for _, closeIt := range []bool{false, true} {
					t.Run(fmt.Sprintf("spread=%v/step=%d/between=%d/close=%v", spread, at, between, closeIt), func(t *testing.T) {
						largeHeldUp(t, spread, at, between, closeIt)
					})
				}
			}
		}
	}
}

// largeHeldUp holds a recorder up at a step while others record and read.
func largeHeldUp(t *testing.T, spread bool, at step.Step, between uint64, closeIt bool) {
	step.Hook(nil)
	r := newLargeRing(100_000)
	if spread {
		r.Spread(1)
	}
	held, release := step.Hold(at)
	done := make(chan uint64)
	go func() { // records until it is held up once
		n := uint64(0)
		for {
			r.Record(Success, 1<<50, 0)
			n++
			select {
			case <-held:
				done <- n
				return
			default:
			}
		}
	}()
	<-held
	quiet := at == step.Released || at == step.Packed || at == step.Merged || at == step.Reading
	var b Reader
	before := b.Digest(r).Recorded
	for i := range between {
		r.Record(1, i, 0)
		if i%997 != 0 && i+1 != between {
			continue
		}
		if v := b.Digest(r); v.Recorded != before+i+1 || v.Samples != int(before+i+1) || v.Newest&MaxDuration != i {
			t.Fatalf("after %d records beside one held up: %+v", i+1, v.Window)
		}
	}
	if closeIt {
		r.Close()
		if r.Quiet() != quiet {
			t.Fatalf("quiet: %v, with a record that owns a shard: %v", r.Quiet(), !quiet)
		}
	}
	release()
	n := <-done
	if closeIt {
		if !r.Quiet() {
			t.Fatal("never quiet")
		}
		n = r.Counts().Completed() - between // the last one may have been refused
	}
	v := b.Digest(r)
	if v.Recorded != between+n || v.Samples != int(between+n) || v.Failures != int(between) || n > 0 && v.Max != 1<<50 {
		t.Fatalf("at the end, with %d records of the one held up: %+v", n, v.Window)
	}
	if counted := r.Counts().Completed(); counted != between+n {
		t.Fatalf("%d executions, want %d", counted, between+n)
	}
}

// A publisher, and a merger, are held up with what they have made. Others go on,
// and memory is bounded all the same.
func TestNobodyWaitsForAPublisherHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, spread := range []bool{false, true} {
		for _, at := range []step.Step{step.Packed, step.Merged} {
			step.Hook(nil)
			r := newLargeRing(20_000)
			if spread {
				r.Spread(1)
			}
			n := uint64(0)
			record := func() {
				r.Record(outcomeOf(n), n, 0)
				n++
			}
			for range 300 {
				record()
			}
			held, release := step.Hold(at)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					record()
					select {
					case <-held:
						return
					default:
					}
				}
			}()
			<-held
			all := n + 1 // with the record that is held up
			for range 50_000 {
				r.Record(outcomeOf(all), all, 0)
				all++
				if all%500 == 0 {
					checkLarge(t, r, all)
				}
				if size := r.Size(); size > 128<<10 {
					t.Fatalf("spread %v, step %d: %d bytes after %d records", spread, at, size, all)
				}
			}
			release()
			<-done
			checkLarge(t, r, all)
		}
	}
}

// At one step of a publication after the other, so many records come that all
// slots are overwritten.
func TestAPublisherTakesNoSampleForAnother(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const window = 20_000
	publish := func(at int) (steps int) {
		step.Hook(nil)
		r := newLargeRing(window)
		r.Spread(1)
		n := uint64(0)
		record := func(records int) {
			for range records {
				r.Record(outcomeOf(n), n, 0)
				n++
			}
		}
		record(12_123)
		step.Hook(func(step.Step) {
			if steps++; steps == at {
				step.Hook(nil)
				record(5000)
			}
		})
		r.Publish()
		step.Hook(nil)
		checkLarge(t, r, n)
		return steps
	}
	steps := publish(0)
	if steps < 50 {
		t.Fatalf("a publication has %d steps", steps)
	}
	for at := 1; at <= steps; at++ {
		publish(at)
	}
}

func TestALargeRingOfRandomStepsKeepsEverySample(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		r := newLargeRing(1 << 22)
		const recorders, each = 4, 6000
		var wg, readers sync.WaitGroup
		done := make(chan struct{})
		readers.Go(func() {
			var b Reader
			for last := uint64(0); ; {
				v := b.Digest(r)
				if v.Recorded < last || uint64(v.Samples) != v.Recorded {
					t.Errorf("%d samples, %d held, %d before", v.Recorded, v.Samples, last)
				}
				last = v.Recorded
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
		for g := range uint64(recorders) {
			wg.Go(func() {
				for i := range uint64(each) {
					if g == 0 && i == uint64(round*each/rounds) {
						r.Spread(1 + round%4)
					}
					r.Record(outcomeOf(g*each+i), g*each+i, 0)
				}
			})
		}
		wg.Wait()
		close(done)
		readers.Wait()
		var b Reader
		const all = recorders * each
		v := b.Digest(r)
		want := history.Counts{Tally: history.Tally{Samples: all, Failures: failuresAmong(0, all)}, Max: all - 1}
		sum := 0.0
		for _, c := range v.Centroids() {
			sum += float64(c.Weight) * float64(c.Mean)
		}
		if exact := float64(all) * (all - 1) / 2; v.Counts != want || sum < exact-all || sum > exact+all {
			t.Fatalf("counts %+v, want %+v; the samples add up to %v, want %v", v.Counts, want, sum, exact)
		}
	}
}
