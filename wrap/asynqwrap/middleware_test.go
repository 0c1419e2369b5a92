package asynqwrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
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

func TestEachRunIsOneExecution(t *testing.T) {
	_, invalid := strconv.Atoi("x")
	tasks := map[string]struct {
		do      func(ctx context.Context) error
		retries int // at most
		runs    int
		want    outcome
	}{
		"success":  {func(context.Context) error { return nil }, 3, 1, outcome{successes: 1}},
		"failure":  {func(context.Context) error { return errors.New("failed") }, 0, 1, outcome{other: 1}},
		"invalid":  {func(context.Context) error { return fmt.Errorf("task: %w", invalid) }, 0, 1, outcome{validation: 1}},
		"late":     {func(context.Context) error { return context.DeadlineExceeded }, 0, 1, outcome{timeouts: 1}},
		"canceled": {func(context.Context) error { return context.Canceled }, 0, 1, outcome{}},
		"skip":     {func(context.Context) error { return fmt.Errorf("no use: %w", asynq.SkipRetry) }, 3, 1, outcome{other: 1}},
		"revoke":   {func(context.Context) error { return fmt.Errorf("not needed: %w", asynq.RevokeTask) }, 3, 1, outcome{successes: 1}},
		"panic":    {func(context.Context) error { panic("task") }, 0, 1, outcome{other: 1}},
		"flaky": {func(ctx context.Context) error {
			if retry, _ := asynq.GetRetryCount(ctx); retry < 2 {
				return errors.New("not yet")
			}
			return nil
		}, 3, 3, outcome{successes: 1, other: 2, retries: 2}},
		"panics once": {func(ctx context.Context) error {
			if retry, _ := asynq.GetRetryCount(ctx); retry < 1 {
				panic("task")
			}
			return nil
		}, 3, 2, outcome{successes: 1, other: 1, retries: 1}},
		"unnamed": {func(context.Context) error { return errors.New("failed") }, 0, 1, outcome{}},
	}
	m := newCollector(t)
	done := make(chan struct{})
	mux := asynq.NewServeMux()
	mux.Use(func(next asynq.Handler) asynq.Handler { // outside: a run that it has seen the end of is recorded
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			defer func() { done <- struct{}{} }()
			return next.ProcessTask(ctx, task)
		})
	})
	mux.Use(asynqwrap.Middleware(asynqwrap.Config{Collector: m, Name: func(_ context.Context, task *asynq.Task) string {
		if task.Type() == "unnamed" {
			return ""
		}
		return "task " + task.Type()
	}}))
	redis := asynq.RedisClientOpt{Addr: miniredis.RunT(t).Addr()}
	client := asynq.NewClient(redis)
	defer client.Close()
	runs := 0
	for name, task := range tasks {
		mux.HandleFunc(name, func(ctx context.Context, _ *asynq.Task) error { return task.do(ctx) })
		if _, err := client.Enqueue(asynq.NewTask(name, nil), asynq.MaxRetry(task.retries)); err != nil {
			t.Fatal(err)
		}
		runs += task.runs
	}
	server := asynq.NewServer(redis, asynq.Config{
		Concurrency:              4,
		TaskCheckInterval:        time.Millisecond,
		DelayedTaskCheckInterval: time.Millisecond,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
		Logger:                   silent{},
		LogLevel:                 asynq.FatalLevel,
	})
	if err := server.Start(mux); err != nil {
		t.Fatal(err)
	}
	for range runs {
		<-done
	}
	server.Shutdown()
	for name, task := range tasks {
		if got := read(m.NodeMetrics("task " + name)); got != task.want {
			t.Errorf("%s: %+v, want %+v", name, got, task.want)
		}
	}
	if got := m.NodeMetrics("task flaky").RetriesByAttempt; got != [8]uint64{1, 1} {
		t.Errorf("retries %v, want a first and a second one", got)
	}
	if got := len(m.AllNodeMetrics()); got != len(tasks)-2 {
		t.Errorf("%d nodes, want %d", got, len(tasks)-2)
	}
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
