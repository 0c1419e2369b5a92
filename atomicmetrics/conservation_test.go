package atomicmetrics

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// checkInvariants checks what every read promises, whatever runs beside it.
func checkInvariants(m NodeMetrics, windowSize int) error {
	retries := uint64(0)
	for _, n := range m.RetriesByAttempt {
		retries += n
	}
	for _, rule := range []struct {
		what string
		ok   bool
	}{
		{"executions are successes and failures", m.TotalExecutions == m.SuccessCount+m.FailureCount},
		{"failures are the sum of the categories",
			m.FailureCount == m.TimeoutErrors+m.ValidationErrors+m.NetworkErrors+m.OtherErrors},
		{"retries are the sum of the attempts", m.RetryCount == retries},
		{"percentiles are in order", m.P50 <= m.P90 && m.P90 <= m.P99},
		{"percentiles are within the extremes", m.WindowMin <= m.P50 && m.P99 <= m.WindowMax},
		{"the newest is of the window", m.WindowMin <= m.LastExecution && m.LastExecution <= m.WindowMax},
		{"failures are of the window", m.WindowFailures <= m.WindowSamples},
		{"the window has its size", m.WindowSamples <= windowSize},
		{"the window is of the executions", uint64(m.WindowSamples) <= m.TotalExecutions},
		{"the window's failures are of the failures", uint64(m.WindowFailures) <= m.FailureCount},
	} {
		if !rule.ok {
			return fmt.Errorf("not true: %s: %+v", rule.what, m)
		}
	}
	return nil
}

// ledger adds up what resets returned.
type ledger struct {
	executions, successes, failures, retries atomic.Uint64
	byCategory                               [categories]atomic.Uint64
	byAttempt                                [8]atomic.Uint64
	durations                                atomic.Int64
}

func (l *ledger) add(m NodeMetrics) {
	l.executions.Add(m.TotalExecutions)
	l.successes.Add(m.SuccessCount)
	l.failures.Add(m.FailureCount)
	l.retries.Add(m.RetryCount)
	for c := range categories {
		l.byCategory[c].Add(*categoryTable[c].count(&m))
	}
	for i, n := range m.RetriesByAttempt {
		l.byAttempt[i].Add(n)
	}
	l.durations.Add(int64(m.TotalDuration))
}

// metrics returns the sums as the figures of a node.
func (l *ledger) metrics() NodeMetrics {
	m := NodeMetrics{
		TotalExecutions: l.executions.Load(), SuccessCount: l.successes.Load(), FailureCount: l.failures.Load(),
		RetryCount: l.retries.Load(), TotalDuration: time.Duration(l.durations.Load()),
	}
	for c := range categories {
		*categoryTable[c].count(&m) = l.byCategory[c].Load()
	}
	for i := range l.byAttempt {
		m.RetriesByAttempt[i] = l.byAttempt[i].Load()
	}
	return m
}

func TestEveryRecordAndRetryIsInExactlyOneResetOrStillThere(t *testing.T) {
	for _, procs := range []int{1, 2, 4, 16} {
		for _, size := range []int{1, 7, 100} {
			for _, spread := range []bool{false, true} {
				t.Run(fmt.Sprintf("procs=%d/window=%d/spread=%v", procs, size, spread), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					conserve(t, size, spread)
				})
			}
		}
	}
}

// conserve lets recorders, resetters and readers loose on two nodes and accounts for every record.
func conserve(t *testing.T, size int, spread bool, opts ...Option) {
	c, err := New(append(opts, WithWindowSize(size), WithLogger(zerolog.Nop()), OnEvent(func(Event) {}),
		WithNodeThresholds("watched", Thresholds{FailureRate: 0.3, Latency: 100, Recovery: 0.9}))...)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"plain", "watched"}
	var recorded, returned ledger
	var recorders, others sync.WaitGroup
	done := make(chan struct{})
	running := func() bool {
		select {
		case <-done:
			return false
		default:
			runtime.Gosched()
			return true
		}
	}
	const perRecorder = 6000
	for g := range 5 {
		recorders.Go(func() {
			var sums ledger
			for i := range perRecorder {
				name, d := names[i%len(names)], time.Duration((i*7+g)%200)
				switch i % 6 {
				case 0, 1, 2:
					c.RecordSuccess(name, d)
					sums.add(NodeMetrics{TotalExecutions: 1, SuccessCount: 1, TotalDuration: d})
				case 3:
					c.Node(name).RecordFailureAs(d, CategoryTimeout)
					sums.add(NodeMetrics{TotalExecutions: 1, FailureCount: 1, TimeoutErrors: 1, TotalDuration: d})
				case 4:
					c.RecordFailureAs(name, d, CategoryNetwork)
					sums.add(NodeMetrics{TotalExecutions: 1, FailureCount: 1, NetworkErrors: 1, TotalDuration: d})
				case 5:
					c.RecordRetry(name, 1+i%8)
					m := NodeMetrics{RetryCount: 1}
					m.RetriesByAttempt[i%8] = 1
					sums.add(m)
				}
				if i%64 == 0 {
					runtime.Gosched()
				}
			}
			merge(&recorded, &sums)
		})
	}
	for g := range 3 {
		others.Go(func() {
			for running() {
				if g == 0 {
					for _, m := range c.Reset().Nodes {
						returned.add(m)
						if err := checkInvariants(m, size); err != nil {
							t.Errorf("a reset's: %v", err)
							return
						}
					}
				} else {
					returned.add(c.ResetNode(names[g%2]))
				}
				for range 20 {
					runtime.Gosched()
				}
			}
		})
	}
	for range 2 {
		others.Go(func() {
			for running() {
				for _, m := range c.All() {
					if err := checkInvariants(m, size); err != nil {
						t.Error(err)
						return
					}
				}
				if s := c.Node("plain").life.State(); s != nil && spread {
					s.Ring.Spread(4)
				}
			}
		})
	}
	recorders.Wait()
	close(done)
	others.Wait()
	for _, m := range c.AllNodeMetrics() {
		returned.add(m)
	}
	if got, want := returned.metrics(), recorded.metrics(); got != want {
		t.Errorf("accounted for, and recorded:%s", diff.Fields(got, want))
	}
	if want := uint64(5 * perRecorder / 6 * 5); recorded.executions.Load() != want {
		t.Errorf("the test recorded %d executions, want %d", recorded.executions.Load(), want)
	}
}

// merge adds one ledger to another.
func merge(to, from *ledger) {
	to.executions.Add(from.executions.Load())
	to.successes.Add(from.successes.Load())
	to.failures.Add(from.failures.Load())
	to.retries.Add(from.retries.Load())
	to.durations.Add(from.durations.Load())
	for i := range to.byCategory {
		to.byCategory[i].Add(from.byCategory[i].Load())
	}
	for i := range to.byAttempt {
		to.byAttempt[i].Add(from.byAttempt[i].Load())
	}
}

func TestNoCounterGoesBackWithoutAReset(t *testing.T) {
	for _, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		c, err := New(WithWindowSize(10), WithLogger(zerolog.Nop()))
		if err != nil {
			t.Fatal(err)
		}
		n := c.Node("n")
		var recorders, readers sync.WaitGroup
		done := make(chan struct{})
		for g := range 4 {
			recorders.Go(func() {
				for i := range 20_000 {
					switch {
					case i%3 == g%3:
						n.RecordFailureAs(MaxDuration, Category(i%4)) // the sum crosses 2^63 and 2^64 many times
					case i%3 == 1:
						n.RecordRetry(i % 9)
					default:
						n.RecordSuccess(time.Duration(i))
					}
				}
			})
		}
		for range 2 {
			readers.Go(func() {
				var before NodeMetrics
				for {
					now := n.Metrics()
					if err := checkInvariants(now, 10); err != nil {
						t.Error(err)
						return
					}
					lower := now.SuccessCount < before.SuccessCount || now.TimeoutErrors < before.TimeoutErrors ||
						now.ValidationErrors < before.ValidationErrors || now.NetworkErrors < before.NetworkErrors ||
						now.OtherErrors < before.OtherErrors || now.TotalDuration < before.TotalDuration
					for i := range now.RetriesByAttempt {
						lower = lower || now.RetriesByAttempt[i] < before.RetriesByAttempt[i]
					}
					if lower {
						t.Errorf("a counter went back: %+v, then %+v", before, now)
						return
					}
					before = now
					select {
					case <-done:
						return
					default:
						runtime.Gosched()
					}
				}
			})
		}
		recorders.Wait()
		close(done)
		readers.Wait()
	}
}
