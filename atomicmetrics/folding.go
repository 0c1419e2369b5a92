package atomicmetrics

import "sync/atomic"

// folding has what recorders left to fold in a node's state folded, on the goroutine that exists for it while there is
// any, and has the window looked at.
type folding struct {
	node   *Node
	state  *state
	queued atomic.Bool
	looked uint64 // executions there had been at the last look; written on the folding goroutine alone
}

// schedule sees to it that the state is folded after the call.
func (f *folding) schedule() {
	if !f.queued.Load() && !f.queued.Swap(true) {
		f.node.collector.folds.Put(f)
	}
}

// run folds, and looks at the window once in a two-hundredth of it, or in 5,000 samples.
func (f *folding) run() {
	f.queued.Store(false)
	executions := f.state.ring.Fold()
	if f.state.watch == nil {
		return
	}
	if due := uint64(min(f.node.collector.windowSize/200, 5_000)); executions-f.looked >= due {
		f.looked = executions
		f.state.watch.Look()
	}
}
