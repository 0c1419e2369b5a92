// Package wrap makes a node function record itself: how long each call took, whether it failed and why, and how often
// it was tried again.
//
//	charge, err := wrap.Node(wrap.Config{
//		Name:      "charge",
//		Collector: metrics,
//		Timeout:   2 * time.Second,
//		Retry:     &wrap.Retry{MaxAttempts: 3},
//		Ignore:    wrap.Canceled,
//	}, client.Charge)
//
// What comes out has the type of what went in, so it takes its place in any runner. It returns what the function
// returns, panics as the function panics, and may be called by any number of goroutines if the function may.
//
// # The model
//
// A call is one execution, however many attempts it takes. An attempt is one call of the function, with a deadline of
// its own if there is a Timeout. After an attempt that failed there is another one, unless
//
//   - MaxAttempts have been made,
//   - the caller's context has ended, before the back-off or in the middle of it,
//   - the error is permanent: there is a *backoff.PermanentError in it,
//   - Retry.If says no, or
//   - the back-off policy says backoff.Stop.
//
// The result and the error of the last attempt are the call's. They are untouched, with one exception: an error that is
// a *backoff.PermanentError is returned as what it wraps. It has done its work, and a caller that compares errors need
// not know of it. One that is wrapped in something else stays where it is.
//
// # What is recorded
//
//	in the course of a call                          executions                      retries
//	the first attempt starts                         –                               –
//	another attempt starts, its back-off is over     –                               1, 2, … by RecordRetry
//	the call returns without an error                a success                       –
//	the call returns an error                        a failure, by the classifier    –
//	    and Ignore says true of it                   nothing                         –
//	    and the caller's context has ended, and
//	    Ignore says true of its error                nothing                         –
//	it panics or ends its goroutine                  a failure, CategoryOther        –
//
// An execution is recorded when it ends, with the time of the whole call by the monotonic clock: all attempts and all
// back-off. The error that the classifier and Ignore see is the one that the caller gets. A retry is recorded when it
// starts, and stays recorded if the execution is ignored in the end.
//
// A function may return the cause of a context whose deadline has passed, as
// context.WithTimeoutCause sets it. The execution is then recorded as a
// timeout, unless the cause carries another category. The classifier sees an
// error that wraps the cause and has a method Timeout.
//
// A panic and runtime.Goexit pass through, with the original value and the
// stack of the function that panicked. They are not retried. The call asks
// neither Ignore nor the classifier about them. A panic of Ignore, Retry.If or
// Retry.Backoff counts the same.
//
// # Performance
//
// Without Retry and Timeout a call costs two readings of the clock and one record on a handle more than the bare
// function, and allocates nothing. A Retry that is not needed adds a few nanoseconds; a Timeout adds a context and its
// timer for each attempt. BenchmarkNode has the figures.
package wrap
