package atomicmetrics

// RecordIgnored counts an execution that ended and is no verdict on the node,
// such as a cancelled one. The count is beside [NodeMetrics] and not in it.
// Like a retry, it belongs to the node's figures until a reset. The time of the
// execution is not kept.
//
// [Node.DoIgnoring] calls RecordIgnored. An execution that is no call of one
// function calls it after [Timer.Discard].
func (n *Node) RecordIgnored() {
	if n != nil {
		n.count(ignoredCount)
	}
}

// Ignored returns how many executions RecordIgnored has counted since the last
// reset. It waits for no other goroutine.
func (n *Node) Ignored() uint64 {
	var d details
	n.metrics(&d)
	return d.ignored
}
