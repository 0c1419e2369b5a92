// Package bench measures nodemetrics side by side with what people would use instead. It is a module of its own, so that
// nobody who uses the library gets the peers' modules too.
//
//	make bench          each benchmark once, to see that it works
//	make bench-report   all of it, ten times, and a report with the medians
//	make bench-check    the targets, judged
//
//	cd bench && go test -run '^$' -bench 'Record/by=handle/op=success' -count 10 . > bench.out
//	cd bench && go tool benchstat -table .fullname -row /impl bench.out
//
// A report says whether the library's first requirement, less than a microsecond
// a record, held in the run: see [the verdict](#hdr-The_verdict). It has a folder
// in results for each processor, and the next report on that processor replaces
// it. What the benchmarks printed stays in bench.out, which git ignores.
//
// # Fairness
//
//   - Same work. A record is a count per outcome, success or failure, and a duration that percentiles can be read from. A
//     peer that has no counts is given a counter of its own library, or an integer under the mutex that it needs anyway.
//     Two keep less than that and are here as they are well known: hashicorp and failsafe-breaker. What ours keeps beyond it
//     (why an execution failed, the exact window, the last duration, minimum, maximum) it keeps in every benchmark.
//   - Same machine, same process, same durations, same goroutines. The durations are 1,024 of an exponential distribution
//     around a millisecond, in turn: one duration again and again would be easy on whatever sorts into buckets. Ratios are of
//     one run; what decides a target is interleaved.
//   - Each peer as its own documentation recommends, at its defaults, by handle where it has handles, by name where it has
//     names. internal/peer has one file for each, and a test that reads the counts and the durations back from the peer.
//   - Everything is called through one interface, ours as well as the peers', which costs each a nanosecond or two. Only
//     impl=add, the yardstick, is the bare instruction in a loop: so the ratio to it is if anything too high.
//   - mutex-ring is in every table, also where it wins: it is what everybody writes by hand.
//   - What wins a tight loop and loses with work between the records is no gain: both are measured.
//
// # Implementations
//
// Every benchmark that compares implementations has one of these as impl=.
//
//	nodemetrics            this library, digest.Exact, a window of 100: what New() gives
//	nodemetrics-tdigest    this library, digest.TDigest(100), a window of a million, which is full before it is measured by
//	                       handle
//	mutex-ring             a struct with a mutex, counters and a ring of the last 100 durations; by name in a map behind
//	                       a sync.RWMutex
//	xsync-mutex-ring       the same structs in the map that nodemetrics uses, xsync.MapOf, by name only
//	monkit-durationval     monkit: a DurationVal, which counts, and a Counter of failures
//	monkit-task            monkit: a Task, its defer included. It times by itself: it is in op=timer and in Wrap
//	prometheus-histogram   client_golang: a Histogram with the default buckets, a Counter for each outcome
//	prometheus-native      client_golang: a native Histogram (factor 1.1), a Counter for each outcome
//	prometheus-summary     client_golang: a Summary with objectives for p50, p90, p99, a Counter for each outcome
//	victoria-histogram     VictoriaMetrics/metrics: a Histogram, a Counter for each outcome; by name with the names of metrics
//	                       made beforehand
//	victoria-summary       VictoriaMetrics/metrics: a Summary, a Counter for each outcome
//	gometrics-timer        rcrowley/go-metrics: a Timer, which counts, and a Counter of failures
//	gometrics-histogram    rcrowley/go-metrics: a Histogram of a uniform sample of 1,028, which counts, and a Counter of failures
//	otel                   the OpenTelemetry SDK: one Float64Histogram with the outcome as an attribute, which counts too; by
//	                       handle with attribute sets made beforehand
//	hashicorp              hashicorp/go-metrics: AddSample and IncrCounter into an InmemSink, by name only. It keeps sum,
//	                       minimum and maximum of durations and no percentiles: it does less than the others
//	tally                  tally: a Histogram with duration buckets, a Counter for each outcome
//	hdr-mutex              HdrHistogram of 1 µs to 1 h, three digits, and counts behind a mutex
//	ddsketch-mutex         DDSketch of 1 % and counts behind a mutex
//	tdigest-mutex          influxdata/tdigest of compression 100 and counts behind a mutex
//	failsafe-breaker       failsafe-go: a circuit breaker's window of 100 executions. It keeps no durations: it does less than
//	                       the others
//	add                    one atomic.Add: the yardstick, it keeps nothing
//	bare, clock            in Wrap alone: the bare call, and the bare call with two readings of the clock
//
// # Names
//
// A benchmark's name is its family and then key=value elements, always in this order, of which each family has those that
// tell its benchmarks apart:
//
//	by=handle|name
//	op=success|failure|failureAs|retry|timer
//	state=…                   Thresholds: none|healthy|breached|crossing|below|at|beyond; Memory: idle|one|contended
//	strategy=exact|tdigest    where it is not told by impl
//	window=100                samples
//	node=unspread|spread      spread: all cores have contended for the node before; without it they have not
//	names=64                  how many names, or handles of as many nodes, recorded in random order
//	nodes=1000                in a snapshot
//	form=values|json          of a snapshot
//	recorders=0|rest          beside a read: none, or one on every core but one (at least one) at full speed
//	impl=nodemetrics
//	g=1|cores|8xcores|…|rest  recording goroutines: one, or so many for each core, or one for each core but one (at least one);
//	                          in Scaling the number itself
//	work=0|1us                the goroutine's own work between two records
//
// # Families
//
//	Record      by, op, [node,] [names,] impl,    one record: ns/op is wall time for each record of all goroutines together;
//	            g, work                           B/op and allocs/op. With op=timer there is beyond-clock-ns/op, which is
//	                                              ns/op without two readings of the clock, interleaved. With by=handle and
//	                                              names there is bytes/node. With work=1us there is added-ns/record in its place,
//	                                              which is what a record adds on its core: the same rounds are run with and
//	                                              without records, in turn, and it is (with - without) * cores / records,
//	                                              the median of the rounds. work-ns/record is the work alone
//	Thresholds  state, strategy, window, [node,]  a record of a node with thresholds: none are configured; the node is
//	            impl, g, work                     healthy; it is and stays in breach of both; it crosses the threshold, with
//	                                              strategy=exact by two of three records, an event each. It is one failure
//	                                              below its threshold, at it, or beyond it: p99.9-ns of single records too.
//	                                              With g=cores windows vary by a failure or two about that state
//	Wrap        impl, g, work                     a call through a wrapper. added-ns/call is over the bare call,
//	                                              clockreads/call the same in readings of the clock, interleaved
//	Latency     by, op, impl, g, work             single records while a reader takes a snapshot every millisecond: p50-ns,
//	                                              p90-ns, p99-ns, p99.8-ns, p99.9-ns, p99.99-ns, max-ns, and the clock's own
//	                                              clock-p50-ns, clock-p99.9-ns, clock-p99.99-ns, clock-max-ns, reads/s
//	Read        [strategy, window,] recorders,    one read of one node
//	            impl
//	Snapshot    nodes, form, recorders, impl      a snapshot of nodes with full windows
//	ReaderCost  by, op, impl, g, work             what a reader at full speed costs the recorders: alone-ns/record,
//	                                              beside-ns/record and slowdown, which is their ratio, interleaved
//	Scaling     by, op, impl, g, work             one node, g = 1, 2, 4 … all cores: ns/op as in Record, records/s, and
//	                                              p50-ns, p99-ns, p99.9-ns of single records
//	Memory      state, [strategy, window,] impl   bytes/node: idle after a handle was taken, after one goroutine filled the
//	                                              window, after all cores contended for it
//
// internal/target has the targets of the design and the benchmarks behind each.
//
// # Latency, and what a machine adds to it
//
// A single record is timed by a reading of the clock before and after it. Between two records the same loop times nothing
// at all, with the same two readings: the median of that is what the clock costs, and is taken off every record. It is
// also the control: whatever happens to a goroutine from outside (an interrupt, the hypervisor, another thread on its
// core, the scheduler of Go) happens to the empty measurement as often, in proportion to how long each takes, and
// clock-p99.99-ns and clock-max-ns show it. What a record's tail has beyond its control's tail is the record's own.
//
// With more goroutines than cores, and with the reader, goroutines are descheduled. One that is descheduled between its
// two readings shows the time until it runs again, up to tens of milliseconds; that is about one record in a hundred
// thousand for the scheduler of Go, which takes a goroutine off its core every 10 ms, and more for an operating system that
// runs other things. So the maximum shows the scheduler whatever is measured, and p99.99 may on a machine that is busy.
// It cannot be told from within which record was held up by whom, so nothing is left out. What *is* attributable is the
// difference between implementations in one run: where a goroutine that is descheduled holds a lock the others wait for it,
// and their records show it, while the control of the same run does not.
//
// The reader has a processor of Go of its own (GOMAXPROCS is one more during the measurement, for every implementation), as
// it would have to wait up to 10 ms for one beside loops that never pause; reads/s says how often it really read. It
// shares the machine's cores with the recorders.
//
// # How long
//
// Everything is in proportion to -benchtime, apart from Memory and the filling of windows: at -benchtime 1x each benchmark
// makes a few records only, which says nothing but that it works. Latency times
// as many single records as the run has iterations, and at least 2,000. With
// -bench Latency -benchtime 10000000x it times ten million in one run.
// ReaderCost makes at least 200,000 records each way.
//
// # The verdict
//
// A report says whether the average of every benchmark of a record by this
// library stayed below a microsecond (families Record, Thresholds, Scaling and
// ReaderCost). An average is time on a core, so it is wall time multiplied by the
// number of cores in use. The report says the same of the p99.9 of single records,
// in every benchmark that times these. Where too few were measured it says so.
//
// One kind of record is measured and is not in the verdict, which is a record that
// raises an event (Thresholds, state=crossing). Two of three records do so there.
package bench
