package atomicmetrics

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
)

// The last failure that a reset returns is among the failures that it returns,
// and is the newest of its recorder. A reset that returns failures returns a last
// one. None comes back.
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
							spreadForTest(n)
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
			if size, fresh := n.life.Size(), c.newNode("n").life.Size(); size != fresh {
				t.Errorf("the node has %d bytes, a new one %d, so last failures are left", size, fresh)
			}
		})
	}
}

func spreadForTest(n *Node) {
	if s := n.life.State(); s != nil {
		s.Ring.Spread(4)
	}
}
