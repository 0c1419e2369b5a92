package ring

import "github.com/nodemetrics/nodemetrics/internal/step"

// Close makes every later record fail. It may be called once the ring is out of reach of new recorders, by any number
// of callers.
//
// Why no record is lost or counted twice by it: a recorder sets BUSY by a CAS and then loads where records go, while
// Close first changes that and then looks for BUSY. Of two such pairs at least one sees the other. So each record either
// found the ring open when it owned its shard, and then Quiet waits for it; or it finds the ring closed, has written
// nothing, and goes to the next ring as if it had just begun. Growth cannot slip through: the ring is spread by a CAS on
// the same word by which it is closed, and a shard made meanwhile is owned from its beginning, by a recorder that has
// yet to look.
func (r *Ring) Close() {
	if !r.cores.CompareAndSwap(nil, closedCores) {
		step.At(step.Closing)
		r.cores.Load().closed.Store(true)
	}
}

// Quiet reports whether every record of a closed ring has ended. Once it has been true every figure is final: a recorder
// that owns a shard afterwards finds the ring closed.
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
