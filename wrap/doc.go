// Package wrap makes a function record its calls as executions of a node. A
// record has the time of the call, its outcome, and its retries. The wrapper
// can add retries and a timeout.
//
//	charge, err := wrap.Node(wrap.Config{
//		Name:      "charge",
//		Collector: metrics,
//		Timeout:   2 * time.Second,
//		Retry:     &wrap.Retry{MaxAttempts: 3},
//		Ignore:    wrap.Canceled,
//	}, client.Charge)
//
// The wrapped function has the type of the function, so it takes its place in
// any runner. It returns the function's result and error, and lets its panics
// pass. If the function is safe for concurrent use, the wrapped function is
// too.
//
// # The model
//
// A call is one execution, with any number of attempts. An attempt is one call
// of the function. With a Timeout each attempt has a deadline of its own. If an
// attempt has failed, the wrapper makes another attempt, unless
//
//   - MaxAttempts have been made,
//   - the caller's context has ended, before the back-off or in the middle of
//     it,
//   - the error is permanent, so there is a *backoff.PermanentError in it,
//   - Retry.If says no, or
//   - the back-off policy says backoff.Stop.
//
// A call returns the result and the error of its last attempt. There is one
// exception. If the error is a *backoff.PermanentError, the call returns the
// error inside, so callers that compare errors need not know of retries. A
// PermanentError inside another error stays.
//
// # What is recorded
//
//	in the course of a call                     executions                    retries
//	the first attempt starts                    –                             –
//	another attempt starts, after its back-off  –                             RecordRetry 1, 2, …
//	the call returns without an error           a success                     –
//	the call returns an error                   a failure, by the classifier  –
//	    and Ignore says true of it              nothing                       –
//	    and the caller's context has ended, and
//	    Ignore says true of its error           nothing                       –
//	it panics or ends its goroutine             a failure, CategoryOther      –
//
// If Ignore accepts the error, the execution counts in
// [atomicmetrics.Snapshot.Ignored].
//
// The wrapper records an execution when it ends. Its duration is that of the
// whole call by the monotonic clock, with all attempts and all back-off. The
// classifier and Ignore see the error that the caller gets. The wrapper records
// a retry when the retry starts. The retry stays recorded if Ignore leaves the
// execution out in the end.
//
// A function may return the cause of a context that has passed its deadline.
// context.WithTimeoutCause sets such a cause. The wrapper then records a
// timeout, unless the cause carries another category. The classifier sees an
// error that wraps the cause and has a method Timeout.
//
// A panic and runtime.Goexit pass through, with the original value and the
// stack of the function that panicked. The wrapper does not retry after them.
// The call asks neither Ignore nor the classifier about them. A panic of
// Ignore, Retry.If or Retry.Backoff counts the same.
//
// # Performance
//
// Without Retry and Timeout a call allocates nothing. It costs two readings of
// the clock and one record more than the bare function. A Retry that is not
// needed adds a few nanoseconds. A Timeout adds a context and its timer for
// each attempt. BenchmarkNode has the figures.
package wrap
