// Package metricstest has assertions for the tests of programs that record to a collector of package atomicmetrics.
//
//	func TestFetchIsTriedAgain(t *testing.T) {
//		var events metricstest.Events
//		metrics := metricstest.New(t, events.Option(),
//			atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5}))
//
//		program(metrics) // what is tested
//
//		metricstest.RequireSuccess(t, metrics, "fetch", 3)
//		metricstest.RequireFailures(t, metrics, "fetch", atomicmetrics.CategoryTimeout, 1)
//		metricstest.RequireRetries(t, metrics, "fetch", 2)
//		events.RequireBreach(t, "fetch", atomicmetrics.FailureRateEvent)
//	}
//
// # The model
//
// The program under test gets a collector of its own, so that tests can run in parallel and counters start at 0. What
// it recorded is then looked at: a record that has returned is in every later read, so an assertion never has to wait
// for one. It has to wait for the program, if that records on goroutines that still run.
//
// Events are different: a goroutine of the collector delivers them. [Events] collects them, and its assertions wait for
// one: until it comes, the test's context ends, or [Patience] is over.
//
// An assertion that does not hold ends the test, as t.Fatal does, and so belongs on the test's goroutine. It says what
// was expected and what there is, with all metrics of the node.
//
// # With testing/synctest
//
// Everything works inside a bubble as it does outside, as long as the collector, the Events and the program are all of
// one bubble. Time is the bubble's: an event that never comes is a failure at once, as soon as everything in the bubble
// waits, and durations that the program measures with time that passes in the bubble are exact.
package metricstest
