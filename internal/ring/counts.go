package ring

import "github.com/nodemetrics/nodemetrics/internal/step"

// Counts are the counts of a ring.
type Counts struct {
	Outcomes [Outcomes]uint64
	Sum      Sum // of the durations of these executions, and of some under way
}

// Completed returns the executions of all outcomes.
func (c Counts) Completed() (n uint64) {
	for _, outcome := range c.Outcomes {
		n += outcome
	}
	return n
}

// attempts is how often a reader reads figures again that records have
// overtaken. Then the reader takes the figures as they are.
const attempts = 8

// Counts returns the counts. Each is exact at some moment of the call, and
// never lower than in an earlier call. Sum has the durations of all counted
// executions, and may have further durations of records under way. Counts reads
// again until these are at most a sixteenth. With nothing under way everything
// is exact.
func (r *Ring) Counts() (c Counts) {
	for range attempts {
		c = Counts{}
		for s := range r.shards {
			for i := range s.outcomes {
				c.Outcomes[i] += s.outcomes[i].Load()
				step.At(step.Reading)
			}
		}
		for s := range r.shards {
			c.Sum.add(s.total())
		}
		if completed := c.Completed(); r.begunByAll()-completed <= completed/16 {
			break
		}
	}
	return c
}

// begunByAll returns how many records have begun in all shards.
func (r *Ring) begunByAll() uint64 {
	n := r.begun(r.first.head.Load())
	for s := range r.cores.Load().all {
		step.At(step.Reading)
		n += s.begun(s.head.Load()) + s.unstored.Load() // the head first
	}
	return n
}

// shards yields the counters of every shard that there is.
func (r *Ring) shards(yield func(*shard) bool) {
	if !yield(&r.first) {
		return
	}
	for s := range r.cores.Load().all {
		if !yield(&s.shard) {
			return
		}
	}
}
