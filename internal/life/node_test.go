package life

import (
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/flight"
	"github.com/nodemetrics/nodemetrics/internal/lastfailure"
	"github.com/nodemetrics/nodemetrics/internal/pad"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
)

// failed is an outcome that is a failure.
const failed = ring.Success + 1

// rules are of windows that are beside their state, in its object, and digests.
var rules = []*Rules{
	{WindowSize: 7},
	{WindowSize: UsualWindow},
	{WindowSize: 10_000, Digest: true, Compression: 100},
}

// node returns a node that keeps everything, and raises changes by raise.
func node(raise func(verdict.Change)) *Node {
	n := new(Node)
	v := verdict.NewNode(verdict.NewRule(verdict.Thresholds{FailureRate: 0.5}), raise)
	n.Init(v, flight.New(nil, nil), true, true)
	return n
}

// Recorders and counters add to a node whose states are taken away. At last the
// node is forgotten, and refuses the rest. Every execution, count and failure
// that the node took is in one of the states.
func TestEveryRecordIsInOneState(t *testing.T) {
	for _, r := range rules {
		n := node(func(verdict.Change) {})
		const recorders, records, resets = 4, 2000, 50
		var taken [recorders]uint64
		var all sync.WaitGroup
		for g := range recorders {
			all.Go(func() {
				for range records {
					took := n.Record(r, ring.Success, 1, 0)
					if n.Try(ring.Success, 1, 0) {
						taken[g]++
					}
					if took = n.Count(r, g) && took; took {
						took = n.RecordFailure(r, failed, 1, 0, lastfailure.Failure{At: time.Now()})
					}
					if !took {
						return
					}
					taken[g] += 3
				}
			})
		}
		var got, want uint64
		clear := func(forget bool) {
			s := n.Clear(forget)
			before := s.Records()
			f := n.LastFailure(s)
			if s != nil && (f.At.IsZero() != (s.Ring.Counts().Outcomes[failed] == 0)) {
				t.Errorf("window %d: the last failure is %v of %v", r.WindowSize, f, s.Ring.Counts())
			}
			runtime.Gosched()
			if after := s.Records(); after != before {
				t.Errorf("window %d: %d records of a final state, then %d", r.WindowSize, before, after)
			}
			n.Cleared(s)
			n.Rejudge()
			got += before
		}
		for range resets {
			clear(false)
			runtime.Gosched()
		}
		all.Wait()
		n.Judge(func() bool { return true })
		clear(true)
		for _, n := range taken {
			want += n
		}
		if got != want {
			t.Errorf("window %d: the states have %d records, want %d", r.WindowSize, got, want)
		}
		if size, empty := n.Size(), node(nil).Size(); size != empty {
			t.Errorf("window %d: the forgotten node has %d bytes, an empty one %d", r.WindowSize, size, empty)
		}
	}
}

// Recorders end because the node is forgotten. What each took before is there.
func TestANodeThatIsForgottenRefusesRecords(t *testing.T) {
	for _, r := range rules {
		n := node(nil)
		const recorders = 4
		var taken [recorders]uint64
		var all, begun sync.WaitGroup
		begun.Add(recorders)
		for g := range recorders {
			all.Go(func() {
				for first := true; ; first = false {
					var ok bool
					switch g % 3 {
					case 0:
						ok = n.Record(r, ring.Success, 1, 0)
					case 1:
						ok = n.RecordFailure(r, failed, 1, 0, lastfailure.Failure{At: time.Now()})
					case 2:
						ok = n.Count(r, 0)
					}
					if first {
						begun.Done()
					}
					if !ok {
						return
					}
					taken[g]++
				}
			})
		}
		begun.Wait()
		s := n.Clear(true)
		n.Cleared(s)
		all.Wait()
		want := uint64(0)
		for _, n := range taken {
			want += n
		}
		if got := s.Records(); got != want || got == 0 {
			t.Errorf("window %d: the state has %d records, the recorders made %d", r.WindowSize, got, want)
		}
		if s := n.Clear(false); s != nil || !n.Forgotten() || n.State() != nil {
			t.Errorf("window %d: a forgotten node has the state %v, forgotten: %v", r.WindowSize, s, n.Forgotten())
		}
		n.Cleared(nil)
	}
}

// The node is in breach. Its reset raises the recovery, and the next window is
// judged after it.
func TestAResetEndsABreach(t *testing.T) {
	var changes []verdict.Change
	n := node(func(c verdict.Change) { changes = append(changes, c) })
	n.RecordFailure(rules[0], failed, 1, 0, lastfailure.Failure{})
	if v := n.State().Verdict(); v&verdict.FailureBreach == 0 {
		t.Fatalf("the verdict is %b, want a breach", v)
	}
	s := n.Clear(false)
	n.RecordFailure(rules[0], failed, 1, 0, lastfailure.Failure{})
	if len(changes) != 2 || changes[1].After != 0 {
		t.Fatalf("beside the reset %+v were raised, want a breach and its recovery", changes)
	}
	n.Cleared(s)
	n.Rejudge()
	if len(changes) != 3 || changes[2].After&verdict.FailureBreach == 0 {
		t.Errorf("after the reset %+v were raised, want another breach", changes)
	}
}

// A forgotten node is busy until its last execution ends, also under a
// successor, and keeps its place until its resets have ended.
func TestAForgottenNodeKeepsItsPlace(t *testing.T) {
	n, successor := node(nil), node(nil)
	first, ok := n.Begin(1)
	second, _ := n.Begin(1)
	n.Cleared(n.Clear(true))
	if !ok || !n.KeepsPlace() {
		t.Fatal("the forgotten node keeps no place for its executions")
	}
	successor.Inherit(n)
	if _, ok := n.Begin(1); ok {
		t.Error("a forgotten node began an execution")
	}
	if running := successor.InFlight().Running(); running != 2 {
		t.Errorf("the successor has %d executions, want 2", running)
	}
	if n.End(first) || !n.End(second) {
		t.Error("the node leaves at the first end, or not at the second")
	}
	if !n.KeepsPlace() {
		t.Error("the node keeps no place for its resets")
	}
	if n.Leave(); n.KeepsPlace() {
		t.Error("the node keeps its place, and nothing is under way")
	}
}

func TestANodeWithoutDetails(t *testing.T) {
	var n, successor Node
	n.Init(nil, nil, false, false)
	n.Record(rules[0], failed, 1, 0)
	if n.KeepsFailures() || n.InFlight() != nil || n.KeepsPlace() || n.LastFailure(n.State()) != (lastfailure.Failure{}) {
		t.Error("the node has details")
	}
	n.Judge(func() bool { return true })
	n.Cleared(n.Clear(true))
	n.Rejudge()
	n.Leave()
	successor.Inherit(&n)
	if n.Size() != 0 {
		t.Errorf("the forgotten node has %d bytes", n.Size())
	}
}

func TestAStateBeginsItsRingOnACacheLine(t *testing.T) {
	if pad.Line != 64 || unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("a node's size is not whole lines here, and a ring across two lines is only slower")
	}
	for _, r := range rules[:2] {
		for range 100 {
			if at := uintptr(unsafe.Pointer(&newState(r, nil).Ring)); at%pad.Line != 0 {
				t.Fatalf("window %d: a ring begins at %#x", r.WindowSize, at)
			}
		}
	}
}
