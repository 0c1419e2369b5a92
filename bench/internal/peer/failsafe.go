package peer

import (
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// failsafe has a circuit breaker for each node, with a window of 100
// executions. It counts outcomes and keeps no durations, so it does less than
// the rest. It would open only at more failures than the window has room for.
type failsafe struct{ breakers sync.Map }

func newFailsafeBreaker() Registry { return new(failsafe) }

type failsafeNode struct {
	circuitbreaker.CircuitBreaker[any]
}

func (n failsafeNode) RecordSuccess(time.Duration) { n.CircuitBreaker.RecordSuccess() }

func (n failsafeNode) RecordFailure(_ time.Duration, err error) { n.RecordError(err) }

func (r *failsafe) Node(name string) Node {
	n, ok := r.breakers.Load(name)
	if !ok {
		n, _ = r.breakers.LoadOrStore(name, failsafeNode{
			circuitbreaker.NewBuilder[any]().WithFailureThresholdRatio(ringSize+1, ringSize).Build()})
	}
	return n.(failsafeNode)
}

func (r *failsafe) Read(name string) Reading {
	m := r.Node(name).(failsafeNode).Metrics()
	return Reading{Successes: uint64(m.Successes()), Failures: uint64(m.Failures())}
}
