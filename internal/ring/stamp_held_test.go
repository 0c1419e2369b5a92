//go:build nodemetrics_step

package ring

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// The recorder of one shard begins to record alone, in every order of its steps
// and those of the recorders of other shards, or of a reader. One of these may
// record an execution that ended before.
func TestRecordingAloneKeepsTheOrder(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	defer step.Pick(nil)
	for _, row := range []struct {
		name        string
		preemptions int
		others      []int // shards that have a record before
		join        []int // shards that get one meanwhile
		timed, read bool
	}{
		{"another shard", 3, []int{1}, []int{1, 1}, false, false},
		{"another shard, of an execution that ended before", 3, []int{1}, []int{1, 1}, true, false},
		{"a shard that is made", 3, nil, []int{1}, false, false},
		{"two other shards", 3, []int{1, 2}, []int{1, 2}, false, false},
		{"a reader", 2, []int{1}, []int{1}, false, true},
		{"a reader and an execution that ended before", 2, []int{1}, []int{1}, true, true},
	} {
		for _, size := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/window=%d", row.name, size), func(t *testing.T) {
				alone := false
				orders := step.Explore(row.preemptions, func() ([]func(), func([]int, bool) bool) {
					step.Hook(nil)
					x := newTurns(size)
					for _, shard := range row.others {
						x.record(shard, 0)
					}
					x.record(0, 0)
					s := x.c.shards[0].Load()
					s.head.Store(2*soloSpan - uint64(size))
					for range size {
						x.record(0, 0)
					}
					s.quiet = x.c.others(s)
					ended := int64(0)
					if row.timed {
						ended = clock.Now()
					}
					threads := []func(){
						func() { x.record(0, 0); x.record(0, 0) },
						func() {
							for _, shard := range row.join {
								x.record(shard, ended)
								ended = 0
							}
						},
					}
					if row.read {
						threads = append(threads, func() { x.read() })
					}
					return threads, func(turns []int, done bool) bool {
						alone = alone || x.c.solo.Load() == 1
						if done {
							step.Hook(nil)
							x.read()
						}
						if x.err != nil {
							t.Errorf("turns %v: %v", turns, x.err)
						}
						return x.err == nil
					}
				})
				if !alone {
					t.Error("no recorder was alone")
				}
				t.Logf("%d orders", orders)
			})
		}
	}
}

// turns is a spread ring and what was recorded there. One goroutine runs at a
// time.
type turns struct {
	r    Ring
	c    *cores
	size int
	all  []span
	err  error // of a read
}

func newTurns(size int) *turns {
	x := &turns{size: size}
	x.r.Init(size, nil, nil)
	x.r.Spread(4)
	x.c = x.r.cores.Load()
	return x
}

// record records an execution in a shard. The end is 0 if it has none.
func (x *turns) record(shard int, end int64) {
	s := span{d: uint64(len(x.all)) + 1, from: end, to: 1<<63 - 1}
	if end == 0 {
		s.from = clock.Now()
	}
	x.all = append(x.all, s)
	step.Pick(func(int) int { return shard })
	x.c.record(Success, s.d, end)
	x.all[s.d-1].to = clock.Now()
}

// read reads the window, and notes an error if it is not the newest records of a
// moment of the read.
func (x *turns) read() {
	begin := clock.Now()
	var b Reader
	window, newest := b.Window(&x.r)
	var all []span // without those that may come after the moment
	for _, s := range x.all {
		in, before := false, s.to < begin
		for _, w := range window {
			in = in || w.Duration() == s.d
			before = before || s.to < x.all[w.Duration()-1].from
		}
		if in || before {
			all = append(all, s)
		}
	}
	if err := inSomeOrder(window, newest, x.size, all); err != nil {
		x.err = err
	}
}

// Recorders of many shards take turns of random lengths.
func TestTurnsOnManyShardsKeepTheirOrder(t *testing.T) {
	defer step.Hook(yieldNowAndThen)
	step.Hook(nil)
	defer step.Pick(nil)
	for _, size := range []int{1, 2, 7, 100, 300} {
		random := rand.New(rand.NewPCG(3, uint64(size)))
		var r Ring
		var b Reader
		r.Init(size, nil, nil)
		r.Spread(4)
		last := uint64(0)
		for range 200 {
			shard, turn := random.IntN(4), 1
			if random.IntN(2) == 0 {
				turn = random.IntN(4 * soloSpan)
			}
			step.Pick(func(int) int { return shard })
			for range turn {
				last++
				r.Record(Success, last, 0)
			}
			window, newest := b.Window(&r)
			if err := consecutive(window, newest, size, last); err != nil {
				t.Fatalf("window of %d: %v", size, err)
			}
		}
	}
}
