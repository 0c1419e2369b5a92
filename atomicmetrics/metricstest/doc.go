// Package metricstest has assertions for the tests of programs that record to a
// collector of package atomicmetrics.
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
// The program under test gets a collector of its own, so tests can run in
// parallel and counters start at 0. A record that has returned is in every
// later read, so an assertion never waits for a record. If the program records
// on goroutines that still run, the test waits for these first.
//
// Events are different, because a goroutine of the collector delivers them.
// [Events] collects them. Its assertions wait until the event comes, the test's
// context ends, or [Patience] is over.
//
// An assertion that does not hold ends the test, as t.Fatal does, so assertions
// belong on the test's goroutine. The message has the expected figure, the
// actual figure, and all metrics of the node.
//
// # With testing/synctest
//
// Everything works inside a bubble as outside, as long as the collector, the
// Events and the program are all of one bubble. Time is the bubble's. If an
// event never comes, the test fails as soon as everything in the bubble waits.
// Durations that the program measures in the bubble are exact.
package metricstest
