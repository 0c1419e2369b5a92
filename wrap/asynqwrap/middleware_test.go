package asynqwrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
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

// newServer returns a server that looks for tasks all the time, and repeats
// them at once. Its Shutdown waits for runs as long as patience says, 0 is
// asynq's default.
func newServer(redis asynq.RedisClientOpt, queues map[string]int, patience time.Duration) *asynq.Server {
	return asynq.NewServer(redis, asynq.Config{
		Concurrency:              4 + len(queues), // so that no task waits for another
		Queues:                   queues,
		TaskCheckInterval:        time.Millisecond,
		DelayedTaskCheckInterval: time.Millisecond,
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

func TestRunsAreCountedAsAsynqCountsThem(t *testing.T) {
	redis := startRedis(t)
	inspector := asynq.NewInspector(redis)
	defer inspector.Close()
	canceled := func(ctx context.Context) error {
		id, _ := asynq.GetTaskID(ctx)
		for ctx.Err() == nil { // the server may not listen for cancellations yet
			if err := inspector.CancelProcessing(id); err != nil {
				return err
			}
		}
		return nil
	}
	_, invalid := strconv.Atoi("x")
	type runs = []func(context.Context) error
	scenarios := map[string]struct {
		runs    runs // of one task, in turn
		max     int  // retries
		want    outcome
		retries []uint64 // first, second, …
		ignored int      // runs that asynq counts as failures, but Ignore accepts
	}{
		"success":           {runs{returns(nil)}, 3, outcome{successes: 1}, nil, 0},
		"failure":           {runs{returns(errFailed)}, 0, outcome{other: 1}, nil, 0},
		"invalid":           {runs{returns(fmt.Errorf("task: %w", invalid))}, 0, outcome{validation: 1}, nil, 0},
		"own timeout":       {runs{returns(context.DeadlineExceeded)}, 0, outcome{timeouts: 1}, nil, 0},
		"own cancel":        {runs{returns(context.Canceled)}, 0, outcome{}, nil, 1},
		"fails, succeeds":   {runs{returns(errFailed), returns(errFailed), returns(nil)}, 3, outcome{other: 2, successes: 1}, []uint64{1, 1}, 0},
		"fails to the end":  {runs{returns(errFailed), returns(errFailed), returns(invalid)}, 2, outcome{other: 2, validation: 1}, []uint64{1, 1}, 0},
		"skip":              {runs{returns(fmt.Errorf("no use: %w", asynq.SkipRetry))}, 3, outcome{other: 1}, nil, 0},
		"fails, skip":       {runs{returns(errFailed), returns(asynq.SkipRetry)}, 3, outcome{other: 2}, []uint64{1}, 0},
		"revoke":            {runs{returns(fmt.Errorf("not needed: %w", asynq.RevokeTask))}, 3, outcome{successes: 1}, nil, 0},
		"fails, revoke":     {runs{returns(errFailed), returns(asynq.RevokeTask)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
		"panic":             {runs{panics}, 0, outcome{other: 1}, nil, 0},
		"panics, succeeds":  {runs{panics, returns(nil)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
		"late":              {runs{late(nil)}, 0, outcome{timeouts: 1}, nil, 0},
		"late, succeeds":    {runs{late(nil), returns(nil)}, 3, outcome{timeouts: 1, successes: 1}, []uint64{1}, 0},
		"late error":        {runs{late(errFailed)}, 0, outcome{timeouts: 1}, nil, 0},
		"late revoke":       {runs{late(asynq.RevokeTask)}, 0, outcome{timeouts: 1}, nil, 0},
		"late busy":         {runs{late(errBusy)}, 0, outcome{timeouts: 1}, nil, 0},
		"busy":              {runs{returns(errBusy), returns(errBusy), returns(nil)}, 3, outcome{successes: 1}, nil, 0},
		"fails, busy":       {runs{returns(errFailed), returns(errBusy), returns(errBusy), returns(nil)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
		"busy, fails, busy": {runs{returns(errBusy), returns(errFailed), returns(errBusy), returns(errFailed), returns(nil)}, 3, outcome{other: 2, successes: 1}, []uint64{1, 1}, 0},
		"busy, no retry":    {runs{returns(errBusy)}, 0, outcome{}, nil, 1},
		"called off":        {runs{canceled}, 0, outcome{}, nil, 1},
	}
	m := newCollector(t)
	done := make(chan struct{})
	mux := asynq.NewServeMux()
	mux.Use(signal(done), asynqwrap.Middleware(asynqwrap.Config{Collector: m, Ignore: ignore}))
	client := asynq.NewClient(redis)
	defer client.Close()
	total, queues := 0, map[string]int{}
	for name, s := range scenarios {
		queues[name] = 1
		total += len(s.runs)
		var run atomic.Int64
		mux.HandleFunc(name, func(ctx context.Context, _ *asynq.Task) error { return s.runs[run.Add(1)-1](ctx) })
		limit := time.Hour
		if strings.HasPrefix(name, "late") {
			limit = time.Second // the shortest that asynq has
		}
		if _, err := client.Enqueue(asynq.NewTask(name, nil), asynq.Queue(name), asynq.TaskID(name), asynq.MaxRetry(s.max),
			asynq.Timeout(limit), asynq.Retention(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	server := newServer(redis, queues, 0)
	if err := server.Start(mux); err != nil {
		t.Fatal(err)
	}
	for range total {
		<-done
	}
	server.Shutdown()
	for name, s := range scenarios {
		want, byAttempt := one(s.want, s.retries...)
		got := m.NodeMetrics(name)
		if read(got) != want || got.RetriesByAttempt != byAttempt {
			t.Errorf("%s: %+v, retries %v; want %+v, %v", name, read(got), got.RetriesByAttempt, want, byAttempt)
		}
		compare(t, inspector, name, got, s.ignored)
	}
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

// compare compares the counts of a node with asynq's own of the queue and the
// task of that name. A task that was revoked has gone, and its retries with it.
func compare(t *testing.T, inspector *asynq.Inspector, name string, got atomicmetrics.NodeMetrics, ignored int) {
	t.Helper()
	queue, err := inspector.GetQueueInfo(name)
	if err != nil {
		t.Fatal(err)
	}
	if executions, failures := int(got.TotalExecutions)+ignored, int(got.FailureCount)+ignored; executions != queue.ProcessedTotal ||
		failures != queue.FailedTotal {
		t.Errorf("%s: %d of %d runs failed, %d of them ignored; asynq counts %d of %d", name,
			failures, executions, ignored, queue.FailedTotal, queue.ProcessedTotal)
	}
	task, err := inspector.GetTaskInfo(name, name)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
	case err != nil:
		t.Error(err)
	case int(got.RetryCount) != task.Retried:
		t.Errorf("%s: %d retries; asynq counts %d", name, got.RetryCount, task.Retried)
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
	compare(t, inspector, name, got, 0)
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
