package flight

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// TestASetAgreesWithTheModel compares a Set with a list of executions that are
// ended once, more often or never, beside resets.
func TestASetAgreesWithTheModel(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			type running struct {
				Execution
				began time.Time
				ended bool
			}
			var s Set
			var all []*running
			highest := 0
			for step := range 300 {
				time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
				switch op := random.IntN(10); {
				case op < 5 && len(all) < 50 || len(all) == 0:
					all = append(all, &running{Execution: s.Begin(clock.Now()), began: time.Now()})
				case op < 9:
					i := random.IntN(len(all))
					all[i].ended = true
					s.End(all[i].Execution)
					if random.IntN(3) > 0 { // the others are ended again some day
						all = slices.Delete(all, i, i+1)
					}
				}
				var want Figures
				for _, r := range all {
					if !r.ended {
						want.Running++
						want.Oldest = max(want.Oldest, time.Since(r.began))
					}
				}
				highest = max(highest, want.Running)
				want.Highest = highest
				read := s.Read
				if random.IntN(10) == 0 {
					read, highest = s.Reset, want.Running
				}
				if got := read(); got != want || s.Running() != want.Running {
					t.Fatalf("seed %d, step %d: got %+v, want %+v", seed, step, got, want)
				}
			}
		})
	}
}

func TestTheNilSetIsEmptyAndTheZeroExecutionIsNone(t *testing.T) {
	var none *Set
	if none.Read() != (Figures{}) || none.Reset() != (Figures{}) || none.Running() != 0 || none.Size() != 0 {
		t.Errorf("%+v, %+v, %d, %d bytes", none.Read(), none.Reset(), none.Running(), none.Size())
	}
	var s Set
	s.Begin(0)
	if s.End(Execution{}); s.Running() != 1 {
		t.Errorf("%d executions, want 1", s.Running())
	}
}

// TestAnEndOfBeforeDoesNotEndTheNextExecutionOfTheSlot ends an execution again
// after another one has its slot, begun at the same moment.
func TestAnEndOfBeforeDoesNotEndTheNextExecutionOfTheSlot(t *testing.T) {
	var s Set
	first := s.Begin(1)
	s.End(first)
	next := s.Begin(1)
	for ; next.slot != first.slot; next = s.Begin(1) {
	}
	running := s.Running()
	if s.End(first); s.Running() != running {
		t.Errorf("%d executions are left of %d", s.Running(), running)
	}
	s.End(next)
}

// TestExecutionsBeyondTheSlotsAreCounted begins more executions than there are
// slots, and ends each twice.
func TestExecutionsBeyondTheSlotsAreCounted(t *testing.T) {
	fewSlots(t)
	synctest.Test(t, func(t *testing.T) {
		const executions = 70_000
		var s Set
		all := make([]Execution, executions)
		all[0] = s.Begin(clock.Now())
		time.Sleep(time.Minute)
		untimed := 0
		for i := range all[1:] {
			all[1+i] = s.Begin(clock.Now())
			if all[1+i].slot == nil {
				if untimed++; i < 10_000 {
					t.Fatalf("the execution behind %d others has no slot", i+1)
				}
			}
		}
		if got := s.Read(); got != (Figures{executions, executions, time.Minute}) {
			t.Errorf("%+v", got)
		}
		if slots := executions - untimed; untimed == 0 || slots < 50_000 {
			t.Errorf("%d of %d have no slot", untimed, executions)
		}
		for range 2 {
			for i, e := range all {
				s.End(e)
				if i == 0 {
					if got := s.Read(); got.Oldest != 0 && got.Running > 0 {
						t.Errorf("without the oldest: %+v", got)
					}
				}
			}
			if got := s.Read(); got.Running != 0 || got.Highest != executions {
				t.Errorf("when all have ended: %+v", got)
			}
		}
		if s.untimed.Load() != 0 {
			t.Errorf("%d untimed executions are left", s.untimed.Load())
		}
		checkFree(t, &s)
	})
}

// fewSlots makes the slots of Sets 65,528, so a test can use them all.
func fewSlots(t *testing.T) {
	all := mostSlots
	mostSlots = 32_768
	t.Cleanup(func() { mostSlots = all })
}

// TestAnEndOfManyExecutionsEndsOneAlone ends one of 100,000 executions twice.
func TestAnEndOfManyExecutionsEndsOneAlone(t *testing.T) {
	const executions = 100_000
	var s Set
	var last Execution
	for range executions {
		last = s.Begin(clock.Now())
	}
	s.End(last)
	s.End(last)
	if running := s.Running(); running != executions-1 || s.untimed.Load() != 0 {
		t.Errorf("%d executions run, want %d; %d have no slot", running, executions-1, s.untimed.Load())
	}
	if bytes := s.Size(); bytes > 100*executions { // about 20, or 40 with a further block
		t.Errorf("%d executions take %d bytes", executions, bytes)
	}
}

// checkFree checks that no slot is busy.
func checkFree(t *testing.T, s *Set) {
	t.Helper()
	for b := s.blocks.Load(); b != nil; b = b.next.Load() {
		for i := range b.slots {
			if b.slots[i].Load()&busy != 0 {
				t.Errorf("a slot of %d is busy", len(b.slots))
			}
		}
	}
}

// A slot's time goes around in 9 years, and in this test since the process
// started.
func TestOldestIsRightWhenTheClockHasGoneAround(t *testing.T) {
	var s Set
	e := s.Begin(clock.Now() - int64(1000*time.Hour))
	if got := s.Read(); got.Oldest < 1000*time.Hour-time.Microsecond || got.Oldest > 2000*time.Hour {
		t.Errorf("%+v", got)
	}
	s.End(e)
	if s.Begin(clock.Now() + int64(time.Hour)); s.Read() != (Figures{1, 1, 0}) {
		t.Errorf("an execution that begins after the read: %+v", s.Read())
	}
}

// TestAnExecutionEndsOnceWhateverRunsBesideIt ends each execution on two
// goroutines, beside reads and resets.
func TestAnExecutionEndsOnceWhateverRunsBesideIt(t *testing.T) {
	const workers, each, rounds = 3, 6, 1000
	var s Set
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			var all [each]Execution
			for range rounds {
				for i := range all {
					all[i] = s.Begin(clock.Now())
				}
				var ending sync.WaitGroup
				for range 2 {
					ending.Go(func() {
						for _, e := range all {
							s.End(e)
						}
					})
				}
				if f := s.Reset(); f.Running > f.Highest || f.Highest > workers*each {
					t.Errorf("%+v", f)
				}
				ending.Wait()
			}
		})
	}
	working.Wait()
	if got := s.Reset(); got.Running != 0 || got.Oldest != 0 {
		t.Errorf("when all have ended: %+v", got)
	}
	checkFree(t, &s)
}
