package ring

import "unsafe"

// Size returns how many bytes hang off the ring, estimated: without the Ring itself, without its Watch, and
// without what the allocator rounds up. What others change meanwhile is counted or not.
func (r *Ring) Size() (bytes int) {
	const word = int(unsafe.Sizeof(uint64(0)))
	bytes = wholeLines(len(r.slots)) * word
	if r.Sharded() {
		bytes += int(unsafe.Sizeof(cores{})) + len(r.cores.Load().shards)*word
	}
	for s := range r.cores.Load().all {
		bytes += int(unsafe.Sizeof(*s)) + len(s.slots)*int(unsafe.Sizeof(stampedSlot{}))
	}
	if r.stream != nil {
		bytes += r.stream.size()
	}
	return bytes
}

func (s *stream) size() (bytes int) {
	bytes = int(unsafe.Sizeof(*s))
	for at := s.spares.top.Load(); at != nil; at = at.below {
		bytes += int(unsafe.Sizeof(*at)) + wholeLines(len(at.slots))*int(unsafe.Sizeof(uint64(0)))
	}
	for l := range s.lanes {
		bytes += int(unsafe.Sizeof(*l)) + l.current.Load().size()
		if l.ahead.Load() != nil {
			bytes += int(unsafe.Sizeof(ahead{})) + 4*l.longer*int(unsafe.Sizeof(uint64(0)))
		}
	}
	for _, p := range s.folded.Load().generations {
		bytes += p.size()
	}
	return bytes
}

// size returns the bytes of a segment and of those before it in its lane.
func (s *segment) size() (bytes int) {
	for ; s != nil; s = s.prev.Load() {
		bytes += int(unsafe.Sizeof(*s))
		if p := s.packed.Load(); p != nil {
			bytes += p.size()
		} else {
			bytes += wholeLines(len(s.slots)) * int(unsafe.Sizeof(uint64(0)))
		}
	}
	return bytes
}

func (p *pack) size() int {
	return int(unsafe.Sizeof(*p)) + cap(p.centroids)*int(unsafe.Sizeof(centroid{}))
}
