package ring

import "github.com/nodemetrics/nodemetrics/internal/step"

// Close makes every later record fail. The caller has put the ring out of reach
// of new recorders. Any number of callers may call it.
//
// No record is lost or counted twice. A recorder sets BUSY by a CAS and then
// loads where records go. Close first changes that, and Quiet then looks for
// BUSY. So the recorder sees the close, or Quiet sees BUSY. If the recorder
// found the ring open, Quiet waits for it. If the recorder found the ring
// closed, it has written nothing and goes to the next ring.
//
// Growth cannot slip through. A single word says whether the ring is spread or
// closed, and Spread and Close change the word by a CAS. A shard made meanwhile
// is owned from its beginning, by a recorder that has yet to look.
func (r *Ring) Close() {
	if !r.cores.CompareAndSwap(nil, closedCores) {
		step.At(step.Closing)
		r.cores.Load().closed.Store(true)
	}
}

// Quiet reports whether every record of a closed ring has ended. After Quiet
// has returned true, every figure is final.
func (r *Ring) Quiet() bool {
	if r.Busy() {
		return false
	}
	for s := range r.cores.Load().all {
		step.At(step.Reading)
		if s.head.Load()&busy != 0 {
			return false
		}
	}
	return true
}
