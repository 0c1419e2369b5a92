package peer

import (
	"sync"
	"time"
)

// sketch is a structure of durations that is not safe for concurrent use.
type sketch interface {
	add(d time.Duration)
	count() uint64
	median() time.Duration
}

// sketchNode has a sketch and counts behind a mutex.
type sketchNode struct {
	mu               sync.Mutex
	success, failure uint64
	durations        sketch
}

func (n *sketchNode) RecordSuccess(d time.Duration) {
	n.mu.Lock()
	n.success++
	n.durations.add(d)
	n.mu.Unlock()
}

func (n *sketchNode) RecordFailure(d time.Duration, _ error) {
	n.mu.Lock()
	n.failure++
	n.durations.add(d)
	n.mu.Unlock()
}

// sketches has nodes by name, but records only by handle.
type sketches struct {
	make  func() sketch
	mu    sync.Mutex
	nodes map[string]*sketchNode
}

func newSketches(make func() sketch) Registry {
	return &sketches{make: make, nodes: map[string]*sketchNode{}}
}

func (r *sketches) node(name string) *sketchNode {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	if n == nil {
		n = &sketchNode{durations: r.make()}
		r.nodes[name] = n
	}
	return n
}

func (r *sketches) Node(name string) Node { return r.node(name) }

func (r *sketches) Read(name string) Reading {
	n := r.node(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	return Reading{n.success, n.failure, n.durations.count(), n.durations.median()}
}
