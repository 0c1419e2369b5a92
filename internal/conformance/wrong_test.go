//go:build nodemetrics_step

package conformance

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// small is a node of successes, with the moves of a real one, unless one of them is wrong.
type small struct {
	wrong wrong
	state atomic.Pointer[smallState]
}

type smallState struct {
	head       atomic.Uint64 // tickets taken, and smallClosed
	sum, count atomic.Uint64
	slots      []atomic.Pointer[smallSample]
}

type smallSample struct {
	ticket uint64
	d      time.Duration
}

const smallClosed = 1 << 63

type wrong string

const (
	nothing        wrong = "nothing"
	countedTwice   wrong = "a count is lost, being loaded and stored in two steps"
	clearedInPlace wrong = "a reset reads and then clears"
	closeUnseen    wrong = "a ticket is taken in a closed state"
	countUnawaited wrong = "a reset does not wait for counts"
	slotUnawaited  wrong = "a reset does not wait for samples"
	lateWins       wrong = "a sample that is late displaces a newer one"
	copiedOnce     wrong = "a window is copied once, whatever comes meanwhile"
)

func newSmall(wrong wrong, windowSize int) *small {
	n := &small{wrong: wrong}
	n.state.Store(newSmallState(windowSize))
	return n
}

func newSmallState(windowSize int) *smallState {
	return &smallState{slots: make([]atomic.Pointer[smallSample], windowSize)}
}

func (n *small) RecordFailureAs(time.Duration, atomicmetrics.Category) { panic("it has no failures") }
func (n *small) RecordRetry(int)                                       { panic("it has no retries") }

func (n *small) RecordSuccess(d time.Duration) {
	for {
		s := n.state.Load()
		step.At(step.Loaded)
		ticket := s.head.Load()
		step.At(step.Aimed)
		if ticket&smallClosed != 0 && n.wrong != closeUnseen || !s.head.CompareAndSwap(ticket, ticket+1) {
			continue
		}
		step.At(step.Acquired)
		s.sum.Add(uint64(d))
		step.At(step.Summed)
		if n.wrong == countedTwice {
			count := s.count.Load()
			step.At(step.Aimed)
			s.count.Store(count + 1)
		} else {
			s.count.Add(1)
		}
		step.At(step.Counted)
		sample := &smallSample{ticket &^ smallClosed, d}
		slot := &s.slots[sample.ticket%uint64(len(s.slots))]
		for {
			old := slot.Load()
			step.At(step.Aimed)
			if old != nil && old.ticket > sample.ticket && n.wrong != lateWins || slot.CompareAndSwap(old, sample) {
				return
			}
		}
	}
}

func (n *small) Metrics() atomicmetrics.NodeMetrics {
	s := n.state.Load()
	step.At(step.Loaded)
	return s.metrics(n.wrong)
}

func (s *smallState) metrics(wrong wrong) atomicmetrics.NodeMetrics {
	var window []*smallSample
	for {
		before := s.head.Load() &^ smallClosed
		window = window[:0]
		for i := range s.slots {
			step.At(step.Reading)
			if sample := s.slots[i].Load(); sample != nil {
				window = append(window, sample)
			}
		}
		step.At(step.Reading)
		if wrong == copiedOnce || s.head.Load()&^smallClosed == before {
			break
		}
	}
	slices.SortFunc(window, func(a, b *smallSample) int { return cmp.Compare(b.ticket, a.ticket) })
	c := content{inWindow: len(window), successes: s.count.Load()}
	step.At(step.Reading)
	c.total = time.Duration(s.sum.Load())
	for i, sample := range window {
		c.window[i] = call{what: success, d: sample.d}
	}
	return c.metrics()
}

func (n *small) Reset() atomicmetrics.NodeMetrics {
	if n.wrong == clearedInPlace {
		s := n.state.Load()
		m := s.metrics(n.wrong)
		step.At(step.Closing)
		s.count.Store(0)
		s.sum.Store(0)
		for i := range s.slots {
			s.slots[i].Store(nil)
		}
		return m
	}
	s := n.state.Swap(newSmallState(len(n.state.Load().slots)))
	step.At(step.Swapped)
	s.head.Or(smallClosed)
	step.At(step.Closed)
	for !s.quiet(n.wrong) {
		step.At(step.Waiting)
	}
	return s.metrics(n.wrong)
}

func (s *smallState) quiet(wrong wrong) bool {
	tickets := s.head.Load() &^ smallClosed
	if wrong != countUnawaited && s.count.Load() != tickets {
		return false
	}
	for back := range min(tickets, uint64(len(s.slots))) {
		ticket := tickets - 1 - back
		sample := s.slots[ticket%uint64(len(s.slots))].Load()
		if wrong != slotUnawaited && wrong != lateWins && (sample == nil || sample.ticket < ticket) {
			return false
		}
	}
	return true
}

// The checks of this package can fail: each finds what is wrong in a wrong node within a thousand histories, and nothing
// in the same node without its fault.
func TestTheCheckersFindWhatIsWrong(t *testing.T) {
	reads := func(x *mix) { x.weights[read], x.weights[reset] = 2, 1 }
	resets := func(x *mix) { x.weights[reset] = 1 }
	accepts := func(model func(int) porcupine.Model) func(int, *history) bool {
		return func(windowSize int, h *history) bool {
			return porcupine.CheckOperations(model(windowSize), h.operations)
		}
	}
	checks := []struct {
		name    string
		mix     func(*mix)
		alone   bool // one goroutine makes all records
		accepts func(windowSize int, h *history) bool
		finds   []wrong
	}{
		{"counters", reads, false, accepts(func(int) porcupine.Model { return counters }),
			[]wrong{countedTwice, clearedInPlace, closeUnseen, countUnawaited}},
		{"whole", resets, false, accepts(whole),
			[]wrong{countedTwice, clearedInPlace, closeUnseen, countUnawaited, slotUnawaited, lateWins}},
		{"window", reads, true, accepts(window), []wrong{clearedInPlace, closeUnseen, slotUnawaited, copiedOnce}},
		{"pastWindow", func(x *mix) { x.weights[read] = 1 }, false,
			func(windowSize int, h *history) bool { return pastWindow(windowSize, h.operations) == nil },
			[]wrong{lateWins}},
	}
	for _, check := range checks {
		for _, wrong := range append(check.finds, nothing) {
			t.Run(check.name+"/"+string(wrong), func(t *testing.T) {
				for seed := range uint64(1000) {
					random := rand.New(rand.NewPCG(seed, 6))
					windowSize := 2 + random.IntN(2)
					h := &history{node: newSmall(wrong, windowSize)}
					x := &mix{random: random, weights: [reset + 1]int{success: 3}}
					if check.alone {
						records := x.calls(7)
						x.weights[success] = 0
						check.mix(x)
						h.together(inTurns, seed, append(x.several(2, 6), records)...)
					} else {
						check.mix(x)
						h.together(inTurns, seed, x.several(2+random.IntN(3), 12)...)
					}
					h.alone(call{what: read})
					if !check.accepts(windowSize, h) {
						if wrong == nothing {
							t.Fatalf("seed %d: not accepted:\n%v", seed, h)
						}
						return
					}
				}
				if wrong != nothing {
					t.Errorf("accepted a thousand histories")
				}
			})
		}
	}
}
