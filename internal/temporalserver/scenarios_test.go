package temporalserver

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, validation, network, other, retries uint64 }

// counts is what the server's histories say of a type, or should say.
type counts struct {
	attempts, completed, failed, timedOut, canceled uint64 // of activities; attempts are all, the others are final
	continued, terminated                           uint64 // of workflows, whose runs are the attempts
}

// activityScenario is an activity, and what one workflow that calls it makes of
// it.
type activityScenario struct {
	run       func(context.Context) error
	options   workflow.ActivityOptions
	local     bool
	interrupt interrupt
	ours      outcome
	server    counts
}

// interrupt is what a workflow does when its activity has started.
type interrupt int

const (
	wait   interrupt = iota
	cancel           // the activity
	leave            // the workflow ends
)

var errFailed = errors.New("failed")

// retries are the options of an activity that is tried so often.
func retries(attempts int32) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: attempts},
	}
}

// within are the options of an activity with timeouts. Its scenarios wait for
// the server, so that a slow machine changes nothing.
func within(startToClose, heartbeat time.Duration, attempts int32) workflow.ActivityOptions {
	options := retries(attempts)
	options.StartToCloseTimeout, options.HeartbeatTimeout = startToClose, heartbeat
	return options
}

// stopped waits until the worker stops, which is after all workflows have ended.
func stopped(ctx context.Context) { <-activity.GetWorkerStopChannel(ctx) }

// started tells the workflow that its activity has started.
func started(ctx context.Context) error {
	at := activity.GetInfo(ctx).WorkflowExecution
	return activity.GetClient(ctx).SignalWorkflow(ctx, at.ID, at.RunID, "started", nil)
}

// untilCanceled waits until the workflow cancels the activity. It sends its
// first heartbeat when the server knows that, because a worker delays further
// ones.
func untilCanceled(ctx context.Context) error {
	if err := started(ctx); err != nil {
		return err
	}
	info := activity.GetInfo(ctx)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		about, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, info.WorkflowExecution.ID, info.WorkflowExecution.RunID)
		if err != nil {
			return err
		}
		for _, pending := range about.PendingActivities {
			if pending.ActivityId == info.ActivityID && pending.State == enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED {
				tick.Stop()
				activity.RecordHeartbeat(ctx)
				<-ctx.Done()
				return ctx.Err()
			}
		}
	}
}

// failsTwice fails at its first two attempts.
func failsTwice(ctx context.Context) error {
	if activity.GetInfo(ctx).Attempt < 3 {
		return errFailed
	}
	return nil
}

const second, hour = time.Second, time.Hour

var activities = map[string]activityScenario{
	"ok": {
		run: func(context.Context) error { return nil }, options: retries(3),
		ours: outcome{successes: 1}, server: counts{attempts: 1, completed: 1}},
	"fails": {
		run: func(context.Context) error { return errFailed }, options: retries(3),
		ours: outcome{other: 3, retries: 2}, server: counts{attempts: 3, failed: 1}},
	"flaky": {
		run: failsTwice, options: retries(5),
		ours: outcome{other: 2, successes: 1, retries: 2}, server: counts{attempts: 3, completed: 1}},
	"panics": {
		run: func(context.Context) error { panic("activity") }, options: retries(2),
		ours: outcome{other: 2, retries: 1}, server: counts{attempts: 2, failed: 1}},
	"late": { // returns nil after its deadline
		run: func(ctx context.Context) error { <-ctx.Done(); return nil }, options: within(second, 0, 2),
		ours: outcome{timeouts: 2, retries: 1}, server: counts{attempts: 2, timedOut: 1}},
	"silent": { // sends no heartbeat and returns nil
		run: func(ctx context.Context) error { stopped(ctx); return nil }, options: within(hour, second, 1),
		ours: outcome{timeouts: 1}, server: counts{attempts: 1, timedOut: 1}},
	"silentAtFirst": { // sends a heartbeat after the timeout, and so learns of it
		run:     func(ctx context.Context) error { stopped(ctx); activity.RecordHeartbeat(ctx); return ctx.Err() },
		options: within(hour, second, 1),
		ours:    outcome{timeouts: 1}, server: counts{attempts: 1, timedOut: 1}},
	"canceled": {
		run: untilCanceled, options: within(hour, hour, 1), interrupt: cancel,
		server: counts{attempts: 1, canceled: 1}},
	"canceledReturnsNil": {
		run:     func(ctx context.Context) error { _ = untilCanceled(ctx); return nil },
		options: within(hour, hour, 1), interrupt: cancel,
		ours: outcome{successes: 1}, server: counts{attempts: 1, completed: 1}},
	"canceledFails": {
		run:     func(ctx context.Context) error { _ = untilCanceled(ctx); return errFailed },
		options: within(hour, hour, 1), interrupt: cancel,
		ours: outcome{other: 1}, server: counts{attempts: 1, failed: 1}},
	"left": { // its workflow ends, and its heartbeat tells that
		run: func(ctx context.Context) error {
			if err := started(ctx); err != nil {
				return err
			}
			stopped(ctx)
			activity.RecordHeartbeat(ctx)
			return ctx.Err()
		},
		options: within(hour, hour, 1), interrupt: leave,
		server: counts{}}, // a history has an attempt when that ends
	"async": { // somebody else completes it
		run: func(context.Context) error { return activity.ErrResultPending },
		options: func() workflow.ActivityOptions {
			options := within(hour, 0, 1)
			options.ActivityID = "async"
			return options
		}(),
		server: counts{attempts: 1, completed: 1}},
	"ownCancel": { // nobody has asked for it
		run: func(context.Context) error { return context.Canceled }, options: retries(1),
		server: counts{attempts: 1, failed: 1}},
	"localOK": {
		run: func(context.Context) error { return nil }, options: retries(3), local: true,
		ours: outcome{successes: 1}, server: counts{attempts: 1, completed: 1}},
	"localFlaky": {
		run: failsTwice, options: retries(5), local: true,
		ours: outcome{other: 2, successes: 1, retries: 2}, server: counts{attempts: 3, completed: 1}},
	"localPanics": {
		run: func(context.Context) error { panic("local activity") }, options: retries(2), local: true,
		ours: outcome{other: 2, retries: 1}, server: counts{attempts: 2, failed: 1}},
	"localLate": { // returns nil after its deadline
		run: func(ctx context.Context) error { <-ctx.Done(); stopped(ctx); return nil }, options: within(second/4, 0, 1), local: true,
		ours: outcome{timeouts: 1}, server: counts{attempts: 1, timedOut: 1}},
}

// caller returns the workflow that calls an activity. It succeeds, whatever the
// activity does.
func caller(name string, s activityScenario) func(workflow.Context) error {
	return func(ctx workflow.Context) error {
		if s.local {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
				StartToCloseTimeout: s.options.StartToCloseTimeout, RetryPolicy: s.options.RetryPolicy})
			_ = workflow.ExecuteLocalActivity(ctx, name).Get(ctx, nil)
			return nil
		}
		canceled, stop := workflow.WithCancel(workflow.WithActivityOptions(ctx, s.options))
		defer stop()
		future := workflow.ExecuteActivity(canceled, name)
		if s.interrupt != wait {
			workflow.GetSignalChannel(ctx, "started").Receive(ctx, nil)
		}
		switch s.interrupt {
		case cancel:
			stop()
		case leave:
			return nil
		}
		_ = future.Get(ctx, nil)
		return nil
	}
}

// workflowScenario is a workflow, and what one start of it makes.
type workflowScenario struct {
	run     func(workflow.Context) error
	options client.StartWorkflowOptions
	ours    outcome
	server  counts
}

// forever is a workflow that does not end by itself.
func forever(ctx workflow.Context) error {
	ctx.Done().Receive(ctx, nil)
	return ctx.Err()
}

// naps is a workflow of several tasks, which a worker without a cache replays
// for each.
func naps(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, "state", func() (string, error) { return "answered", nil }); err != nil {
		return err
	}
	for range 3 {
		if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

var workflows = map[string]workflowScenario{
	"naps": {run: naps, ours: outcome{successes: 1}, server: counts{attempts: 1, completed: 1}},
	"workflowFails": {
		run:  func(ctx workflow.Context) error { _ = naps(ctx); return errFailed },
		ours: outcome{other: 1}, server: counts{attempts: 1, failed: 1}},
	"activityTimesOut": { // and the workflow returns that error
		run: func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
				TaskQueue: "nobody", ScheduleToCloseTimeout: second}), "never").Get(ctx, nil)
		},
		ours: outcome{timeouts: 1}, server: counts{attempts: 1, failed: 1}},
	"workflowPanics": {
		run:  func(ctx workflow.Context) error { _ = naps(ctx); panic("workflow") },
		ours: outcome{other: 1}, server: counts{attempts: 1, failed: 1}},
	"workflowFlaky": {
		run: func(ctx workflow.Context) error {
			if workflow.GetInfo(ctx).Attempt < 3 {
				return errFailed
			}
			return naps(ctx)
		},
		options: client.StartWorkflowOptions{RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Millisecond}},
		ours:    outcome{other: 2, successes: 1, retries: 2}, server: counts{attempts: 3, failed: 2, completed: 1}},
	"continues": {
		run: func(ctx workflow.Context) error {
			if err := naps(ctx); err != nil {
				return err
			}
			if info := workflow.GetInfo(ctx); info.ContinuedExecutionRunID == "" {
				return workflow.NewContinueAsNewError(ctx, "continues")
			}
			return nil
		},
		ours: outcome{successes: 2}, server: counts{attempts: 2, continued: 1, completed: 1}},
	"workflowCanceled":   {run: forever, server: counts{attempts: 1, canceled: 1}},
	"workflowTerminated": {run: forever, server: counts{attempts: 1, terminated: 1}},
	"workflowTimesOut": {
		run: forever, options: client.StartWorkflowOptions{WorkflowRunTimeout: second},
		server: counts{attempts: 1, timedOut: 1}},
}

// register registers all scenarios.
func register(w worker.Registry) {
	for name, s := range activities {
		w.RegisterActivityWithOptions(s.run, activity.RegisterOptions{Name: name})
		w.RegisterWorkflowWithOptions(caller(name, s), workflow.RegisterOptions{Name: "calls " + name})
	}
	for name, s := range workflows {
		w.RegisterWorkflowWithOptions(s.run, workflow.RegisterOptions{Name: name})
	}
}

// close counts the event that closed a run or an activity.
func (c *counts) close(event enumspb.EventType) {
	switch event {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		c.completed++
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		c.failed++
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		c.timedOut++
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		c.canceled++
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		c.continued++
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		c.terminated++
	}
}
