package peer

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// ringSize is the window of mutex-ring, and the same as that of nodemetrics.
const ringSize = 100

// RingNode is the usual solution by hand, which has counts and the last
// durations behind a mutex.
type RingNode struct {
	mu               sync.Mutex
	success, failure uint64
	retries          uint64
	sum              time.Duration
	recorded         int // durations recorded so far; the next goes to recorded mod the ring's size
	ring             [ringSize]time.Duration
}

// RecordSuccess counts a success and keeps its duration.
func (n *RingNode) RecordSuccess(d time.Duration) {
	n.mu.Lock()
	n.success++
	n.keep(d)
	n.mu.Unlock()
}

// RecordFailure counts a failure and keeps its duration.
func (n *RingNode) RecordFailure(d time.Duration, _ error) {
	n.mu.Lock()
	n.failure++
	n.keep(d)
	n.mu.Unlock()
}

// RecordRetry counts a retry.
func (n *RingNode) RecordRetry(int) {
	n.mu.Lock()
	n.retries++
	n.mu.Unlock()
}

// keep needs the mutex.
func (n *RingNode) keep(d time.Duration) {
	n.sum += d
	n.ring[n.recorded%ringSize] = d
	n.recorded++
}

// RingMetrics has the figures of a RingNode.
type RingMetrics struct {
	Success, Failure, Retries uint64
	Average                   time.Duration
	P50, P90, P99             time.Duration
	Samples                   int
}

// Metrics copies under the mutex and sorts after the unlock.
func (n *RingNode) Metrics() RingMetrics {
	var window [ringSize]time.Duration
	n.mu.Lock()
	m := RingMetrics{Success: n.success, Failure: n.failure, Retries: n.retries, Samples: min(n.recorded, ringSize)}
	window, sum, count := n.ring, n.sum, n.recorded
	n.mu.Unlock()
	if count == 0 {
		return m
	}
	samples := window[:m.Samples]
	slices.Sort(samples)
	m.Average = sum / time.Duration(count)
	m.P50, m.P90, m.P99 = rank(samples, 50), rank(samples, 90), rank(samples, 99)
	return m
}

// rank is the nearest rank of a percentile of sorted samples.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[max(1, (len(sorted)*percent+99)/100)-1]
}

// mutexRing has the nodes in a map.
type mutexRing struct {
	mu    sync.RWMutex
	nodes map[string]*RingNode
}

func newMutexRing() Registry { return &mutexRing{nodes: map[string]*RingNode{}} }

func (r *mutexRing) node(name string) *RingNode {
	r.mu.RLock()
	n := r.nodes[name]
	r.mu.RUnlock()
	if n != nil {
		return n
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n = r.nodes[name]; n == nil {
		n = new(RingNode)
		r.nodes[name] = n
	}
	return n
}

func (r *mutexRing) Node(name string) Node { return r.node(name) }

func (r *mutexRing) Timer(name string) func() {
	n := r.node(name)
	return func() {
		start := time.Now()
		n.RecordSuccess(time.Since(start))
	}
}

func (r *mutexRing) Named(names []string) Named { return mutexRingNamed{r, names} }

type mutexRingNamed struct {
	r     *mutexRing
	names []string
}

func (n mutexRingNamed) RecordSuccess(i int, d time.Duration) { n.r.node(n.names[i]).RecordSuccess(d) }

func (n mutexRingNamed) RecordFailure(i int, d time.Duration, err error) {
	n.r.node(n.names[i]).RecordFailure(d, err)
}

func (r *mutexRing) all() map[string]RingMetrics {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make(map[string]RingMetrics, len(r.nodes))
	for name, n := range r.nodes {
		all[name] = n.Metrics()
	}
	return all
}

func (r *mutexRing) Snapshot() int { return len(r.all()) }

func (r *mutexRing) MarshalJSON() ([]byte, error) { return json.Marshal(r.all()) }

func (r *mutexRing) Read(name string) Reading { return r.node(name).reading() }

func (n *RingNode) reading() Reading {
	m := n.Metrics()
	return Reading{m.Success, m.Failure, uint64(m.Samples), m.P50}
}
