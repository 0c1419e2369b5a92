//go:build nodemetrics_step

package history

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// After each merge another recorder publishes as much as is merged at a time. A
// publisher does not merge for the other one without end.
func TestAPublisherMergesForOthersABoundedNumberOfTimes(t *testing.T) {
	defer step.Hook(nil)
	const half, most = 640, 1000
	h := New(20_000, 320, noBounds)
	shards := newShards(h, half, 2, false)
	fill := func(s *shard) {
		for i := range uint64(2 * half) {
			s.put(0, i)
		}
	}
	var published atomic.Int64
	var ended, within atomic.Bool
	step.Hook(func(at step.Step) {
		if at == step.Placed && h.merging.Load() && !ended.Load() && published.Load() < most && within.CompareAndSwap(false, true) {
			fill(shards[1])
			shards[1].publish()
			published.Add(1)
			within.Store(false)
		}
	})
	fill(shards[0])
	shards[0].publish()
	ended.Store(true)
	if published.Load() == most {
		t.Errorf("one Publish merged what another recorder published %d times", most)
	}
	for h.tooMany(h.now.Load()) { // another goroutine goes on
		runtime.Gosched()
	}
}
