package ring

import "github.com/nodemetrics/nodemetrics/internal/step"

// Counts are what a ring has counted.
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

// attempts is how often figures that were overtaken by records are read again; then they are taken as they are.
const attempts = 8

// Counts returns the counts. Each is exact at some moment of the call, none is ever lower than in an earlier call, and
// Sum has the durations of all executions counted. It may have others that are under way: the counts are read again
// until these are at most a sixteenth. With nothing under way all is exact.
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
