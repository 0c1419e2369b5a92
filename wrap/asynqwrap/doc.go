// Package asynqwrap records the tasks that a server of
// github.com/hibiken/asynq processes. Each run of a task's handler is one
// execution.
//
//	mux := asynq.NewServeMux()
//	mux.Use(asynqwrap.Middleware(asynqwrap.Config{Collector: metrics}))
//
// The package is a module of its own, so only its users depend on asynq. Its
// tests run asynq's server on a real Redis.
//
// # One execution
//
// Each run of a task's handler is one execution. Its node is the task's type,
// such as "email:deliver". asynq runs a failed task again minutes or days
// later, perhaps in another process. So the middleware measures the run and not
// the task.
//
// The middleware counts a run as asynq does. If the run's context has ended,
// asynq has counted the context's error and no longer waits for the handler.
// The middleware then records that error when the handler returns.
//
// # A retry
//
// If asynq has counted a failure of the task before, the run is a retry too.
// The retry has the number that asynq gives it.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error                       a success                     its number, if any
//	it returned asynq.RevokeTask               a success                     the same
//	it returned an error or asynq.SkipRetry    a failure, by the classifier  the same
//	its deadline passed before it returned,
//	    with any result                        a failure, CategoryTimeout    the same
//	Config.Ignore accepts the error            nothing                       nothing
//	its context was canceled before it
//	    returned, with any result              nothing, by the default of    nothing
//	                                           Config.Ignore
//	it panicked or ended its goroutine,
//	    or Config.Ignore did                   a failure, CategoryOther      its number, if any
//
// If nothing is recorded, the run counts in [atomicmetrics.Snapshot.Ignored].
//
// With an Ignore that accepts exactly the errors that asynq.Config.IsFailure
// refuses, executions, failures and retries equal the counts of asynq's
// inspector. There is one exception. If a task has no retry left, asynq counts
// a failure and does not ask IsFailure. The default of Ignore accepts
// context.Canceled, which asynq counts as a failure. A panic goes on to asynq,
// which turns the panic into an error.
//
// # What is left out
//
// A shutdown, Inspector.CancelProcessing and a lost lease all cancel the
// context. After a shutdown asynq puts the task back. After the others asynq
// counts a failure.
//
// If a task's deadline has passed before its run begins, asynq counts a failure
// without calling the handler. The middleware does not see such a run.
//
// If a process dies, its runs end without a record. asynq runs their tasks
// again when their leases have ended, and counts a failure for each.
//
// If a run's context ends while the handler returns, asynq may count either.
package asynqwrap
