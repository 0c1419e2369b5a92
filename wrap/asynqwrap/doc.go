// Package asynqwrap records the tasks that a server of github.com/hibiken/asynq processes, each run of a task's handler
// as one execution.
//
//	mux := asynq.NewServeMux()
//	mux.Use(asynqwrap.Middleware(asynqwrap.Config{Collector: metrics}))
//
// asynq is among the job queues that Go programs use most, and the one whose server, with miniredis in the place of
// Redis, runs in a test for real; so that is how this adapter is tested. It is a module of its own, so that nobody else
// gets asynq's modules.
//
// # The model
//
// A task is recorded under its type, "email:deliver". A task that fails is run again, minutes or days later and maybe by
// another process, so what is measured is the run: how long it took and how it ended. A run that is not the task's first
// is counted as a retry as well, under the number that asynq gives it.
//
//	a run of a task                             executions                      retries
//	starts, and the task has failed before      –                               1, 2, … by RecordRetry
//	returns no error                            a success                       –
//	returns asynq.RevokeTask                    a success, as it is for asynq   –
//	returns another error                       a failure, by the classifier    –
//	    Config.Ignore says true of it           nothing                         –
//	panics or ends its goroutine                a failure, CategoryOther        –
//
// asynq.SkipRetry is a failure: it is the last one. asynq takes a task back when its deadline has passed, whatever its
// handler does; the run is recorded when the handler returns, with what it returns. A panic goes on its way to asynq,
// which makes an error of it.
package asynqwrap
