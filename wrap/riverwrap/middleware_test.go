package riverwrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/riverwrap"
)

// runSecond runs the second attempt of a job by the middleware.
func runSecond(cfg riverwrap.Config, do func() error) error {
	return riverwrap.Middleware(cfg).Work(context.Background(), &rivertype.JobRow{Kind: "node", Attempt: 2},
		func(context.Context) error { return do() })
}

// collector returns a collector that keeps the last failure and what runs.
func collector(t *testing.T) *atomicmetrics.Collector {
	t.Helper()
	m, err := atomicmetrics.New(atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// requireOneFailure requires a failed run that was the first retry.
func requireOneFailure(t *testing.T, m *atomicmetrics.Collector) {
	t.Helper()
	got := m.NodeMetrics("node")
	if read(got) != (outcome{other: 1}) || got.RetryCount != 1 || got.RetriesByAttempt[0] != 1 {
		t.Errorf("%+v, want one other failure that was the first retry", got)
	}
	if got := m.Node("node").InFlight().Running; got != 0 {
		t.Errorf("%d in flight afterwards, want 0", got)
	}
}

func TestErrorIsReturnedAsItIs(t *testing.T) {
	m, failed := collector(t), fmt.Errorf("job: %w", errFailed)
	if err := runSecond(riverwrap.Config{Collector: m}, func() error { return failed }); err != failed {
		t.Errorf("error %v, want %v", err, failed)
	}
	requireOneFailure(t, m)
}

func TestPanicHasAText(t *testing.T) {
	for name, c := range map[string]struct {
		ignore func(error) bool
		do     func() error
		text   string
	}{
		"worker": {nil, func() error { panic("out of range") }, "panic: out of range"},
		"Ignore": {func(error) bool { panic("no verdict") }, func() error { return errFailed }, "panic: no verdict"},
	} {
		t.Run(name, func(t *testing.T) {
			m := collector(t)
			func() {
				defer func() { _ = recover() }()
				_ = runSecond(riverwrap.Config{Collector: m, Ignore: c.ignore}, c.do)
				t.Error("no panic")
			}()
			requireOneFailure(t, m)
			if got := m.Node("node").LastFailure().Text; got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
		})
	}
}

func TestPanicGoesOnWithItsValue(t *testing.T) {
	m, value := collector(t), new(int)
	defer func() {
		if p := recover(); p != value {
			t.Errorf("panicked with %v, want %v", p, value)
		}
		requireOneFailure(t, m)
	}()
	_ = runSecond(riverwrap.Config{Collector: m}, func() error { panic(value) })
}

func TestEndOfTheGoroutineIsAFailure(t *testing.T) {
	m, done := collector(t), make(chan struct{})
	go func() {
		defer close(done)
		_ = runSecond(riverwrap.Config{Collector: m}, func() error { runtime.Goexit(); return nil })
	}()
	<-done
	requireOneFailure(t, m)
}

func TestUnmeasuredJobsRunTheSame(t *testing.T) {
	for name, cfg := range map[string]riverwrap.Config{
		"no collector": {},
		"no name":      {Collector: collector(t), Name: func(*rivertype.JobRow) string { return "" }},
	} {
		if err := runSecond(cfg, func() error { return errFailed }); err != errFailed {
			t.Errorf("%s: error %v, want %v", name, err, errFailed)
		}
		if got := cfg.Collector.AllNodeMetrics(); len(got) != 0 {
			t.Errorf("%s: recorded %v", name, got)
		}
	}
}

// River takes the attempt back, so no Ignore can make it a failure.
func TestSnoozeIsNotPutToIgnore(t *testing.T) {
	m := collector(t)
	cfg := riverwrap.Config{Collector: m, Ignore: func(err error) bool {
		t.Errorf("Ignore was asked about %v", err)
		return false
	}}
	if err := runSecond(cfg, func() error { return river.JobSnooze(0) }); err == nil {
		t.Error("the middleware swallowed the snooze")
	}
	if got := m.AllNodeMetrics(); len(got) != 0 {
		t.Errorf("recorded %v", got)
	}
}

func TestOnlyAClientsCancellationIsCanceled(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{context.Canceled, true},
		{fmt.Errorf("query: %w", context.Canceled), true},
		{river.ErrJobCancelledRemotely, true},
		{fmt.Errorf("job: %w", river.ErrJobCancelledRemotely), true},
		{river.JobCancel(errFailed), false}, // but errors.Is finds ErrJobCancelledRemotely in it
		{context.DeadlineExceeded, false},
		{errFailed, false},
		{nil, false},
	} {
		if got := riverwrap.Canceled(c.err); got != c.want {
			t.Errorf("Canceled(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if !errors.Is(river.JobCancel(errFailed), river.ErrJobCancelledRemotely) {
		t.Error("errors.Is tells the two apart now, so Canceled is not needed")
	}
}

// River stores the cancellation in place of the error that the run returned.
func TestIgnoreIsAskedAboutTheErrorThatRiverStores(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(river.ErrJobCancelledRemotely)
	m := collector(t)
	var asked []error
	middleware := riverwrap.Middleware(riverwrap.Config{Collector: m, Ignore: func(err error) bool {
		asked = append(asked, err)
		return false
	}})
	job := &rivertype.JobRow{Kind: "node", Attempt: 2}
	if err := middleware.Work(ctx, job, func(context.Context) error { return errInvalid }); err != errInvalid {
		t.Errorf("error %v, want %v", err, errInvalid)
	}
	if len(asked) != 1 || asked[0] != river.ErrJobCancelledRemotely {
		t.Errorf("Ignore was asked about %v", asked)
	}
	requireOneFailure(t, m)
}
