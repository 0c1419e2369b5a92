package main

import (
	"fmt"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// price is the cost of measuring in nanoseconds, for a goroutine that does
// nothing else.
type price struct {
	record float64 // a record on a handle
	timed  float64 // the same by a Timer, which reads the clock twice and is in flight
	retry  float64 // a retry on a handle
}

// measurePrice measures on a collector of its own, on a node with the options
// of publish, thresholds and all.
func measurePrice(options []atomicmetrics.Option) (price, error) {
	c, err := atomicmetrics.New(options...)
	if err != nil {
		return price{}, err
	}
	node := c.Node("publish")
	return price{
		record: nanoseconds(func() { node.RecordSuccess(time.Millisecond) }),
		timed:  nanoseconds(func() { node.Start().Stop(nil) }),
		retry:  nanoseconds(func() { node.RecordRetry(1) }),
	}, nil
}

// nanoseconds returns the time of a call of f, the call by its pointer
// included. There are several rounds, each long enough for the clock. The
// quickest counts, because other users of the core only add time.
func nanoseconds(f func()) float64 {
	const enough, rounds = time.Millisecond, 20
	n := 1
	for repeat(n, f) < enough {
		n *= 2
	}
	least := repeat(n, f)
	for range rounds - 1 {
		least = min(least, repeat(n, f))
	}
	return float64(least) / float64(n)
}

func repeat(n int, f func()) time.Duration {
	began := time.Now()
	for range n {
		f()
	}
	return time.Since(began)
}

// lines returns the cost of measuring the run of m. Each execution was timed,
// and each retry was a further record.
func (p price) lines(s atomicmetrics.Snapshot, m *meter) string {
	executions, retries := records(s)
	cost := time.Duration(p.timed*float64(executions) + p.retry*float64(retries))
	of, what := m.cpu, "the CPU time of the process from first file to last, user and system"
	if of == 0 {
		of, what = m.wall, "the wall time from first file to last"
	}
	const format = `
measuring: %.0f ns an execution (%.0f ns its record, %.0f ns its timer), %.0f ns a retry
           %d executions and %d retries make %s: %.2g%% of %s,
           %s`
	return fmt.Sprintf(format[1:], p.timed, p.record, p.timed-p.record, p.retry,
		executions, retries, cost.Round(time.Microsecond), 100*cost.Seconds()/of.Seconds(), of.Round(time.Millisecond), what)
}

// records returns how many executions and retries were recorded on all nodes.
func records(s atomicmetrics.Snapshot) (executions, retries uint64) {
	for _, m := range s.Nodes {
		executions += m.TotalExecutions
		retries += m.RetryCount
	}
	return executions, retries
}
