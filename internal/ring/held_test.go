//go:build nodemetrics_step

package ring

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// TestMain runs every test of the package with goroutines that yield at random steps of a record.
func TestMain(m *testing.M) {
	step.Hook(yieldNowAndThen)
	os.Exit(m.Run())
}

func yieldNowAndThen(step.Step) {
	if rand.Uint32N(16) == 0 {
		runtime.Gosched()
	}
}

// ringSteps are the steps at which a recorder can be held up in a ring that is not spread, and in one that is.
var ringSteps = map[bool][]step.Step{
	false: {step.Acquired, step.Summed, step.Counted, step.Stored},
	true:  {step.Acquired, step.Summed, step.Counted, step.Stamped, step.Stored},
}

func TestARecorderHeldUpNeverDisplacesANewerSample(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for spread, steps := range ringSteps {
		for _, at := range steps {
			for _, size := range []int{1, 2, 7, 100} {
				for _, between := range []int{0, 1, size - 1, size, size + 1, 2 * size, 40 * size} {
					t.Run(fmt.Sprintf("spread=%v/step=%d/window=%d/between=%d", spread, at, size, between), func(t *testing.T) {
						heldUp(t, spread, at, size, between)
					})
				}
			}
		}
	}
}

// heldUp holds a recorder up at a step while others record, and looks what it does to the window when it goes on.
func heldUp(t *testing.T, spread bool, at step.Step, size, between int) {
	var r Ring
	r.Init(size, nil, newWatch(500, 500))
	if spread {
		r.Spread(1)
	}
	all := make([]execution, 0, 3*size)
	for i := range 3 * size {
		all = append(all, execution{Success, uint64(i % 1000)})
		r.Record(Success, uint64(i%1000), 0)
	}
	held, release := step.Hold(at)
	late := execution{3, 999_999}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Record(late.o, late.d, 0)
	}()
	<-held
	// In the first shard the reader sees a stored sample before its record ended. In
	// a core's shard it sees the sample afterwards.
	check := func(newest uint64) {
		t.Helper()
		var b Reader
		window, got := b.Window(&r)
		if got.Duration() != newest || len(window) != size {
			t.Fatalf("beside one held up, the newest of %d samples is %d, want %d of %d", len(window), got.Duration(),
				newest, size)
		}
	}
	if at == step.Stored && !spread {
		check(late.d)
	} else {
		check(all[len(all)-1].d)
	}
	rest := make([]execution, 0, between)
	for i := range between {
		e := execution{Outcome(i % Outcomes), uint64(i) << 8}
		rest = append(rest, e)
		if !r.Record(e.o, e.d, 0) {
			t.Fatal("an open ring refused a record")
		}
		check(e.d)
	}
	release()
	<-done
	// Held up before its stamp, it is the newest by the clock. In the first shard it is older than everything stamped.
	if spread && at == step.Acquired {
		all = append(append(all, rest...), late)
	} else {
		all = append(append(all, late), rest...)
	}
	checkWindow(t, &r, size, all)
}

func TestACloseWaitsForARecorderHeldUp(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for spread, steps := range ringSteps {
		for _, at := range steps {
			for _, before := range []int{0, 3, 30} {
				var r Ring
				r.Init(7, nil, nil)
				if spread {
					r.Spread(2)
				}
				for range before {
					r.Record(Success, 1, 0)
				}
				held, release := step.Hold(at)
				done := make(chan bool)
				go func() { done <- r.Record(Success, 5, 0) }()
				<-held
				r.Close()
				if r.Record(Success, 9, 0) {
					t.Fatal("a closed ring took a record")
				}
				if r.Quiet() {
					t.Fatalf("spread %v, step %d: quiet with a record under way", spread, at)
				}
				release()
				if !<-done || !r.Quiet() {
					t.Fatalf("spread %v, step %d: a record that owned its shard was refused, or never ended", spread, at)
				}
				c := r.Counts()
				var b Reader
				window, newest := b.Window(&r)
				if c.Completed() != uint64(before)+1 || c.Sum.low != uint64(before)+5 || newest.Duration() != 5 ||
					len(window) != min(7, before+1) {
					t.Fatalf("spread %v, step %d: %+v, window of %d", spread, at, c, len(window))
				}
			}
		}
	}
}

func TestARecordThatEndsInTheFirstShardIsOlderThanTheCores(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, at := range ringSteps[false] {
		var r Ring
		r.Init(10, nil, nil)
		held, release := step.Hold(at)
		done := make(chan bool)
		go func() { done <- r.Record(1, 1, 0) }()
		<-held
		r.Spread(2)
		all := []execution{{1, 1}}
		for i := range uint64(10) {
			var b Reader
			r.Record(Success, 100+i, 0)
			all = append(all, execution{Success, 100 + i})
			if _, newest := b.Window(&r); newest.Duration() != 100+i {
				t.Fatalf("the newest is %d, want %d", newest.Duration(), 100+i)
			}
			if i == 4 {
				release()
				<-done
			}
			if i >= 4 {
				checkWindow(t, &r, 10, all)
			}
		}
	}
}

// Between a reader's loads records come, and the last of them is held up in a slot that the reader has not come to.
func TestTheNewestIsNotOlderThanARecordThatHadReturned(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, window := range []int{1, 2, 3, 7} {
		for before := window; before <= 3*window+3; before++ {
			for meanwhile := 1; meanwhile <= 2*window+2; meanwhile++ {
				steps := 0
				for at := 1; at == 1 || steps >= at; at++ {
					steps = readOvertaken(t, window, before, meanwhile, at)
				}
			}
		}
	}
}

// readOvertaken reads a spread ring, and makes so many records at one step of that. It returns how many steps there were.
func readOvertaken(t *testing.T, window, before, meanwhile, at int) (steps int) {
	t.Helper()
	step.Hook(nil)
	var r Ring
	r.Init(window, nil, nil)
	r.Spread(1)
	for d := range uint64(before) {
		r.Record(Success, d, 0)
	}
	var last bool // the last of the records has begun
	var held, proceed = make(chan bool), make(chan bool)
	step.Hook(func(s step.Step) {
		switch {
		case last && s == step.Stamped:
			last = false
			held <- true
			<-proceed
		case s == step.Reading:
			if steps++; steps != at {
				return
			}
			go func() {
				for i := range uint64(meanwhile) {
					last = i == uint64(meanwhile)-1
					r.Record(Success, uint64(before)+i, 0)
				}
				proceed <- true
			}()
			<-held
		}
	})
	var b Reader
	samples, newest := b.Window(&r)
	step.Hook(nil)
	if steps >= at {
		proceed <- true
		<-proceed
	}
	if newest.Duration() < uint64(before)-1 || len(samples) != window {
		t.Fatalf("window of %d, %d records before, %d at step %d, the last of them held up: the newest of %d is %d", window, before,
			meanwhile, at, len(samples), newest.Duration())
	}
	return steps
}

// Records come between a reader's loads.
func TestCountsAreReadAgainWhenManyRecordsCameMeanwhile(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const before, meanwhile, each = 10, 10, 1000
	steps := 0
	for at := 1; at == 1 || steps >= at; at++ {
		step.Hook(nil)
		var r Ring
		r.Init(100, nil, nil)
		r.Spread(2)
		for range before {
			r.Record(Success, each, 0)
		}
		steps = 0
		came := false
		step.Hook(func(step.Step) {
			if steps++; steps == at && !came {
				came = true
				for range meanwhile {
					r.Record(Success, each, 0)
				}
			}
		})
		c := r.Counts()
		step.Hook(nil)
		if n, summed := c.Completed(), c.Sum.low/each; summed < n || summed-n > n/16 {
			t.Fatalf("step %d: %d executions, and the durations of %d", at, n, summed)
		}
	}
}

func TestASumIsReadAgainWhenItWasCrossedMeanwhile(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for at := 1; at <= 3; at++ {
		var s shard
		s.sum.Store(1<<63 - 5)
		steps := 0
		step.Hook(func(step.Step) {
			if steps++; steps == at {
				s.count(Success, 10)
			}
		})
		high, low := s.total()
		step.Hook(nil)
		if before, after := high == 0 && low == 1<<63-5, high == 1 && low == 5; !before && !after {
			t.Errorf("step %d: the sum is %d times 2^63, and %d", at, high, low)
		}
	}
}

// A read found the sample of a record under way in the first shard. Then the
// ring is spread, and a core's shard gets a record. The next read finds both.
func TestASampleThatWasReadIsReadAfterTheSpread(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	for _, size := range []int{2, 3, 7} {
		for before := size; before < 3*size; before++ {
			var r Ring
			r.Init(size, nil, nil)
			for d := range uint64(before) {
				r.Record(Success, d, 0)
			}
			held, release := step.Hold(step.Stored)
			done := make(chan bool)
			go func() { done <- r.Record(Success, uint64(before), 0) }()
			<-held
			var b Reader
			if _, newest := b.Window(&r); newest.Duration() != uint64(before) {
				t.Fatalf("window of %d: the newest is %d, want %d", size, newest.Duration(), before)
			}
			r.Spread(2)
			r.Record(Success, uint64(before)+1, 0)
			window, newest := b.Window(&r)
			if err := consecutive(window, newest, size, uint64(before)+1); err != nil {
				t.Errorf("window of %d after %d records: %v", size, before+2, err)
			}
			release()
			<-done
		}
	}
}

// The reader is held up at each of its steps while up to three windows of
// records come, in strict sequence. The window that it reads is consecutive
// records.
func TestAReadHeldUpAtAnyStepIsAWindowThatWas(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	defer step.Pick(nil)
	for _, size := range []int{1, 2, 3, 7} {
		for _, before := range []int{0, 1, size, size + 1, 2*size + 1} {
			for shards := range 4 {
				for meanwhile := range 3*size + 1 {
					for at, steps := 1, 1; at <= steps; at++ {
						steps = readHeldUp(t, size, before, shards, meanwhile, at)
					}
				}
			}
		}
	}
}

// readHeldUp reads a ring, makes records at one step of the read and again some
// steps later, and returns how many steps the read had. Without shards the ring
// is not spread.
func readHeldUp(t *testing.T, size, before, shards, meanwhile, at int) (steps int) {
	t.Helper()
	step.Hook(nil)
	var r Ring
	r.Init(size, nil, nil)
	last := uint64(0)
	record := func(n int) {
		for range n {
			last++
			r.Record(Success, last, 0)
		}
	}
	record(before / 2)
	if shards > 0 {
		turn := 0
		step.Pick(func(int) int {
			turn++
			return turn * turn % shards
		})
		r.Spread(shards)
	}
	record(before - before/2)
	returned := last
	inRecord := false
	step.Hook(func(s step.Step) {
		if inRecord || s != step.Reading {
			return
		}
		if steps++; steps == at || steps == at+size {
			inRecord = true
			record(meanwhile)
			inRecord = false
		}
	})
	var b Reader
	window, newest := b.Window(&r)
	step.Hook(nil)
	if err := consecutive(window, newest, size, returned); err != nil {
		t.Fatalf("window of %d, %d shards, %d records before and %d at step %d: %v", size, shards, before, meanwhile, at, err)
	}
	return steps
}

// A read never counts an execution without its duration, whatever step of the
// record it meets.
func TestAnExecutionIsCountedAfterItsDuration(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const d = 1000
	for _, spread := range []bool{false, true} {
		step.Hook(nil)
		var r Ring
		r.Init(10, nil, nil)
		if spread {
			r.Spread(2)
		}
		steps, reading := 0, false
		step.Hook(func(s step.Step) {
			if reading {
				return
			}
			reading = true
			steps++
			if c := r.Counts(); c.Sum.low < c.Completed()*d {
				t.Errorf("spread %v, step %d: %d executions and a sum of %d", spread, s, c.Completed(), c.Sum.low)
			}
			reading = false
		})
		r.Record(Success, d, 0)
		if steps < 5 {
			t.Errorf("spread %v: the record came to %d steps", spread, steps)
		}
	}
}

// A read has begun, and a record X is under way in the first shard. Then the
// ring is spread, and a record Y ends in a core's shard. Another read finds Y
// without X. So the first read must not find X without Y.
func TestAReadThatASpreadOvertakesIsAWindowThatWas(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	const size, x, y = 3, 100, 101
	has := func(window []Sample, d uint64) bool {
		return slices.ContainsFunc(window, func(s Sample) bool { return s.Duration() == d })
	}
	for at := 1; ; at++ { // the step of the first read
		step.Hook(nil)
		var r Ring
		r.Init(size, nil, nil)
		for d := range uint64(size) {
			r.Record(Success, d, 0)
		}
		held, release := step.Hold(step.Acquired)
		recorded := make(chan bool)
		go func() { recorded <- r.Record(Success, x, 0) }()
		<-held
		steps := 0
		reached, goOn, first := make(chan bool), make(chan bool), make(chan []Sample)
		step.Hook(func(s step.Step) {
			if s == step.Reading {
				if steps++; steps == at {
					step.Hook(nil)
					reached <- true
					<-goOn
				}
			}
		})
		go func() {
			var b Reader
			window, _ := b.Window(&r)
			first <- window
		}()
		select {
		case <-first: // the read has fewer steps
			release()
			<-recorded
			if at < size {
				t.Fatalf("a read of %d samples had %d steps", size, at-1)
			}
			return
		case <-reached:
		}
		r.Spread(1)
		r.Record(Success, y, 0)
		var b Reader
		if window, _ := b.Window(&r); !has(window, y) || has(window, x) {
			t.Fatalf("step %d: another read found %v", at, window)
		}
		release()
		<-recorded
		goOn <- true
		if window := <-first; has(window, x) && !has(window, y) {
			t.Errorf("step %d: the read found X and not Y", at)
		}
	}
}
