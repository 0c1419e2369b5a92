// Package failsafewrap records executions under the policies of
// github.com/failsafe-go/failsafe-go, such as retries, timeouts and circuit
// breakers.
//
//	fetch := failsafewrap.Policy[*Page](failsafewrap.Config{Node: metrics.Node("fetch")})
//	page, err := failsafe.With(fetch, retry, breaker, limit).GetWithExecution(get)
//
// The adapter is a policy and no listener, because failsafe-go calls no
// listener when a panic ends an execution. The package is a module of its own,
// so only its users depend on failsafe-go.
//
// # One execution
//
// The policy measures everything within it, and changes nothing. As the first
// policy of an executor it records each call of the executor as one execution.
// Inside other policies it records each execution that reaches it. Inside a
// retry policy each attempt is an execution. Inside a fallback the policy
// records the failures that the fallback hides.
//
// An execution takes as long as everything within the policy, so all attempts
// and all delays between them count.
//
// # A retry
//
// Each further attempt of a retry policy within is a retry. The policy records
// the retries when the execution ends. Inside a retry policy it records none. A
// hedge is no retry.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error                       a success                     1, 2, … for each
//	it returned an error                       a failure, by the classifier  the same
//	it returned timeout.ErrExceeded            a failure, CategoryTimeout    the same
//	a timeout policy outside canceled it,
//	    with any result                        a failure, CategoryTimeout    the same
//	it returned an error, and Config.Ignore
//	    accepts that or the context's error    nothing                       the same
//	it panicked or ended its goroutine,
//	    or Config.Ignore did                   a failure, CategoryOther      the same
//
// If nothing is recorded, the execution counts in
// [atomicmetrics.Snapshot.Ignored].
//
// A retrypolicy.ExceededError has the category of its last attempt. If a
// breaker is open or a bulkhead is full, the caller gets an error. The policy
// records that error as every error.
//
// # What is left out
//
// A timeout policy calls its OnTimeoutExceeded listener before it cancels the
// execution. If the function returns while that listener runs, the policy
// records the function's own result.
//
// The hedges of one execution share one count of retries. If a hedge policy is
// outside and a retry policy within, each hedge records the retries of all.
package failsafewrap
