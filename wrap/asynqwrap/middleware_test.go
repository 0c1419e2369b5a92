package asynqwrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hibiken/asynq"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/asynqwrap"
)

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, network, validation, other, retries uint64 }

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors, m.RetryCount}
}

// newCollector returns a collector.
func newCollector(tb testing.TB) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// silent is a logger for a server whose tasks fail on purpose.
type silent struct{}

func (silent) Debug(...any) {}
func (silent) Info(...any)  {}
func (silent) Warn(...any)  {}
func (silent) Error(...any) {}
func (silent) Fatal(v ...any) {
	panic(fmt.Sprint(v...))
}

var errFailed, errBusy = errors.New("failed"), errors.New("busy")

// isFailure is asynq's notion of a failure in these tests.
func isFailure(err error) bool { return err != nil && !errors.Is(err, errBusy) }

// ignore is the Config.Ignore that belongs to isFailure.
func ignore(err error) bool { return !isFailure(err) || errors.Is(err, context.Canceled) }

// newServer returns a server that looks for tasks often, and repeats them at
// once. Its Shutdown waits for runs as long as patience says, 0 is
// asynq's default.
func newServer(redis asynq.RedisClientOpt, queues map[string]int, patience time.Duration) *asynq.Server {
	return asynq.NewServer(redis, asynq.Config{
		Concurrency:              4 + len(queues), // so that no task waits for another
		Queues:                   queues,
		TaskCheckInterval:        10 * time.Millisecond,
		DelayedTaskCheckInterval: 10 * time.Millisecond,
		ShutdownTimeout:          patience,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
		IsFailure:                isFailure,
		Logger:                   silent{},
		LogLevel:                 asynq.FatalLevel,
	})
}

// returns is a run that returns err.
func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// late is a run that returns err when its context has ended.
func late(err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return err
	}
}

func panics(context.Context) error { panic("task") }

// one is the counts of a node with so many first, second, … retries.
func one(want outcome, retries ...uint64) (outcome, [8]uint64) {
	var byAttempt [8]uint64
	for i, n := range retries {
		byAttempt[i] = n
		want.retries += n
	}
	return want, byAttempt
}

// signal is a middleware that sends on done after each run.
func signal(done chan<- struct{}) asynq.MiddlewareFunc {
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			defer func() { done <- struct{}{} }()
			return next.ProcessTask(ctx, task)
		})
	}
}

func TestRunThatAShutdownGivesBackIsNotCounted(t *testing.T) {
	redis := startRedis(t)
	inspector := asynq.NewInspector(redis)
	defer inspector.Close()
	client := asynq.NewClient(redis)
	defer client.Close()
	const name = "task"
	if _, err := client.Enqueue(asynq.NewTask(name, nil), asynq.Queue(name), asynq.TaskID(name), asynq.MaxRetry(3),
		asynq.Retention(time.Hour)); err != nil {
		t.Fatal(err)
	}
	m := newCollector(t)
	done, begun := make(chan struct{}), make(chan struct{})
	runs := []func(context.Context) error{
		returns(errFailed),
		func(ctx context.Context) error { close(begun); return late(nil)(ctx) },
		returns(nil),
	}
	var run atomic.Int64
	mux := asynq.NewServeMux()
	mux.Use(signal(done), asynqwrap.Middleware(asynqwrap.Config{Collector: m, Ignore: ignore}))
	mux.HandleFunc(name, func(ctx context.Context, _ *asynq.Task) error { return runs[run.Add(1)-1](ctx) })
	first := newServer(redis, map[string]int{name: 1}, time.Millisecond)
	if err := first.Start(mux); err != nil {
		t.Fatal(err)
	}
	<-done
	<-begun
	first.Shutdown()
	<-done // after the shutdown, which has not waited for the second run
	second := newServer(redis, map[string]int{name: 1}, 0)
	if err := second.Start(mux); err != nil {
		t.Fatal(err)
	}
	<-done
	second.Shutdown()
	want, byAttempt := one(outcome{other: 1, successes: 1}, 1)
	got := m.NodeMetrics(name)
	if read(got) != want || got.RetriesByAttempt != byAttempt {
		t.Errorf("%+v, retries %v; want %+v, %v", read(got), got.RetriesByAttempt, want, byAttempt)
	}
	compare(t, inspector, name, got, 0, name)
}

// process runs a task by the middleware.
func process(cfg asynqwrap.Config, do func() error) error {
	h := asynqwrap.Middleware(cfg)(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return do() }))
	return h.ProcessTask(context.Background(), asynq.NewTask("node", nil))
}

func TestErrorIsReturnedAsItIs(t *testing.T) {
	failed := backoff.Permanent(errors.New("failed"))
	m := newCollector(t)
	if err := process(asynqwrap.Config{Collector: m}, func() error { return failed }); err != failed {
		t.Errorf("error %v, want %v", err, failed)
	}
	if got := read(m.NodeMetrics("node")); got != (outcome{other: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestPanicHasAText(t *testing.T) {
	for name, c := range map[string]struct {
		ignore func(error) bool
		do     func() error
		text   string
	}{
		"handler": {nil, func() error { panic("out of range") }, "panic: out of range"},
		"Ignore":  {func(error) bool { panic("no verdict") }, func() error { return errFailed }, "panic: no verdict"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := atomicmetrics.New(atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = process(asynqwrap.Config{Collector: m, Ignore: c.ignore}, c.do)
				t.Error("no panic")
			}()
			if got := read(m.NodeMetrics("node")); got != (outcome{other: 1}) {
				t.Errorf("%+v, want one other failure", got)
			}
			if got := m.Node("node").LastFailure().Text; got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
			if got := m.Node("node").InFlight().Running; got != 0 {
				t.Errorf("%d in flight afterwards, want 0", got)
			}
		})
	}
}

func TestPanicGoesOnWithItsValue(t *testing.T) {
	m, value := newCollector(t), new(int)
	defer func() {
		if p := recover(); p != value {
			t.Errorf("panicked with %v, want %v", p, value)
		}
		if got := read(m.NodeMetrics("node")); got != (outcome{other: 1}) {
			t.Errorf("%+v", got)
		}
	}()
	_ = process(asynqwrap.Config{Collector: m}, func() error { panic(value) })
}

func TestEndOfTheGoroutineIsAFailure(t *testing.T) {
	m, done := newCollector(t), make(chan struct{})
	go func() {
		defer close(done)
		_ = process(asynqwrap.Config{Collector: m}, func() error { runtime.Goexit(); return nil })
	}()
	<-done
	if got := read(m.NodeMetrics("node")); got != (outcome{other: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestUnmeasuredTasksRunTheSame(t *testing.T) {
	failed := errors.New("failed")
	for name, cfg := range map[string]asynqwrap.Config{
		"no collector": {},
		"no name":      {Collector: newCollector(t), Name: func(context.Context, *asynq.Task) string { return "" }},
	} {
		if err := process(cfg, func() error { return failed }); err != failed {
			t.Errorf("%s: error %v, want %v", name, err, failed)
		}
		if got := cfg.Collector.AllNodeMetrics(); len(got) != 0 {
			t.Errorf("%s: recorded %v", name, got)
		}
	}
}
