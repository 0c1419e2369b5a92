package ring

import "iter"

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
		for s := range r.shards() {
			for i := range s.outcomes {
				c.Outcomes[i] += s.outcomes[i].Load()
			}
		}
		for s := range r.shards() {
			c.Sum.add(s.total())
		}
		if completed := c.Completed(); r.issuedByAll()-completed <= completed/16 {
			break
		}
	}
	return c
}

// issuedByAll returns how many tickets have been taken in all shards.
func (r *Ring) issuedByAll() uint64 {
	if r.stream != nil {
		return r.stream.completed() // the tickets of a stream are not in one place
	}
	n := r.issued(r.first.head.Load())
	for s := range r.coreShards() {
		n += s.issued(s.head.Load())
	}
	return n
}

// shards yields the counters of every shard that there is.
func (r *Ring) shards() iter.Seq[*shard] {
	return func(yield func(*shard) bool) {
		if r.stream != nil {
			for l := range r.stream.all() {
				if !yield(&l.shard) {
					return
				}
			}
			return
		}
		if !yield(&r.first) {
			return
		}
		for s := range r.coreShards() {
			if !yield(&s.shard) {
				return
			}
		}
	}
}

// coreShards yields the cores' shards that there are: none until the ring is sharded.
func (r *Ring) coreShards() iter.Seq[*coreShard] {
	return func(yield func(*coreShard) bool) {
		cores := r.cores.Load()
		if cores == nil {
			return
		}
		for i := range cores.shards {
			if s := cores.shards[i].Load(); s != nil && !yield(s) {
				return
			}
		}
	}
}
