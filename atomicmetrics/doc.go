// Package atomicmetrics keeps, in the memory of a process, how the steps of a workflow, a graph or a job fare: how
// often each ran, succeeded, failed and why, was retried, how long it took last and on average, and percentiles of its
// newest executions. It calls back when a step becomes unhealthy and again when it has recovered.
//
//	metrics, err := atomicmetrics.New(
//		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.1, MinSamples: 20, Recovery: 0.5}),
//		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { log.Println(e.Node, e.Kind, e.Breached) }),
//	)
//	if err != nil {
//		return err
//	}
//	fetch := metrics.Node("fetch")
//
//	err = fetch.Do(func() error { return get(ctx, url) })
//
// A function of a context and an input need not be instrumented by hand: package wrap does it, with timeouts and
// retries, and counts panics too. Package metricstest has assertions for the tests of a program that records.
//
// # The model
//
// A [Collector] holds nodes. A node is a step that has a name; names are made up by the program and registered on first
// use. An execution is one call of a node with its final outcome, a success or a failure. A failure has one [Category]:
// timeout, validation, network or other. A retry is another attempt within one execution; it is counted apart and is no
// execution.
//
// A node has counters, which go back to its last reset, and a window: its newest executions, successes and failures
// alike, 100 of them unless [WithWindowSize] says otherwise. Percentiles, [NodeMetrics.LastExecution] and thresholds
// are about the window, the average and the other counters about everything since the last reset.
//
// # Recording
//
// The program makes a record when an execution has ended. [Node.Do] and
// [Timer.Stop] make it, and so do RecordSuccess, RecordFailure and
// RecordFailureAs. These three are methods of [Node], a handle that the program
// keeps. They are methods of Collector too, which looks the name up first.
//
// RecordFailure asks [Classify] for the category of its error, or the function
// given to [WithClassifier]. An error may carry its category: see [Categorize].
// The program calls RecordRetry when a further attempt starts.
//
// A nil Collector and a nil Node record nothing, so a program can leave metrics out without asking at every step. At
// most [WithMaxNodes] names are kept; records of further names go to the node [OverflowNode] and are not lost, only
// together.
//
// Made [WithLastFailure], a collector keeps when and why each node failed last, with the text of the error:
// [Node.LastFailure] and Snapshot.LastFailures.
//
// Made [WithInFlight], it knows what is running: how many executions of a node, the most there were at once, and how long
// the oldest has been at it, by which the node that hangs is found. [Node.InFlight] and Snapshot.InFlight have it, of
// executions that [Node.Start] began.
//
// # Reading and resets
//
// [Node.Metrics] and [Collector.NodeMetrics] read one node, [Collector.All] and [Collector.Snapshot] all that had
// activity since their last reset. What they return are plain values. A Snapshot is written as JSON by MarshalJSON and
// read back by [ParseSnapshot]; a Collector is an expvar.Var as it is. [Node.Quantiles] has quantiles beyond p50, p90
// and p99. [Snapshot.WriteTable] is for people, the worst node first; log/slog and zerolog take a [NodeMetrics] as it is.
// log/slog takes a Snapshot, an [Event], an [InFlight], a [LastFailure] and a [Stats] too.
// [Snapshot.Since] is what happened between two snapshots, for one reader of several.
//
// The nodes of a service that runs in many processes are read as one by [Merge] or a [Merger], from snapshots of
// collectors that were made [WithSketches]. Each snapshot has the [Source] of its figures, so none is counted twice.
//
// A name keeps its place among those of [WithMaxNodes] until [Collector.Forget] gives it back, which returns what it clears
// too; [WithIdleForget] does so for nodes that nothing was recorded of for some time. Handles stay valid after that.
//
// [Collector.Stats] tells how the collector itself fares: names, memory, what was dropped.
//
// A read promises less beside running records: it is not one instant. The figures of one node's window are from one
// copy, each counter is exact at some moment of the call, and different nodes are read one after the other.
//
// A reset clears counters, window and threshold state of a node in one step and returns what it cleared. So figures for
// each interval are what [Collector.Reset] returns, called at intervals. There is no need to reset: counters do not
// overflow in practice, and the window moves by itself.
//
// # Thresholds and events
//
// [Thresholds] say from when on a node counts as unhealthy. Thresholds.Running is about an execution that hangs: see
// [Thresholds]. The others are about the window: a failure rate, a p99, or both; [Thresholds.MinSamples]
// keeps a few early failures from being an alarm, [Thresholds.Recovery] keeps a node that hovers about the threshold
// from raising one event after another. The record that carries the window across raises an [Event], once, or the first
// record after it where several overlap; the next breach comes after a recovery. Callbacks given to [OnEvent],
// [OnFailureRateThreshold] and [OnLatencyThreshold] run on a goroutine of their own, one at a time, in order. No record
// waits for them; [Collector.Flush] does.
//
// # Guarantees
//
//   - A record that has returned is part of every later read, and no record is lost or counted twice, whatever runs
//     beside it. What all resets returned and what is still there add up to what was recorded.
//   - In every read TotalExecutions is SuccessCount plus FailureCount, FailureCount the sum of the categories and
//     RetryCount the sum of RetriesByAttempt; P50 ≤ P90 ≤ P99 lie between WindowMin and WindowMax. When nothing is in
//     flight every figure is exact, the estimates of digest.TDigest apart.
//   - With [digest.Exact] the window has exactly the newest executions, whichever goroutines recorded them, and
//     percentiles are by nearest rank: each is a duration that was really recorded.
//   - Every duration from 0 to [MaxDuration] is kept to the nanosecond, and the average comes from a sum that does not
//     overflow.
//   - A record on a handle waits for no other goroutine: not for other records, reads, resets, callbacks or the log. A
//     read waits for none either. A reset waits for the records of its node that are in flight. The first use of a name
//     may wait for others that register names.
//   - Breaches and recoveries of one node and kind alternate, in the order in which they happened.
//   - A collector has goroutines only while it has something to do, such as an event to deliver. It needs no Close.
//
// GUARANTEES.md, beside this file, names the tests that hold these.
//
// # Performance
//
// A record on a handle is a handful of atomic instructions. A timed execution
// adds two readings of the clock, which often take longer than the record. A
// record by name adds a lookup in a concurrent map. If the name is not valid
// UTF-8, the record makes it valid first, each time. If no thresholds are
// configured, records pay nothing for them. A healthy node pays a comparison or
// two. With digest.Exact a read copies the window and sorts it, so its cost
// grows with the window.
//
// A record allocates only
//
//   - on the first use of a name;
//   - on a node's first record, also after a reset or [Collector.Forget];
//   - when a contended node grows, at most once for each core;
//   - when it raises an event that has a callback, or logs a warning;
//   - with digest.TDigest above digest.SmallWindow, once in some hundreds of
//     records;
//   - if it is a failure, [WithLastFailure];
//   - if more executions of the node run at once than ever before,
//     [WithInFlight];
//   - for a buffer that the garbage collector has taken from a pool;
//   - in functions of the program, such as the methods of an error.
//
// With digest.Exact a node takes its memory on its first record, about 8 bytes
// for each execution of the window and 400 bytes for the rest. With the default
// window that is at most 1,300 bytes where cache lines have 64 bytes, name and
// place in the map included. A contended node takes more until its next reset, for
// each core that records about 16 bytes for each execution of the window and
// 1 KB for the rest. With the default window and two cores that makes 7 KB.
// With digest.TDigest above digest.SmallWindow a node takes at most 64 KB when
// its recorders pause, and at most 512 KB while they record. That is so
// whatever the window is. Each processor beyond 8 that records takes 16 KB
// more.
// [Stats] has the bytes that all nodes hold.
//
// Figures are printed by
//
//	go test -run '^$' -bench 'Record|Read|Snapshot$' -count 6 ./atomicmetrics
//
// which has a single atomic.Add to compare with, as absolute figures differ from machine to machine. The README has
// some.
package atomicmetrics
