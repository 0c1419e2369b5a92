package verdict

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/ring"
)

// failed is an outcome that is a failure.
const failed = ring.Success + 1

// window is a node of one window with its ring.
type window struct {
	*ring.Ring
	*Watch
	node *Node

	mu      sync.Mutex
	changes []Change
	raised  chan Change // for a test that waits; may be nil
}

func newWindow(size int, thresholds Thresholds) *window {
	w := new(window)
	w.node = NewNode(NewRule(thresholds), func(c Change) {
		w.mu.Lock()
		w.changes = append(w.changes, c)
		w.mu.Unlock()
		if w.raised != nil {
			w.raised <- c
		}
	})
	w.next(size)
	return w
}

// next gives the node its next window.
func (w *window) next(size int) {
	w.Ring = new(ring.Ring)
	w.Watch = w.node.Watch(w.Ring)
	w.Ring.Init(size, nil, &w.Watch.Watch)
}

// record makes n records.
func (w *window) record(o ring.Outcome, n int) {
	for range n {
		w.Record(o, 1, 0)
	}
}

// events returns the changes as text.
func (w *window) events() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, c := range w.changes {
		for _, kind := range []struct {
			breach Verdict
			name   string
		}{{FailureBreach, "failure "}, {LatencyBreach, "latency "}} {
			switch {
			case !c.Changed(kind.breach):
			case c.After&kind.breach != 0:
				all = append(all, kind.name+"breach")
			default:
				all = append(all, kind.name+"recovery")
			}
		}
	}
	return strings.Join(all, ", ")
}

func (w *window) wantEvents(t *testing.T, want string) {
	t.Helper()
	if got := w.events(); got != want {
		t.Errorf("raised %q, want %q", got, want)
	}
}

// In a bubble time passes when everybody waits. So when awake returns, looks
// that were planned have come, and their rests have ended.
func awake() { time.Sleep(awakeFor) }

const awakeFor = time.Second

// nearItsThreshold returns a spread window in which each record may change the
// verdict.
func nearItsThreshold() *window {
	w := newWindow(1000, Thresholds{FailureRate: 0.25, Recovery: 0.9})
	w.record(ring.Success, 1)
	w.Spread(2)
	for range 250 {
		w.record(failed, 1)
		w.record(ring.Success, 3)
	}
	return w
}

// Looks at a window take at most a tenth of the time, because each rest is nine
// times as long as its look.
func TestLooksRest(t *testing.T) {
	w := nearItsThreshold()
	for w.looks.Load() < 1 {
		runtime.Gosched()
	}
	first, begin := w.looks.Load(), time.Now()
	for w.looks.Load() < first+20 {
		w.record(failed, 1)
		w.record(ring.Success, 3)
	}
	if elapsed, least := time.Since(begin), 19*minRest; elapsed < least {
		t.Errorf("20 looks within %v, want at least %v", elapsed, least)
	}
}

// The bubble fails if a goroutine is asleep at its end.
func TestNothingIsAsleepBehindALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := nearItsThreshold()
		w.record(failed, 10)
		awake() // the machine may have held up the recorder
		if w.looks.Load() == 0 || w.resting.Load() != 0 {
			t.Errorf("after %d looks the looks rest until %d", w.looks.Load(), w.resting.Load())
		}
	})
}

// The timer of a rest never fires if its bubble has ended. So no rest is left at
// the end of a bubble. The window is never full, because clocks of portable
// builds say nothing of the order in bubbles and outside.
func TestABubbleLeavesNoRest(t *testing.T) {
	w := newWindow(10_000, Thresholds{FailureRate: 0.5})
	w.Spread(2)
	w.raised = make(chan Change, 10)
	for phase, inBubble := range []bool{true, true, false, true, false, false} {
		records := 1 << (2*phase + 2) // so that each phase turns the verdict
		o := failed
		if phase%2 == 1 {
			o = ring.Success
		}
		if !inBubble {
			w.record(o, records)
			<-w.raised
			continue
		}
		// Of the phase before, whose timer is outside. It may look once more.
		for w.resting.Load() != 0 || w.Ring.Due() {
			runtime.Gosched()
		}
		synctest.Test(t, func(t *testing.T) {
			w.record(o, records)
			awake() // the machine may have held up the recorder
			if until := w.resting.Load(); until != 0 {
				t.Errorf("phase %d: looks rest until %d", phase, until)
			}
			select {
			case <-w.raised:
			default:
				t.Errorf("phase %d: nothing raised", phase)
			}
		})
	}
}

func TestLookNowJudgesAWindowThatRests(t *testing.T) {
	w := newWindow(100, Thresholds{FailureRate: 0.5})
	w.Spread(2)
	w.record(ring.Success, 10)
	for w.looks.Load() == 0 || w.Ring.Due() || w.resting.Load() == looking {
		runtime.Gosched()
	}
	w.resting.Store(clock.Stamp(clock.Now()) + int64(maxRest)/2)
	w.record(failed, 20)
	w.wantEvents(t, "")
	w.LookNow(func(int) bool { return true })
	w.wantEvents(t, "failure breach")
}

// judged returns an error text unless the verdict is that of the window. The
// window is at rest.
func (w *window) judged() string {
	var b ring.Reader
	samples, _ := b.Window(w.Ring)
	s := w.Count(samples)
	if v := w.Verdict(); w.node.rule.Judge(v, s) != v {
		return "the verdict is wrong"
	}
	return ""
}

// Recorders record into the window that the node has, and resets take it away,
// on random schedules. Changes of each breach alternate, and a breach ends
// before the next window's begins. At the end each window is judged.
func TestResetsInTheMiddleOfEverything(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	for seed := range uint64(rounds) {
		synctest.Test(t, func(t *testing.T) { resetsInTheMiddle(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func resetsInTheMiddle(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	thresholds := Thresholds{FailureRate: 0.1 + 0.5*random.Float64(), Latency: 10, MinSamples: random.IntN(4), Recovery: 0.7}
	size := 4 + random.IntN(20)
	recorders := 1 + random.IntN(3)
	resets := random.IntN(4)
	spread := random.IntN(3) // not, at random moments, from the start

	var breaches Verdict
	var open sync.Mutex // of breaches, which raise changes
	node := NewNode(NewRule(thresholds), func(c Change) {
		open.Lock()
		defer open.Unlock()
		if before := c.Before & (FailureBreach | LatencyBreach); before != breaches {
			t.Errorf("a change from %b, and the breaches are %b", before, breaches)
		}
		breaches = c.After & (FailureBreach | LatencyBreach)
	})
	type state struct {
		ring  ring.Ring
		watch *Watch
	}
	var current atomic.Pointer[state]
	made := func() *state {
		s := new(state)
		s.watch = node.Watch(&s.ring)
		s.ring.Init(size, nil, &s.watch.Watch)
		if spread == 2 {
			s.ring.Spread(4)
		}
		return s
	}
	var all sync.WaitGroup
	for range recorders {
		random := rand.New(rand.NewPCG(seed, random.Uint64()))
		all.Go(func() {
			for range 60 {
				o, d := ring.Success, uint64(1+random.IntN(11))
				if random.Float64() < thresholds.FailureRate {
					o = failed
				}
				for {
					s := current.Load()
					if s == nil {
						current.CompareAndSwap(nil, made())
						continue
					}
					if spread == 1 && random.IntN(50) == 0 {
						s.ring.Spread(4)
					}
					if s.ring.Record(o, d, 0) {
						break
					}
				}
				switch random.IntN(20) {
				case 0:
					time.Sleep(time.Duration(random.IntN(3)) * minRest / 2)
				case 1, 2:
					runtime.Gosched()
				}
			}
		})
	}
	pause := func(int) { runtime.Gosched() }
	for range resets {
		random := rand.New(rand.NewPCG(seed, random.Uint64()))
		all.Go(func() {
			for range 8 {
				time.Sleep(time.Duration(random.IntN(4)) * minRest / 2)
				node.BeginReset()
				if s := current.Swap(nil); s != nil {
					s.ring.Close()
					for !s.ring.Quiet() {
						runtime.Gosched()
					}
					s.watch.End(pause)
				}
				node.EndReset()
				if s := current.Load(); s != nil {
					s.watch.Rejudge()
				}
			}
		})
	}
	all.Wait()
	awake()
	s := current.Load()
	if s == nil {
		return
	}
	last := window{Ring: &s.ring, Watch: s.watch, node: node}
	if wrong := last.judged(); wrong != "" {
		t.Errorf("%s: %03b", wrong, s.watch.Verdict())
	}
	if v := s.watch.Verdict() & (FailureBreach | LatencyBreach); v != breaches {
		t.Errorf("the verdict has the breaches %b, the changes %b", v, breaches)
	}
}

// The owner of the first shard is held up while it raises a breach. A look
// leaves the verdict to it.
func TestALookJudgesNothingWhileTheFirstShardIsOwned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(10, Thresholds{FailureRate: 0.05})
		w.record(ring.Success, 10)
		w.raised = make(chan Change)
		go w.record(failed, 1)
		synctest.Wait()
		w.Spread(2)
		w.record(failed, 1)
		awake()
		w.wantEvents(t, "failure breach")
		<-w.raised
		awake()
		w.wantEvents(t, "failure breach")
	})
}

// A recorder that records alone hands an old stamp to due.
func TestALookThatRestsComesNoEarlierByAnOldStamp(t *testing.T) {
	w := newWindow(10, Thresholds{FailureRate: 0.5})
	until := clock.Stamp(clock.Now()) + int64(maxRest/2)
	w.resting.Store(until)
	w.due(until - 2*int64(maxRest))
	if w.resting.Load() != until || w.looks.Load() != 0 {
		t.Errorf("an old stamp ended the rest")
	}
}

// A reset judges the window of records that could not be judged. The window is
// not full, so the slot under way is empty.
func TestTheP99OfARejudgedWindowIsOfItsSamplesAlone(t *testing.T) {
	w := newWindow(200, Thresholds{Latency: 10})
	w.node.BeginReset()
	for range 98 {
		w.Record(ring.Success, 1, 0)
	}
	w.Record(ring.Success, 100, 0)
	w.node.EndReset()
	if w.Watch.Rejudge(); len(w.changes) != 1 || w.changes[0].P99 != 100 || w.changes[0].Stats.Samples != 99 {
		t.Errorf("the changes are %+v, want a breach with a p99 of 100 ns of 99 samples", w.changes)
	}
}
