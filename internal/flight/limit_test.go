package flight

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// A raised is a call of raise.
type raised struct {
	oldest time.Duration
	at     time.Time
}

// log keeps the calls of raise, and checks that they do not overlap.
type log struct {
	mu      sync.Mutex
	calls   []raised
	raising atomic.Bool
}

func (l *log) raise(oldest time.Duration) {
	if l.raising.Swap(true) {
		panic("two calls of raise overlap")
	}
	l.mu.Lock()
	l.calls = append(l.calls, raised{oldest, time.Now()})
	l.mu.Unlock()
	l.raising.Store(false)
}

// all returns the calls so far.
func (l *log) all() []raised {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

func (l *log) check(t *testing.T, limit time.Duration) {
	t.Helper()
	for i, r := range l.all() {
		if breach := r.oldest > limit; breach != (i%2 == 0) || !breach && r.oldest != 0 {
			t.Fatalf("call %d of raise: %v", i, r.oldest)
		}
	}
}

// latest returns how long a breach may come after the limit has passed.
func latest(limit time.Duration) time.Duration { return max(limit/10, 10*time.Millisecond) }

// TestTheLimitAgreesWithTheModel compares a Set in a bubble with a list of
// executions, for limits of a microsecond to an hour.
func TestTheLimitAgreesWithTheModel(t *testing.T) {
	limits := []time.Duration{1, time.Microsecond, 300 * time.Microsecond, 7*time.Millisecond + 1,
		time.Second, time.Hour}
	for seed := range uint64(60) {
		limit := limits[seed%uint64(len(limits))]
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			type running struct {
				Execution
				began time.Time
			}
			var events log
			var s *Set
			s = New(func(oldest time.Duration) {
				events.raise(oldest)
				if s.Overdue() != (oldest > 0) {
					t.Errorf("raised %v, in breach: %v", oldest, s.Overdue())
				}
			}, nil)
			s.SetLimit(limit)
			var all, ended []running
			begin := func() { all = append(all, running{s.Begin(clock.Now()), time.Now()}) }
			end := func(i int) {
				s.End(all[i].Execution)
				ended = append(ended, all[i])
				all = slices.Delete(all, i, i+1)
			}
			for step := range 400 {
				known := len(events.all())
				time.Sleep(time.Duration(random.Int64N(1 + int64(limit)/int64(1+random.IntN(20)))))
				synctest.Wait()
				if len(events.all()) > known+1 { // nothing ended
					t.Fatalf("seed %d, step %d: %v", seed, step, events.all()[known:])
				}
				var oldest time.Duration
				for _, r := range all {
					oldest = max(oldest, time.Since(r.began))
				}
				for _, e := range events.all()[known:] {
					if age := oldest - time.Since(e.at); e.oldest < age-time.Microsecond || e.oldest > age+time.Microsecond {
						t.Fatalf("seed %d, step %d: raised %v, want %v", seed, step, e.oldest, age)
					}
					if late := e.oldest - limit; late > pauseOf(limit)+3*time.Microsecond || late > latest(limit) {
						t.Fatalf("seed %d, step %d: the breach came %v after the limit", seed, step, late)
					}
				}
				if must := oldest > limit+pauseOf(limit)+2*time.Microsecond; s.Overdue() != must && (must || oldest <= limit) {
					t.Fatalf("seed %d, step %d: in breach: %v, the oldest: %v", seed, step, s.Overdue(), oldest)
				}
				switch op := random.IntN(10); {
				case op < 5 && len(all) < 40:
					begin()
				case op < 8 && len(all) > 0:
					end(random.IntN(len(all)))
				case op == 8 && len(ended) > 0:
					s.End(ended[random.IntN(len(ended))].Execution)
				case op == 9:
					s.Reset()
				}
				if s.Overdue() != (len(events.all())%2 == 1) {
					t.Fatalf("seed %d, step %d: in breach: %v after %d calls", seed, step, s.Overdue(), len(events.all()))
				}
				oldest = 0
				for _, r := range all {
					oldest = max(oldest, time.Since(r.began))
				}
				if oldest <= limit && s.Overdue() {
					t.Fatalf("seed %d, step %d: no recovery", seed, step)
				}
			}
			for len(all) > 0 {
				end(0)
			}
			events.check(t, limit)
			known := len(events.all())
			time.Sleep(max(limit+2*time.Microsecond, limit*11/10))
			synctest.Wait()
			if s.plan.Load() != idle || s.Overdue() || len(events.all()) > known {
				t.Fatalf("seed %d: when all have ended the plan is %x, in breach: %v", seed, s.plan.Load(), s.Overdue())
			}
		})
	}
}

func pauseOf(limit time.Duration) time.Duration {
	return time.Duration(pause(int64((limit+999)/time.Microsecond))) * time.Microsecond
}

// TestTheBreachLastsUntilTheLastOverdueExecutionEnds ends thousands of overdue
// executions in every kind of order, among others that are not overdue.
func TestTheBreachLastsUntilTheLastOverdueExecutionEnds(t *testing.T) {
	const executions = 5000
	orders := map[string]func([]Execution){
		"first first": func([]Execution) {},
		"last first":  slices.Reverse[[]Execution],
		"at random": func(e []Execution) {
			random := rand.New(rand.NewPCG(1, 1))
			random.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
		},
	}
	for name, sorted := range orders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events log
				s := New(events.raise, nil)
				s.SetLimit(time.Second)
				var overdue, young []Execution
				for range executions {
					overdue = append(overdue, s.Begin(clock.Now()))
				}
				time.Sleep(time.Second + time.Microsecond)
				synctest.Wait()
				if len(events.all()) != 1 || events.all()[0].oldest != time.Second+time.Microsecond {
					t.Fatalf("raised %v", events.all())
				}
				for range executions {
					young = append(young, s.Begin(clock.Now()))
				}
				sorted(overdue)
				for i, e := range overdue {
					if !s.Overdue() {
						t.Fatalf("recovered when %d of %d have ended", i, executions)
					}
					s.End(e)
				}
				if s.Overdue() || len(events.all()) != 2 {
					t.Errorf("no recovery when all have ended: %v", events.all())
				}
				time.Sleep(time.Second + time.Microsecond)
				synctest.Wait()
				if !s.Overdue() {
					t.Error("no breach of the executions that were young at the recovery")
				}
				for _, e := range young {
					s.End(e)
				}
				events.check(t, time.Second)
				if len(events.all()) != 4 {
					t.Errorf("raised %v", events.all())
				}
			})
		})
	}
}

// TestEventsAlternateWhateverRunsAtOnce has goroutines that begin and end
// executions at the same moments of a bubble's clock.
func TestEventsAlternateWhateverRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100 * time.Microsecond
		var events log
		s := New(events.raise, nil)
		s.SetLimit(limit)
		var working sync.WaitGroup
		for i := range uint64(8) {
			working.Go(func() {
				random := rand.New(rand.NewPCG(i, 4))
				for range 500 {
					e := s.Begin(clock.Now())
					time.Sleep(time.Duration(random.IntN(14)) * 10 * time.Microsecond)
					s.End(e)
				}
			})
		}
		working.Wait()
		if s.Overdue() || len(events.all())%2 != 0 || len(events.all()) < 100 {
			t.Errorf("in breach: %v, after %d calls", s.Overdue(), len(events.all()))
		}
		events.check(t, limit)
		time.Sleep(2 * limit)
		synctest.Wait()
		if s.plan.Load() != idle {
			t.Errorf("the plan is %x", s.plan.Load())
		}
		checkFree(t, s)
	})
}

// TestTheLimitChangesWhileExecutionsRun sets the limit in every state.
func TestTheLimitChangesWhileExecutionsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events log
		s := New(events.raise, nil)
		e := s.Begin(clock.Now())
		time.Sleep(time.Minute)
		s.SetLimit(time.Hour)
		s.SetLimit(2 * time.Minute)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !s.Overdue() || s.Limit() != 2*time.Minute {
			t.Fatalf("no breach of a limit of %v", s.Limit())
		}
		s.SetLimit(0)
		if !s.Overdue() {
			t.Error("the breach ended before its execution")
		}
		s.End(e)
		if s.Overdue() || s.plan.Load() != off {
			t.Errorf("in breach: %v, the plan is %x", s.Overdue(), s.plan.Load())
		}
		e = s.Begin(clock.Now())
		time.Sleep(time.Minute)
		s.SetLimit(time.Second)
		if !s.Overdue() {
			t.Error("an execution that is overdue by the new limit makes no breach")
		}
		s.End(e)
		s.SetLimit(0)
		s.Begin(clock.Now())
		time.Sleep(time.Hour)
		synctest.Wait()
		if events.check(t, time.Second); s.Overdue() || len(events.all()) != 4 {
			t.Errorf("raised %v", events.all())
		}
	})
}

// TestATimerOfTheOtherSideIsReplaced uses a Set in bubbles and outside, and
// leaves a timer at the end of each. With the clock of the other side the
// timer can never fire in time.
func TestATimerOfTheOtherSideIsReplaced(t *testing.T) {
	s := New(nil, nil)
	s.SetLimit(time.Hour)
	run := func(t *testing.T) {
		before := s.plan.Load()
		s.End(s.Begin(clock.Now()))
		if s.plan.Load() == before {
			t.Errorf("the timer of the other side is still there: %x", before)
		}
		e := s.Begin(clock.Now())
		plan := s.plan.Load()
		for ; plan == held; plan = s.plan.Load() { // the timer that replaced the other one looks
			runtime.Gosched()
		}
		if plan&timer != timer || !s.fits(plan, clock.Now()/1000, false) {
			t.Errorf("the plan is %x", plan)
		}
		s.End(e)
	}
	for range 2 {
		run(t)
		synctest.Test(t, run)
	}
}

// TestALateTimerIsNotWaitedFor begins an execution when the timer of another
// one should have fired long ago, as after a bubble that has ended.
func TestALateTimerIsNotWaitedFor(t *testing.T) {
	raised := make(chan time.Duration)
	s := New(func(oldest time.Duration) { raised <- oldest }, nil)
	s.SetLimit(time.Hour)
	s.Begin(clock.Now() - int64(time.Minute+time.Hour))
	s.plan.Store(timer) // fires at the start of the process
	s.Begin(clock.Now() + int64(time.Hour))
	if oldest := <-raised; oldest < time.Hour { // by another goroutine
		t.Errorf("raised %v", oldest)
	}
}

// TestEachBubbleFindsWhatHangs has a timer left at the end of the bubble before,
// which would fire in time by the clock of the next bubble.
func TestEachBubbleFindsWhatHangs(t *testing.T) {
	var events log
	s := New(events.raise, nil)
	s.SetLimit(time.Minute)
	for bubble := range 3 {
		synctest.Test(t, func(t *testing.T) {
			first := s.Begin(clock.Now())
			time.Sleep(time.Second)
			s.End(first)
		})
		synctest.Test(t, func(t *testing.T) {
			hanging := s.Begin(clock.Now())
			time.Sleep(time.Minute + time.Microsecond)
			synctest.Wait()
			if !s.Overdue() || len(events.all()) != 2*bubble+1 {
				t.Fatalf("bubble %d: in breach: %v, after %d calls", bubble, s.Overdue(), len(events.all()))
			}
			s.End(hanging)
		})
	}
	events.check(t, time.Minute)
}

// TestATimerCountsFromTheBegin begins an execution whose start was a while ago,
// as if the scheduler had held up Begin.
func TestATimerCountsFromTheBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events log
		s := New(events.raise, nil)
		s.SetLimit(time.Hour)
		for _, ago := range []time.Duration{45 * time.Minute, 2 * time.Hour} {
			e := s.Begin(clock.Now() - int64(ago))
			time.Sleep(max(0, time.Hour+time.Microsecond-ago))
			synctest.Wait()
			if !s.Overdue() {
				t.Errorf("no breach in time of an execution that began %v before", ago)
			}
			s.End(e)
			time.Sleep(2 * time.Hour) // no timer is left
		}
		events.check(t, time.Hour)
	})
}

// TestATimerThatIsALittleLateFits begins executions while the timer of a short
// limit is late.
func TestATimerThatIsALittleLateFits(t *testing.T) {
	defer func(f func(time.Duration, func())) { afterFunc = f }(afterFunc)
	timers := 0
	afterFunc = func(time.Duration, func()) { timers++ }
	s := New(nil, nil)
	s.SetLimit(time.Millisecond)
	s.Begin(clock.Now())
	fires := s.plan.Load() >> kindShift
	for late := range int64(10) {
		s.End(s.Begin((fires + late*100) * int64(time.Microsecond)))
	}
	if timers != 1 {
		t.Errorf("%d timers, want 1", timers)
	}
}

// TestExecutionsBeyondTheSlotsAreNeverOverdue has executions without a begin.
func TestExecutionsBeyondTheSlotsAreNeverOverdue(t *testing.T) {
	fewSlots(t)
	synctest.Test(t, func(t *testing.T) {
		var events log
		s := New(events.raise, nil)
		s.SetLimit(time.Second)
		var timed, untimed []Execution
		for len(untimed) < 2 {
			if e := s.Begin(clock.Now()); e.slot != nil {
				timed = append(timed, e)
			} else {
				untimed = append(untimed, e)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, e := range timed {
			if !s.Overdue() {
				t.Fatal("recovered before the last timed execution has ended")
			}
			s.End(e)
		}
		if s.Overdue() || len(events.all()) != 2 {
			t.Errorf("in breach: %v, raised %d times", s.Overdue(), len(events.all()))
		}
		time.Sleep(10 * time.Second)
		s.End(untimed[0])
		s.End(untimed[1])
		time.Sleep(time.Second + time.Microsecond)
		synctest.Wait()
		if s.plan.Load() != idle || len(events.all()) != 2 {
			t.Errorf("the plan is %x, raised %d times", s.plan.Load(), len(events.all()))
		}
	})
}

func TestBeginAndEndAllocateNothingWhileATimerIsArmed(t *testing.T) {
	s := New(nil, nil)
	s.SetLimit(time.Hour)
	s.End(s.Begin(clock.Now()))
	if n := testing.AllocsPerRun(1000, func() { s.End(s.Begin(clock.Now())) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	overdue := s.Begin(clock.Now() - int64(2*time.Hour))
	s.fired(s.plan.Load())
	if !s.Overdue() {
		t.Fatal("not in breach")
	}
	if n := testing.AllocsPerRun(1000, func() { s.End(s.Begin(clock.Now())) }); n != 0 {
		t.Errorf("%v allocations in breach", n)
	}
	s.End(overdue)
}

func BenchmarkBeginEnd(b *testing.B) {
	for _, limit := range []time.Duration{0, time.Hour} {
		b.Run("limit="+limit.String(), func(b *testing.B) {
			var s Set
			s.SetLimit(limit)
			now := clock.Now()
			for b.Loop() {
				s.End(s.Begin(now))
			}
		})
	}
}
