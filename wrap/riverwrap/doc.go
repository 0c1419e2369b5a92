// Package riverwrap records the jobs that the clients of
// github.com/riverqueue/river work. Each run of a job is one execution.
//
//	client, err := river.NewClient(driver, &river.Config{
//		Middleware: []rivertype.Middleware{
//			riverwrap.Middleware(riverwrap.Config{Collector: metrics}),
//		},
//		Queues:  queues,
//		Workers: workers,
//	})
//
// The package is a module of its own, so only its users depend on River. Its
// tests run River on a real PostgreSQL, in several processes.
//
// # One execution
//
// Each run of a job is one execution. Its node is the job's kind. River runs a
// failed job again minutes or days later, perhaps in another process. So the
// middleware measures the run and not the job.
//
// The middleware counts a run as River does. If a client has canceled the job
// and the run returns an error, River stores the cancellation in place of the
// error. The middleware then records the cancellation.
//
// # A retry
//
// If River has counted an attempt of the job before, the run is a retry too.
// The first retry is the second attempt.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error, in time or late      a success                     its number, if any
//	it returned an error                       a failure, by the classifier  the same
//	it returned its context's error, because
//	    its timeout had passed                 a failure, CategoryTimeout    the same
//	it returned river.JobCancel of an error    a failure, by the classifier  the same
//	its arguments could not be read            a failure, by the classifier  the same
//	it returned river.JobSnooze                nothing                       nothing
//	the client's stop canceled it, and it
//	    returned the context's error or cause  nothing                       nothing
//	Config.Ignore accepts the error            nothing                       nothing
//	Client.JobCancel canceled it, and it
//	    returned any error                     nothing, by the default of    nothing
//	                                           Config.Ignore
//	it panicked or ended its goroutine,
//	    or Config.Ignore did                   a failure, CategoryOther      its number, if any
//
// If nothing is recorded, the run counts in [atomicmetrics.Snapshot.Ignored].
//
// River takes back the attempt of a job that was snoozed or stopped. So a retry
// is recorded when its run ends.
//
// With an Ignore that accepts nothing, executions, failures and retries equal
// the attempts, the errors and the further attempts in the table river_job. The
// exceptions are below. The default of Ignore accepts context.Canceled and the
// cancellation of a job by a client. River stores an error for both.
//
// # What is left out
//
// If a process dies, its runs end without a record. River takes their jobs for
// lost after Config.RescueStuckJobsAfter and stores an error for each.
//
// If a job's kind has no worker, River stores an error without calling a
// middleware.
//
// If the context of Client.Start ends, and no Config.SoftStopTimeout is set,
// River stores an error for each run that ends with its context's error. The
// default of Ignore accepts that error. If that context has a cause of its own,
// the middleware takes it for a stop.
//
// If a worker ends its goroutine, River waits for the run until the process
// ends.
//
// If a client cancels a job while its run returns, River may count either.
//
// A middleware that a worker brings by its method Middleware runs around this
// one. If it changes the error, River stores the changed one.
package riverwrap
