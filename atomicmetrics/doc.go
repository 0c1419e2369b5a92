// Package atomicmetrics measures the named steps of a workflow, a graph or a
// job, in the memory of a process. For each step it counts executions, failures
// by cause, and retries. It keeps the last and the average duration, and
// percentiles of the newest executions. It calls back when a step becomes
// unhealthy, and again when the step has recovered.
//
//	metrics, err := atomicmetrics.New(
//		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.1, MinSamples: 20}),
//		atomicmetrics.OnEvent(func(e atomicmetrics.Event) {
//			log.Println(e.Node, e.Kind, e.Breached)
//		}),
//	)
//	if err != nil {
//		return err
//	}
//	fetch := metrics.Node("fetch")
//
//	err = fetch.Do(func() error { return get(ctx, url) })
//
// Package wrap instruments a function of a context and an input, with timeouts
// and retries. Package metricstest has assertions for the program's tests.
//
// # The model
//
// A [Collector] holds nodes. A node is a step with a name. The program makes up
// the names, and the collector registers a name on first use. An execution is
// one call of a node with its final outcome, a success or a failure. A failure
// has one [Category], which is timeout, validation, network or other. A retry
// is a further attempt within an execution. Retries are counted apart and are
// no executions.
//
// A node has counters and a window. The counters and the average are of
// everything since the last reset. The window is the newest executions,
// successes and failures alike. It has 100 executions unless [WithWindowSize]
// says otherwise. Percentiles, [NodeMetrics.LastExecution] and thresholds are
// of the window.
//
// # Recording
//
// The program makes a record when an execution has ended. [Node.Do] and
// [Timer.Stop] make a record, and so do RecordSuccess, RecordFailure and
// RecordFailureAs. These three are methods of [Node], a handle that the program
// keeps. They are also methods of Collector, which looks the name up first. The
// program calls RecordRetry when a further attempt starts. [Classify] finds the
// category of an error, unless [WithClassifier] gives another function.
//
// A nil Collector and a nil Node record nothing. A collector keeps at most
// [WithMaxNodes] names, and records of further names go to the node
// [OverflowNode]. A name keeps its place until [Collector.Forget] or
// [WithIdleForget] gives it back. [WithLastFailure] keeps when and why each
// node failed last. [WithInFlight] keeps which executions are running, and so
// shows a node that hangs.
//
// # Reading and resets
//
// [Node.Metrics] reads one node. [Collector.Snapshot] and [Collector.All] read
// all nodes with activity since their last reset, one after another. They
// return plain values. [Snapshot.MarshalJSON] writes JSON, and [ParseSnapshot]
// reads it back. A Collector is an expvar.Var. [Snapshot.WriteTable] writes a
// table for people, the worst node first. The values log themselves with
// log/slog, and a [NodeMetrics] also with zerolog. [Collector.Stats] has the
// collector's own figures.
//
// A reset clears counters, window and threshold state of a node in one step and
// returns the cleared figures. So [Collector.Reset], called at intervals,
// returns the figures of each interval. A program need not reset, because
// counters do not overflow in practice. [Snapshot.Since] compares two
// snapshots, for a reader among several. [Merge] and [Merger] read the nodes of
// many processes as one. Snapshot.Sources says of which collectors and times the
// figures are, and Snapshot.Ignored how many executions were no verdict.
//
// # Thresholds and events
//
// [Thresholds] say from when on a node counts as unhealthy. The record that
// carries the window across raises an [Event], once. If several records
// overlap, the first record after it may do so. If the records of a node are
// spread over cores, a goroutine of the collector judges instead. With
// Thresholds.Running a timer raises a [RunningEvent], and no record is needed.
// The next breach comes after a recovery. [OnEvent] has the rules of callbacks.
// No record waits for them; [Collector.Flush] does.
//
// # Guarantees
//
//   - A record that has returned is part of every later read. No record is lost
//     or counted twice. The sum of all resets and of the current figures equals
//     everything recorded.
//   - In every read the figures fit together, as [NodeMetrics] says. When
//     nothing is in flight every figure is exact, except the estimates of
//     digest.TDigest.
//   - With [digest.Exact] the window has exactly the newest executions of all
//     goroutines. Percentiles are by nearest rank, so each is a recorded
//     duration, exact to the nanosecond.
//   - Neither a record on a handle nor a read waits for another goroutine. A
//     reset waits for the records of its node that are in flight. The first use
//     of a name may wait for goroutines that register names.
//   - Breaches and recoveries of one node and kind alternate, in order.
//   - A collector has goroutines only while it has something to do, such as an
//     event to deliver. It needs no Close.
//   - Records, retries and timers allocate nothing, with few exceptions.
//
// GUARANTEES.md, beside this file, says more and names the tests that hold
// these. It lists the exceptions, and says how much memory a node takes.
// COOKBOOK.md has a recipe for each use. The README has figures of speed.
//
// A record on a handle is a handful of atomic instructions. A timed execution
// adds two readings of the clock, which often take longer. A record by name
// adds a lookup in a concurrent map. A node without thresholds pays nothing for
// them, and a healthy node a comparison or two. With digest.Exact a read sorts
// a copy of the window, so its cost grows with the window.
package atomicmetrics
