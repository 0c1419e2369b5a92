// Package failsafewrap records what runs under the policies of github.com/failsafe-go/failsafe-go: retries, timeouts,
// circuit breakers, fallbacks and the like.
//
//	fetch := failsafewrap.Policy[*Page](failsafewrap.Config{Node: metrics.Node("fetch")})
//	page, err := failsafe.With(fetch, retry, breaker, limit).GetWithExecution(get)
//
// failsafe-go is what many Go programs use where they do not write retries themselves, and it is all in the process, as
// nodes are. Its listeners are not called when a panic ends an execution, so the adapter is not made of them: it is a
// policy. It is a module of its own, so that nobody else gets failsafe-go's modules.
//
// # The model
//
// The policy measures everything that it is around, and changes nothing. As the first policy, and so the outermost, it
// records each call of the executor as one execution, whatever runs within: Run, Get, and their asynchronous kin. With
// other policies outside it records what these let through: inside of a retry policy each attempt is an execution, and
// there are no retries; inside of a fallback the failures show that the fallback hides.
//
//	within the policy                                   executions                      retries
//	an attempt after the first has been made            –                               1, 2, … by RecordRetry
//	a result comes without an error                     a success                       –
//	a result comes with an error                        a failure, by the classifier    –
//	    timeout.ErrExceeded is in it                    a failure, CategoryTimeout      –
//	    Config.Ignore says true of it                   nothing                         –
//	it panics or ends its goroutine                     a failure, CategoryOther        –
//
// Retries are recorded with the execution that they belong to, when that ends; they stay recorded if it is ignored. A
// retrypolicy.ExceededError is judged by the error of the last attempt. What a policy refuses, because a breaker is open or
// a bulkhead is full, is a failure like any other: it is what the caller gets. Hedges are no retries.
//
// An execution takes as long as all that is within the policy: all attempts and the delays between them.
package failsafewrap
