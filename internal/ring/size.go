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
	if r.large != nil {
		bytes += r.large.size(r.cores.Load())
	}
	return bytes
}
