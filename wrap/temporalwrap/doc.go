// Package temporalwrap records the activities and the workflows that a worker
// of go.temporal.io/sdk runs, by an interceptor.
//
//	w := worker.New(client, queue, worker.Options{
//		Interceptors: []interceptor.WorkerInterceptor{
//			temporalwrap.Interceptor(temporalwrap.Config{Collector: metrics}),
//		},
//	})
//
// The package is a module of its own, so only its users depend on Temporal. Its
// tests run the SDK's test environment. The module internal/temporalserver runs
// several workers on Temporal's own server.
//
// # One execution
//
// Each attempt of an activity is one execution, local activities included. Its
// node is the name of the activity's type.
//
// Each run of a workflow is one execution. Its node is the name of the
// workflow's type. A run ends when the workflow's function returns, in any
// process. A run that continues as new is a success, and the next run is
// another execution. A replay is none. A run takes from its start to its last
// workflow task, by the server's clock. A run is never in flight, because a
// worker may drop it and another worker may go on. If a workflow and an
// activity share a name, Config.WorkflowName should tell the two apart.
//
// # A retry
//
// Each further attempt of an activity is a retry with its number, and so is
// each further attempt of a workflow by its retry policy. The first retry is
// the second attempt, even if a process that died took the first one with it.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error                       a success                     its number, if any
//	it returned an error                       a failure, by the classifier  the same
//	its deadline passed before it returned,
//	    with any result                        a failure, CategoryTimeout    the same
//	the engine missed a heartbeat of it,
//	    with any result                        a failure, CategoryTimeout    the same
//	a workflow continues as new                a success                     the same
//	Config.Ignore accepts the error            nothing                       nothing
//	it was canceled and returned that          nothing, by the default of    nothing
//	                                           Config.Ignore
//	it was canceled, a local activity,
//	    with any result                        the same                      nothing
//	it returned activity.ErrResultPending      nothing                       nothing
//	a workflow is replayed, or leaves the
//	    worker's cache                         nothing                       nothing
//	an activity panicked or ended its
//	    goroutine, or Config.Ignore did        a failure, CategoryOther      its number, if any
//	a workflow panicked, and
//	    Config.WorkflowPanicPolicy is
//	    worker.FailWorkflow                    a failure, CategoryOther      the same
//
// An error that Config.Ignore accepts, or that is activity.ErrResultPending,
// counts in [atomicmetrics.Snapshot.Ignored]. A temporal.TimeoutError, such as
// of an activity that a workflow waited for, is CategoryTimeout.
//
// A worker delays heartbeats. So the interceptor takes a heartbeat for missed
// in three cases. The attempt sent no heartbeat for longer than the limit. It
// sent none for twice the limit after the last. Or it was silent for longer
// than the limit, and the worker has learned that the engine no longer waits.
//
// # What is left out
//
// The engine ends some executions without calling the worker. These are a
// workflow that is terminated or reaches its timeout, an activity that no
// worker takes, and an attempt whose process dies.
//
// If an activity is completed by its token, only the engine knows how it ended.
//
// The engine counts a failure if an activity returns a canceled context that
// nobody asked it to cancel, for example after worker.Worker.Stop. The default
// of Config.Ignore accepts that error.
//
// If a workflow ends before its activity does, the engine drops the attempt.
// The interceptor records the attempt's own result.
//
// If a workflow's function has returned, the engine may refuse the end, because
// a signal has just arrived. The workflow then runs again, and a second
// execution is recorded. If the panic policy is worker.BlockWorkflow, a
// workflow that panics has not ended. If a coroutine of workflow.Go panics, the
// interceptor does not see it.
//
// Signals, queries, updates and Nexus operations are not measured.
package temporalwrap
