//go:build nodemetrics_step

package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// node is what histories are made of: an *atomicmetrics.Node, or a wrong one.
type node interface {
	RecordSuccess(d time.Duration)
	RecordFailureAs(d time.Duration, category atomicmetrics.Category)
	RecordRetry(attempt int)
	Metrics() atomicmetrics.NodeMetrics
	Reset() atomicmetrics.NodeMetrics
}

// call is a call of one of a node's methods. It is the input of an operation; the output is NodeMetrics, zero but for
// a read and a reset.
type call struct {
	what     what
	d        time.Duration          // of an execution
	category atomicmetrics.Category // of a failure
	attempt  int                    // of a retry
}

type what uint8

const (
	success what = iota
	failure
	retry
	read
	reset
)

func (c call) execution() bool { return c.what <= failure }

func (c call) String() string {
	return []string{
		success: fmt.Sprintf("success(%d)", c.d), failure: fmt.Sprintf("failure(%d, %v)", c.d, c.category),
		retry: fmt.Sprintf("retry(%d)", c.attempt), read: "read", reset: "reset",
	}[c.what]
}

// of makes the call.
func (c call) of(n node) (m atomicmetrics.NodeMetrics) {
	switch c.what {
	case success:
		n.RecordSuccess(c.d)
	case failure:
		n.RecordFailureAs(c.d, c.category)
	case retry:
		n.RecordRetry(c.attempt)
	case read:
		return n.Metrics()
	case reset:
		return n.Reset()
	}
	return m
}

// history is what happened to a node. Operations have their place in time by a count of their beginnings and ends.
type history struct {
	node        node
	largeWindow bool // larger than the models have
	time        atomic.Int64
	operations  []porcupine.Operation
}

// do makes calls on one goroutine and returns the operations.
func (h *history) do(client int, calls []call) (operations []porcupine.Operation) {
	for _, c := range calls {
		begun := h.time.Add(1)
		m := c.of(h.node)
		operations = append(operations, porcupine.Operation{
			ClientId: client, Input: c, Call: begun, Output: m, Return: h.time.Add(1)})
	}
	return operations
}

// alone makes calls while nothing else runs.
func (h *history) alone(calls ...call) { h.operations = append(h.operations, h.do(0, calls)...) }

// together lets each of several goroutines make its calls, and returns when all have.
func (h *history) together(schedule scheduler, seed uint64, calls ...[]call) {
	byClient := make([][]porcupine.Operation, len(calls))
	functions := make([]func(), len(calls))
	for i := range calls {
		functions[i] = func() { byClient[i] = h.do(i, calls[i]) }
	}
	schedule(seed, functions)
	h.operations = append(h.operations, slices.Concat(byClient...)...)
}

// String lists the operations in the order in which they began.
func (h *history) String() string {
	operations := slices.Clone(h.operations)
	slices.SortFunc(operations, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var s strings.Builder
	for _, o := range operations {
		fmt.Fprintf(&s, "%3d … %3d  goroutine %d  %v", o.Call, o.Return, o.ClientId, o.Input)
		if c := o.Input.(call); !c.execution() && c.what != retry {
			fmt.Fprintf(&s, " = %+v", o.Output)
		}
		s.WriteByte('\n')
	}
	return s.String()
}

// mix makes random calls. Every execution has another duration, so that it is known again in a window.
type mix struct {
	random  *rand.Rand
	weights [reset + 1]int
	last    time.Duration
}

func (x *mix) calls(n int) (calls []call) {
	sum := 0
	for _, w := range x.weights {
		sum += w
	}
	for range n {
		c, at := call{}, x.random.IntN(sum)
		for at >= x.weights[c.what] {
			at -= x.weights[c.what]
			c.what++
		}
		switch {
		case c.execution():
			x.last++
			c.d = x.last*1000 + time.Duration(x.random.IntN(1000))
			if c.what == failure {
				c.category = atomicmetrics.Category(x.random.IntN(4))
			}
		case c.what == retry:
			c.attempt = 1 + x.random.IntN(9)
		}
		calls = append(calls, c)
	}
	return calls
}

// several makes the calls of some goroutines: n calls in all.
func (x *mix) several(goroutines, n int) (calls [][]call) {
	for i := range goroutines {
		calls = append(calls, x.calls((n+i)/goroutines))
	}
	return calls
}
