package peer

import (
	"time"

	"github.com/puzpuzpuz/xsync/v3"
)

// xsyncMutexRing has the nodes of mutex-ring in the concurrent map that
// nodemetrics uses too.
type xsyncMutexRing struct {
	nodes *xsync.MapOf[string, *RingNode]
}

func newXsyncMutexRing() Registry { return xsyncMutexRing{xsync.NewMapOf[string, *RingNode]()} }

func (r xsyncMutexRing) node(name string) *RingNode {
	if n, ok := r.nodes.Load(name); ok {
		return n
	}
	n, _ := r.nodes.LoadOrStore(name, new(RingNode))
	return n
}

func (r xsyncMutexRing) Named(names []string) Named { return xsyncMutexRingNamed{r, names} }

type xsyncMutexRingNamed struct {
	r     xsyncMutexRing
	names []string
}

func (n xsyncMutexRingNamed) RecordSuccess(i int, d time.Duration) {
	n.r.node(n.names[i]).RecordSuccess(d)
}

func (n xsyncMutexRingNamed) RecordFailure(i int, d time.Duration, err error) {
	n.r.node(n.names[i]).RecordFailure(d, err)
}

func (r xsyncMutexRing) Read(name string) Reading { return r.node(name).reading() }
