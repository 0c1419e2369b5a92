package temporalwrap

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/internal/record"
)

// Config says where an interceptor records executions, under which name, and
// which executions the interceptor leaves out. Several goroutines may call its
// functions at once.
type Config struct {
	// Collector takes the records. With a nil Collector everything runs the
	// same, unmeasured.
	Collector *atomicmetrics.Collector

	// ActivityName and WorkflowName return the node of an attempt of an
	// activity and of a run of a workflow. If they return "", the interceptor
	// leaves it out. Nil stands for the name of the type. WorkflowName is
	// called in the workflow, so it returns the same name in a replay.
	ActivityName func(activity.Info) string
	WorkflowName func(*workflow.Info) string

	// Ignore reports whether an error is no verdict on the node. The
	// interceptor then records neither the execution nor a retry. The
	// interceptor asks Ignore about the error that counts, so about
	// context.DeadlineExceeded if an activity's deadline has passed. Nil means
	// Canceled.
	Ignore func(error) bool

	// WorkflowPanicPolicy is that of the worker's options. By the default of
	// both, a panic does not end a workflow, so it is not recorded.
	WorkflowPanicPolicy worker.WorkflowPanicPolicy
}

// Canceled reports whether err is or wraps a temporal.CanceledError or
// context.Canceled.
func Canceled(err error) bool { return temporal.IsCanceledError(err) || wrap.Canceled(err) }

// classified returns err with its category.
func classified(err error) error {
	if temporal.IsTimeoutError(err) {
		return atomicmetrics.Categorize(err, atomicmetrics.CategoryTimeout)
	}
	return err
}

// Interceptor returns an interceptor for worker.Options.Interceptors that
// records attempts of activities and runs of workflows. It should be the first
// interceptor, so that the worker gets the recorded result.
func Interceptor(cfg Config) interceptor.WorkerInterceptor {
	if cfg.Ignore == nil {
		cfg.Ignore = Canceled
	}
	return &recorder{Config: cfg}
}

type recorder struct {
	interceptor.WorkerInterceptorBase
	Config
}

func (r *recorder) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attempt{interceptor.ActivityInboundInterceptorBase{Next: next}, r, signs{last: time.Now()}}
}

func (r *recorder) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &run{interceptor.WorkflowInboundInterceptorBase{Next: next}, r}
}

// attempt is one attempt of an activity.
type attempt struct {
	interceptor.ActivityInboundInterceptorBase
	*recorder
	signs signs
}

func (a *attempt) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	a.signs.Next = outbound
	return a.Next.Init(&a.signs)
}

func (a *attempt) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	info := activity.GetInfo(ctx)
	ignore := func(err error) bool { return err == activity.ErrResultPending || a.Ignore(err) }
	node := record.Named(a.Collector, a.ActivityName, info, info.ActivityType.Name)
	record.Attempt(node, int(info.Attempt)-1, ignore, func() error {
		result, err = a.Next.ExecuteActivity(ctx, in)
		return a.verdict(ctx, info, err)
	})
	return result, err
}

// verdict returns the error that the engine counts for an attempt that returned
// err.
func (a *attempt) verdict(ctx context.Context, info activity.Info, err error) error {
	if ctx.Err() != nil && (info.IsLocalActivity || ctx.Err() == context.DeadlineExceeded) {
		err = ctx.Err() // the worker drops the result
	} else if info.HeartbeatTimeout > 0 && a.signs.missed(ctx, info.HeartbeatTimeout) {
		err = temporal.NewHeartbeatTimeoutError()
	}
	return classified(err)
}

// signs are the signs of life of an attempt, its start and its heartbeats.
type signs struct {
	interceptor.ActivityOutboundInterceptorBase
	mu      sync.Mutex
	last    time.Time
	longest time.Duration // between two of them, 0 before the first heartbeat
}

func (s *signs) RecordHeartbeat(ctx context.Context, details ...any) {
	s.mu.Lock()
	s.longest, s.last = max(s.longest, time.Since(s.last)), time.Now()
	s.mu.Unlock()
	s.Next.RecordHeartbeat(ctx, details...)
}

// missed reports whether the engine has missed a heartbeat. A worker that
// learns of it cancels the context. The worker may send a heartbeat later than
// the attempt records it, but less than the limit later.
func (s *signs) missed(ctx context.Context, limit time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	silent, told := time.Since(s.last), ctx.Err() != nil && !temporal.IsCanceledError(context.Cause(ctx))
	return told && max(s.longest, silent) > limit || silent > limit && s.longest == 0 || silent > 2*limit
}

// run is one run of a workflow, or a replay of it.
type run struct {
	interceptor.WorkflowInboundInterceptorBase
	*recorder
}

func (w *run) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	info := workflow.GetInfo(ctx)
	node := record.Named(w.Collector, w.WorkflowName, info, info.WorkflowType.Name)
	end := func(write func(took time.Duration)) {
		// First, because an error's text may end the goroutine.
		record.Retry(node, int(info.Attempt)-1)
		write(workflow.Now(ctx).Sub(info.WorkflowStartTime))
	}
	defer func() {
		// The value is nil also if the worker drops the run from its cache, by
		// runtime.Goexit.
		if value := recover(); value != nil {
			// From here, so that the frames of the workflow stay on the stack, and
			// also when the value's text ends the goroutine.
			defer panic(value)
			if w.WorkflowPanicPolicy == worker.FailWorkflow && !workflow.IsReplaying(ctx) {
				end(func(took time.Duration) { node.RecordPanic(took, value) })
			}
		}
	}()
	result, err := w.Next.ExecuteWorkflow(ctx, in)
	switch {
	case workflow.IsReplaying(ctx): // it has been recorded where it first ended
	case err == nil || workflow.IsContinueAsNewError(err):
		end(node.RecordSuccess)
	case w.Ignore(err):
		node.RecordIgnored()
	default:
		end(func(took time.Duration) { node.RecordFailure(took, classified(err)) })
	}
	return result, err
}
