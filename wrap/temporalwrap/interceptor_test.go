package temporalwrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/temporalwrap"
)

// silent is a logger for activities that fail on purpose.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

func attempt(ctx context.Context) int32 { return activity.GetInfo(ctx).Attempt }

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, network, validation, other, retries, ignored uint64 }

func read(c *atomicmetrics.Collector, name string) outcome {
	m := c.NodeMetrics(name)
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors, m.RetryCount,
		c.Node(name).Ignored()}
}

func newCollector() *atomicmetrics.Collector {
	return atomicmetrics.MustNew(atomicmetrics.WithInFlight(), atomicmetrics.WithLastFailure())
}

// environment returns a test environment whose worker records. Its workflow
// "calls" runs the activity "activity", as a local one if local is true.
func environment(cfg temporalwrap.Config, local bool, attempts int32, f any) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{temporalwrap.Interceptor(cfg)}})
	env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: "activity"})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		policy := &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: attempts}
		if local {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Hour, RetryPolicy: policy})
			return workflow.ExecuteLocalActivity(ctx, "activity").Get(ctx, nil)
		}
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour, RetryPolicy: policy})
		return workflow.ExecuteActivity(ctx, "activity").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "calls"})
	return env
}

var (
	errFailed     = errors.New("failed")
	_, errInvalid = strconv.Atoi("x")
)

func TestAttemptsAreExecutions(t *testing.T) {
	for name, c := range map[string]struct {
		attempts int32
		run      func(context.Context) error
		activity outcome
		succeeds bool // the workflow
	}{
		"success": {3, func(context.Context) error { return nil }, outcome{successes: 1}, true},
		"failure": {1, func(context.Context) error { return errFailed }, outcome{other: 1}, false},
		"fails, succeeds": {3, func(ctx context.Context) error {
			if attempt(ctx) < 3 {
				return errFailed
			}
			return nil
		}, outcome{other: 2, successes: 1, retries: 2}, true},
		"not to be repeated": {3, func(context.Context) error {
			return temporal.NewNonRetryableApplicationError("refused", "Refused", errInvalid)
		}, outcome{validation: 1}, false},
		"its own deadline": {1, func(context.Context) error { return fmt.Errorf("get: %w", context.DeadlineExceeded) },
			outcome{timeouts: 1}, false},
		"panic": {2, func(context.Context) error { panic("activity") }, outcome{other: 2, retries: 1}, false},
	} {
		for kind, local := range map[string]bool{"activity": false, "local activity": true} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				m := newCollector()
				env := environment(temporalwrap.Config{Collector: m}, local, c.attempts, c.run)
				env.ExecuteWorkflow("calls")
				if got := read(m, "activity"); got != c.activity {
					t.Errorf("activity: recorded %+v, want %+v", got, c.activity)
				}
				if got := m.NodeMetrics("calls"); got.TotalExecutions != 1 || (got.SuccessCount == 1) != c.succeeds {
					t.Errorf("workflow: %d successes of %d, want a success: %v", got.SuccessCount, got.TotalExecutions, c.succeeds)
				}
				if got := m.Node("activity").InFlight().Running; got != 0 {
					t.Errorf("%d in flight afterwards, want 0", got)
				}
			})
		}
	}
}

// runWorkflow runs a workflow in a test environment.
func runWorkflow(cfg temporalwrap.Config, policy worker.WorkflowPanicPolicy, f func(workflow.Context) error,
	prepare func(*testsuite.TestWorkflowEnvironment)) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{temporalwrap.Interceptor(cfg)},
		WorkflowPanicPolicy: policy})
	env.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: "workflow"})
	if prepare != nil {
		prepare(env)
	}
	env.ExecuteWorkflow("workflow")
}

func TestRunsAreExecutions(t *testing.T) {
	for name, c := range map[string]struct {
		run    func(workflow.Context) error
		policy worker.WorkflowPanicPolicy
		want   outcome
	}{
		"success":      {func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Minute) }, 0, outcome{successes: 1}},
		"failure":      {func(workflow.Context) error { return errFailed }, 0, outcome{other: 1}},
		"timeout":      {func(workflow.Context) error { return temporal.NewHeartbeatTimeoutError() }, 0, outcome{timeouts: 1}},
		"as new":       {func(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, "workflow") }, 0, outcome{successes: 1}},
		"canceled":     {func(workflow.Context) error { return temporal.NewCanceledError() }, 0, outcome{ignored: 1}},
		"panic":        {func(workflow.Context) error { panic("workflow") }, worker.FailWorkflow, outcome{other: 1}},
		"panic, block": {func(workflow.Context) error { panic("workflow") }, worker.BlockWorkflow, outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector()
			runWorkflow(temporalwrap.Config{Collector: m, WorkflowPanicPolicy: c.policy}, c.policy, c.run, nil)
			if got := read(m, "workflow"); got != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
			if text := m.Node("workflow").LastFailure().Text; name == "panic" && text != "panic: workflow" {
				t.Errorf("text %q", text)
			}
		})
	}
}

// exiting is an error whose text ends its goroutine.
type exiting struct{}

func (exiting) Error() string { runtime.Goexit(); return "" }

// TestAPanicGoesOnAlthoughItsTextExits runs a workflow whose panic has such a
// text. The text is asked for under WithLastFailure.
func TestAPanicGoesOnAlthoughItsTextExits(t *testing.T) {
	m := newCollector()
	var value any
	watch := func(env *testsuite.TestWorkflowEnvironment) {
		env.SetWorkerOptions(worker.Options{WorkflowPanicPolicy: worker.FailWorkflow, Interceptors: []interceptor.WorkerInterceptor{
			&watcher{value: &value},
			temporalwrap.Interceptor(temporalwrap.Config{Collector: m, WorkflowPanicPolicy: worker.FailWorkflow}),
		}})
	}
	runWorkflow(temporalwrap.Config{}, worker.FailWorkflow, func(workflow.Context) error { panic(exiting{}) }, watch)
	if value != (exiting{}) {
		t.Errorf("the worker recovers %v, want the value of the panic", value)
	}
	if got, want := read(m, "workflow"), (outcome{other: 1}); got != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
}

// watcher is an interceptor in front of the others. It keeps the value by which
// a workflow panics, and returns an error in its place.
type watcher struct {
	interceptor.WorkerInterceptorBase
	value *any
}

func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &watched{value: w.value}
	i.Next = next
	return i
}

type watched struct {
	interceptor.WorkflowInboundInterceptorBase
	value *any
}

func (w *watched) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (_ any, err error) {
	defer func() {
		if *w.value = recover(); *w.value != nil {
			err = errFailed
		}
	}()
	return w.Next.ExecuteWorkflow(ctx, in)
}

func TestRunTakesTheEnginesTime(t *testing.T) {
	m := newCollector()
	runWorkflow(temporalwrap.Config{Collector: m}, 0, func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }, nil)
	if got := m.NodeMetrics("workflow").LastExecution; got != time.Hour {
		t.Errorf("took %v, want an hour of the environment's clock", got)
	}
}

func TestNamesAndErrorsAreTheCallers(t *testing.T) {
	m := newCollector()
	cfg := temporalwrap.Config{
		Collector:    m,
		ActivityName: func(info activity.Info) string { return "activity of " + info.WorkflowType.Name },
		WorkflowName: func(*workflow.Info) string { return "" },
		Ignore: func(err error) bool {
			var failure *temporal.ApplicationError
			return errors.As(err, &failure) && failure.Type() == "Busy"
		},
	}
	env := environment(cfg, false, 3, func(ctx context.Context) error {
		if attempt(ctx) < 3 {
			return temporal.NewApplicationError("busy", "Busy")
		}
		return nil
	})
	env.ExecuteWorkflow("calls")
	if got, want := read(m, "activity of calls"), (outcome{successes: 1, retries: 1, ignored: 2}); got != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	if all := m.AllNodeMetrics(); len(all) != 1 {
		t.Errorf("recorded %v, want one node", all)
	}
}

func TestUnmeasuredRunsTheSame(t *testing.T) {
	env := environment(temporalwrap.Config{}, false, 1, func(context.Context) error { return errFailed })
	env.ExecuteWorkflow("calls")
	if err := env.GetWorkflowError(); err == nil {
		t.Error("no error of the workflow")
	}
}
