package atomicmetrics_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

// litmus runs two goroutines side by side. In each round each of them calls its
// function with the number of the round, from 1. litmus returns in how many
// rounds both functions reported false.
func litmus(side func(me int, round uint64) bool) (both int) {
	rounds := uint64(50_000)
	if testing.Short() || race.Enabled || runtime.NumCPU() == 1 {
		rounds = 5_000
	}
	var arrived [2]atomic.Uint64
	var results [2][]bool
	var all sync.WaitGroup
	for me := range 2 {
		all.Go(func() {
			for round := uint64(1); round <= rounds; round++ {
				results[me] = append(results[me], side(me, round))
				arrived[me].Store(round)
				for spins := 1; arrived[1-me].Load() < round; spins++ {
					if spins%1000 == 0 {
						runtime.Gosched()
					}
				}
			}
		})
	}
	all.Wait()
	for i := range results[0] {
		if !results[0][i] && !results[1][i] {
			both++
		}
	}
	return both
}

// Two goroutines record, and then read each other's node. Both may miss the
// other's record where a recorder's stores are plain, if they do not
// synchronise in between. If each stores in an atomic variable after its
// record, at least one sees the other's record.
func TestOfTwoRecordersThatReadEachOtherOneSeesTheOther(t *testing.T) {
	for _, synchronise := range []bool{true, false} {
		if plainStores && !synchronise {
			continue // this build does not promise it: see Node
		}
		c := newCollector(t, atomicmetrics.WithWindowSize(1))
		nodes := [2]*atomicmetrics.Node{c.Node("a"), c.Node("b")}
		var flags [2]atomic.Uint64
		missed := litmus(func(me int, round uint64) (saw bool) {
			nodes[me].RecordSuccess(1)
			if synchronise {
				flags[me].Store(round)
			}
			return nodes[1-me].Metrics().TotalExecutions >= round
		})
		if missed > 0 {
			t.Errorf("synchronised %v: in %d rounds both missed the other's record", synchronise, missed)
		}
	}
}

// A goroutine records, and then says so by an atomic variable. Whoever loads
// that variable finds the record in every read, and in the window.
func TestARecordThatWasReleasedIsSeen(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithWindowSize(1))
	nodes := [2]*atomicmetrics.Node{c.Node("a"), c.Node("b")}
	var flags [2]atomic.Uint64
	var missed [2]uint64
	litmus(func(me int, round uint64) bool {
		nodes[me].RecordSuccess(1)
		flags[me].Store(round)
		if seen := flags[1-me].Load(); seen > 0 {
			if m := nodes[1-me].Metrics(); m.TotalExecutions < seen || m.WindowSamples != 1 {
				missed[me]++
			}
		}
		return true
	})
	if missed != [2]uint64{} {
		t.Errorf("%v reads missed a record", missed)
	}
}
