package ring

import "unsafe"

// Size returns how many bytes hang off the ring, estimated: without the Ring itself, and without what the allocator
// rounds up. What others change meanwhile is counted or not.
func (r *Ring) Size() (bytes int) {
	if r.stream != nil {
		return r.stream.size()
	}
	const word = int(unsafe.Sizeof(uint64(0)))
	bytes = wholeLines(len(r.slots)) * word
	if r.tally != nil {
		bytes += int(unsafe.Sizeof(Tally{}))
	}
	if cores := r.cores.Load(); cores != nil {
		bytes += int(unsafe.Sizeof(*cores)) + len(cores.shards)*word
	}
	for s := range r.coreShards() {
		if s != closedShard {
			bytes += int(unsafe.Sizeof(*s)) + len(s.slots)*int(unsafe.Sizeof(stampedSlot{}))
		}
	}
	return bytes
}

// PerCore reports whether every core has a shard of its own, or a lane where the window is kept as t-digests.
func (r *Ring) PerCore() bool {
	if r.stream != nil {
		return r.stream.lanes.Load() != nil
	}
	return r.Sharded()
}

func (s *stream) size() (bytes int) {
	bytes = int(unsafe.Sizeof(*s))
	if lanes := s.lanes.Load(); lanes != nil {
		bytes += len(*lanes) * int(unsafe.Sizeof((*lanes)[0]))
	}
	for l := range s.all() {
		if l != &s.first {
			bytes += int(unsafe.Sizeof(*l))
		}
		bytes += l.current.Load().size() + l.spare.Load().size()
	}
	bytes += s.strays.Load().size()
	for _, p := range s.folded.Load().generations {
		bytes += p.size()
	}
	return bytes
}

// size returns the bytes of a segment and of those before it in its lane.
func (s *segment) size() (bytes int) {
	for ; s != nil; s = s.prev.Load() {
		bytes += int(unsafe.Sizeof(*s)) + (wholeLines(len(s.slots))+wholeLines(len(s.stamps)))*int(unsafe.Sizeof(uint64(0)))
		if p := s.packed.Load(); p != nil {
			bytes += p.size()
		}
	}
	return bytes
}

func (p *pack) size() int {
	bytes := int(unsafe.Sizeof(*p))
	if len(p.centroids) > 0 {
		bytes += cap(p.centroids) * int(unsafe.Sizeof(p.centroids[0]))
	}
	return bytes
}
