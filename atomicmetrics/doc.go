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
// If a step is a function of a context and an input, package wrap instruments
// it, with timeouts and retries. Package metricstest has assertions for the
// tests of a program that records.
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
// keeps. They are also methods of Collector, which looks the name up first.
//
// RecordFailure asks [Classify] for the category of its error, or the function
// given to [WithClassifier]. An error may carry its category, by [Categorize].
// The program calls RecordRetry when a further attempt starts.
//
// A nil Collector and a nil Node record nothing, so a program can leave metrics
// out without a check at every step. A collector keeps at most [WithMaxNodes]
// names. Records of further names are not lost, because they go to the node
// [OverflowNode].
//
// With [WithLastFailure] a collector keeps when and why each node failed last,
// with the text of the error. [Node.LastFailure] and Snapshot.LastFailures have
// it.
//
// With [WithInFlight] a collector knows the running executions of each node. It
// has their number, their highest number at once, and the time of the oldest,
// which shows a node that hangs. [Node.InFlight] and Snapshot.InFlight have
// these figures, for executions that [Node.Start] began.
//
// # Reading and resets
//
// [Node.Metrics] reads one node. [Collector.Snapshot] and [Collector.All] read
// all nodes with activity since their last reset. They return plain values.
// [Node.Quantiles] has quantiles beyond p50, p90 and p99. MarshalJSON writes a
// Snapshot as JSON, and [ParseSnapshot] reads it back. A Collector is an
// expvar.Var. [Snapshot.WriteTable] writes a table for people, the worst node
// first. log/slog and zerolog take a [NodeMetrics]. log/slog also takes a
// Snapshot, an [Event], an [InFlight], a [LastFailure] and a [Stats].
// [Snapshot.Since] returns the difference of two snapshots, for a reader among
// several.
//
// [Merge] or a [Merger] reads the nodes of a service in many processes as one,
// from snapshots of collectors with [WithSketches]. Each snapshot has the
// [Source] of its figures, so none is counted twice.
//
// A name keeps its place among those of [WithMaxNodes] until [Collector.Forget]
// gives the place back. [WithIdleForget] does so for nodes without a record for
// some time. Handles stay valid after that.
//
// [Collector.Stats] has the collector's own figures, such as names, memory, and
// dropped events.
//
// Beside running records a read is not of one instant. The figures of a node's
// window are from one copy. Each counter is exact at some moment of the call.
// Nodes are read one after another.
//
// A reset clears counters, window and threshold state of a node in one step and
// returns the cleared figures. So [Collector.Reset], called at intervals,
// returns the figures of each interval. A program need not reset. Counters do
// not overflow in practice, and the window moves by itself.
//
// # Thresholds and events
//
// [Thresholds] say from when on a node counts as unhealthy. Thresholds.Running
// is about an execution that hangs: see [Thresholds]. The failure rate and the
// p99 are of the window. [Thresholds.MinSamples] prevents an alarm after a few
// early failures. [Thresholds.Recovery] prevents event after event while a node
// hovers about its threshold. The record that carries the window across raises
// an [Event], once. If several records overlap, the first record after it may
// do so. The next breach comes after a recovery. Callbacks given to [OnEvent],
// [OnFailureRateThreshold] and [OnLatencyThreshold] run on a goroutine of their
// own, one at a time, in order. No record waits for them; [Collector.Flush]
// does.
//
// # Guarantees
//
//   - A record that has returned is part of every later read. No record is lost
//     or counted twice. The sum of all resets and of the current figures equals
//     everything recorded.
//   - In every read TotalExecutions is SuccessCount plus FailureCount.
//     FailureCount is the sum of the categories, and RetryCount the sum of
//     RetriesByAttempt. P50 ≤ P90 ≤ P99 lie between WindowMin and WindowMax.
//     When nothing is in flight every figure is exact, except the estimates of
//     digest.TDigest.
//   - With [digest.Exact] the window has exactly the newest executions of all
//     goroutines. Percentiles are by nearest rank, so each is a recorded
//     duration.
//   - Every duration from 0 to [MaxDuration] is kept to the nanosecond, and the
//     average comes from a sum that does not overflow.
//   - A record on a handle waits for no goroutine. It does not wait for
//     records, reads, resets, callbacks or the log. A read waits for no
//     goroutine either. A reset waits for the records of its node that are in
//     flight. The first use of a name may wait for goroutines that register
//     names.
//   - Breaches and recoveries of one node and kind alternate, and keep their
//     order.
//   - A collector has goroutines only while it has something to do, such as an
//     event to deliver. It needs no Close.
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
//   - when the record raises an event that has a callback, or logs a warning;
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
// window and cache lines of 64 bytes that is at most 1,300 bytes, name and
// place in the map included. A contended node takes more until its next reset.
// Each core that records takes about 16 bytes for each execution of the window,
// and 1 KB for the rest. With the default window and two cores that makes 7 KB.
// With digest.TDigest above digest.SmallWindow a node takes at most 64 KB when
// its recorders pause, and at most 512 KB while they record. The size of the
// window does not matter. Each processor beyond 8 that records takes 16 KB
// more. [Stats] has the bytes that all nodes hold.
//
// Figures are printed by
//
//	go test -run '^$' -bench 'Record|Read|Snapshot$' -count 6 ./atomicmetrics
//
// which has a single atomic.Add to compare with, as absolute figures differ
// from machine to machine. The README has some.
package atomicmetrics
