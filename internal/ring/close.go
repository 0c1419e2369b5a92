package ring

// Close makes every later ticket fail. It may be called once the ring is out of reach of new recorders, by any number
// of callers.
//
// Why no record is lost or counted twice by it: a ticket is taken by a CAS on a head without CLOSED, and CLOSED is set
// on that same word. So each record either has its ticket before, and then the head that CLOSED froze counts it, and
// Quiet waits for it; or its CAS fails, it has written nothing, and goes to the next ring as if it had just begun.
// Growth cannot slip through: SHARDED is set by a CAS on a head without CLOSED, after the cores were put in place. If
// any recorder has seen SHARDED, it was set before CLOSED, and the cores are found below; if it was not, no recorder
// will ever come to them. A shard that a core is about to make finds closedShard in its place, or is made first and
// closed here.
func (r *Ring) Close() {
	if r.stream != nil {
		r.stream.close()
		return
	}
	r.first.head.Or(closed)
	cores := r.cores.Load()
	if cores == nil {
		return
	}
	for i := range cores.shards {
		at := &cores.shards[i]
		if at.Load() == nil {
			at.CompareAndSwap(nil, closedShard)
		}
		at.Load().head.Or(closed)
	}
}

// Quiet reports whether every record of a closed ring has ended, but for what no longer matters: the write of a sample
// that was displaced before it was written, and the running counts. Once true it stays so, and every figure is final.
func (r *Ring) Quiet() bool {
	if r.stream != nil {
		return r.stream.quiet()
	}
	head := r.first.head.Load()
	if !r.first.quiet(r.geometry) {
		return false
	}
	for i := range r.slots {
		if lap := r.owner(head, uint64(i)); lap != 0 && Sample(r.slots[i].Load()).lapped(lap) != 0 {
			return false
		}
	}
	for s := range r.coreShards() {
		if !s.quiet(s.geometry) {
			return false
		}
		head := s.head.Load()
		for i := range s.slots {
			lap := s.owner(head, uint64(i))
			if lap == 0 {
				break
			}
			slot := &s.slots[i]
			if slot.stamp.Load()>>stampShift != lap&127 || Sample(slot.sample.Load()).lapped(lap) != 0 {
				return false
			}
		}
	}
	return true
}

// quiet reports whether as many executions have been counted as tickets were taken.
func (s *shard) quiet(g geometry) bool { return s.completed() == g.issued(s.head.Load()) }
