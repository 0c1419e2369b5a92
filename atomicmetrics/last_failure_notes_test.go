package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// Notes of several states at once, against a map.
func TestNotesKeepTheNewestOfEachState(t *testing.T) {
	type kept struct {
		f        LastFailure
		failures uint64
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 80))
		var n notes
		model, states := map[*state]kept{}, make([]*state, 4)
		for i := range states {
			states[i] = new(state)
		}
		for range 60 {
			s := states[random.IntN(len(states))]
			if random.IntN(6) == 0 {
				n.forget(s)
				delete(model, s)
			} else {
				f := LastFailure{At: time.Unix(random.Int64N(20), 0).UTC(), Text: fmt.Sprint(random.IntN(1000))}
				n.add(s, f)
				k := model[s]
				if k.failures == 0 || !f.At.Before(k.f.At) {
					k.f = f
				}
				k.failures++
				model[s] = k
			}
			length := 0
			for l := n.newest.Load(); l != nil; l = l.next {
				length++
			}
			if length != len(model) {
				t.Fatalf("seed %d: %d notes for %d states", seed, length, len(model))
			}
			for _, s := range states {
				if f, failures := n.of(s); f != model[s].f || failures != model[s].failures {
					t.Fatalf("seed %d: got %v of %d, want %v", seed, f, failures, model[s])
				}
			}
		}
	}
}

// What a reset returns as the last failure is one of those that it counts, and the newest of its recorder: whatever runs
// beside it, there is one if and only if there are failures, and none comes back.
func TestEveryResetReturnsALastFailureOfItsOwn(t *testing.T) {
	for _, procs := range []int{1, 4} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			c, err := New(WithLastFailure(), WithWindowSize(7), WithLogger(zerolog.Nop()),
				WithThresholds(Thresholds{FailureRate: 0.3}), OnEvent(func(Event) {}))
			if err != nil {
				t.Fatal(err)
			}
			const recorders, records = int(categories), 1000
			n := c.Node("n")
			var returned ledger
			var newest [recorders]int // by recorder: the number of its newest failure that was returned
			check := func(s Snapshot) {
				m, ok := s.Nodes["n"]
				f, failed := s.LastFailures["n"]
				if !ok {
					return
				}
				returned.add(m)
				if failed != (m.FailureCount > 0) {
					t.Errorf("%d failures and the last one %v", m.FailureCount, f)
				}
				if !failed {
					return
				}
				who, number, _ := strings.Cut(f.Text, " ")
				g, _ := strconv.Atoi(who)
				i, err := strconv.Atoi(number)
				byCategory := []uint64{m.OtherErrors, m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors}
				if err != nil || f.Category != Category(g) || byCategory[g] == 0 {
					t.Errorf("the last failure is %v, of %v by category", f, byCategory)
				}
				if i <= newest[g] {
					t.Errorf("recorder %d: failure %d after %d", g, i, newest[g])
				}
				newest[g] = i
			}
			var all sync.WaitGroup
			done := make(chan struct{})
			for g := range recorders {
				all.Go(func() {
					for i := range records {
						if i%5 == 0 {
							n.RecordSuccess(1)
						}
						n.RecordFailure(1, Categorize(fmt.Errorf("%d %d", g, i+1), Category(g)))
						if i == 100 {
							n.state.Load().spreadForTest()
						}
					}
				})
			}
			go func() { all.Wait(); close(done) }()
			for running := true; running; {
				select {
				case <-done:
					running = false
				default:
					for range 10 {
						runtime.Gosched()
					}
				}
				s := c.Snapshot()
				if m, f := s.Nodes["n"], s.LastFailures["n"]; f != (LastFailure{}) && m.FailureCount == 0 {
					t.Errorf("a last failure, %v, and no failures", f)
				}
				check(c.Reset())
			}
			if got, want := returned.failures.Load(), uint64(recorders*records); got != want {
				t.Errorf("%d failures returned, want %d", got, want)
			}
			if l := n.optional.notes.newest.Load(); l != nil {
				t.Errorf("a note is left: %+v", l)
			}
		})
	}
}

func (s *state) spreadForTest() {
	if s != nil {
		s.ring.Spread(4)
	}
}
