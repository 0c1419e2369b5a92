// Package bench measures nodemetrics beside the libraries that people would
// take in its place. The package is a module of its own, so users of the
// library do not get the modules of the peers.
//
//	make bench          each benchmark once, to see that it works
//	make bench-report   all of it, ten times, and a report with the medians
//	make bench-check    the targets, judged
//
//	cd bench && go test -run '^$' -bench 'Record/by=handle/op=success' -count 10 . > bench.out
//	cd bench && go tool benchstat -table .fullname -row /impl bench.out
//
// A report says whether the library met its first requirement in the run, which
// is less than a microsecond a record: see [the verdict](#hdr-The_verdict).
// Each processor has a folder in results, and the next report on that processor
// replaces it. The output of the benchmarks stays in bench.out, which git
// ignores. The command "go run ./cmd/report -from bench.out" draws the tables
// and plots again from that file.
//
// # Fairness
//
//   - All do the same work. A record is a count by outcome, success or failure,
//     and a duration for percentiles. If a peer has no counts, the adapter adds
//     a counter of the peer's library, or an integer under the mutex that the
//     peer needs anyway. Two well-known peers keep less, hashicorp and
//     failsafe-breaker. nodemetrics keeps more in every benchmark, which is the
//     cause of a failure, the exact window, the last duration, minimum and
//     maximum.
//   - All run on the same machine, in the same process, with the same durations
//     and the same goroutines. The durations are 1,024 of an exponential
//     distribution around a millisecond, in turn. A single duration would be
//     easy for a library that sorts into buckets. Ratios are of one run, and
//     the benchmarks behind a target are interleaved.
//   - Each peer is used as its own documentation recommends, at its defaults.
//     Records go by handle if the peer has handles, and by name if it has
//     names. internal/peer has a file for each, and a test that reads the
//     counts and the durations back from the peer.
//   - All are called through the same interface, which costs each a nanosecond
//     or two. Only impl=add, the yardstick, is the bare instruction in a loop.
//     So the ratio to the yardstick is rather too high than too low.
//   - mutex-ring is in every table, also if it wins, because it is the usual
//     solution by hand.
//   - A library may win a tight loop and lose with work between the records. So
//     both are measured.
//
// # Implementations
//
// Every benchmark that compares implementations has an element impl= of these.
//
//	nodemetrics            this library, digest.Exact, a window of 100, the defaults of New
//	nodemetrics-tdigest    this library, digest.TDigest(100), a window of a million, which is
//	                       full before records by handle are measured
//	mutex-ring             a struct with a mutex, counters and a ring of the last 100
//	                       durations; by name in a map behind a sync.RWMutex
//	xsync-mutex-ring       the same structs in the map of nodemetrics, xsync.MapOf, by name only
//	monkit-durationval     monkit: a DurationVal, which counts, and a Counter of failures
//	monkit-task            monkit: a Task with its defer. It times by itself, so it is in
//	                       op=timer and in Wrap
//	prometheus-histogram   client_golang: a Histogram with the default buckets, a Counter for
//	                       each outcome
//	prometheus-native      client_golang: a native Histogram (factor 1.1), a Counter for each
//	                       outcome
//	prometheus-summary     client_golang: a Summary with objectives for p50, p90, p99, a
//	                       Counter for each outcome
//	victoria-histogram     VictoriaMetrics/metrics: a Histogram, a Counter for each outcome; by
//	                       name with the names of metrics made beforehand
//	victoria-summary       VictoriaMetrics/metrics: a Summary, a Counter for each outcome
//	gometrics-timer        rcrowley/go-metrics: a Timer, which counts, a Counter of failures
//	gometrics-histogram    rcrowley/go-metrics: a Histogram of a uniform sample of 1,028, which
//	                       counts, and a Counter of failures
//	otel                   the OpenTelemetry SDK: a Float64Histogram with the outcome as an
//	                       attribute, which counts; by handle with attribute sets made
//	                       beforehand
//	hashicorp              hashicorp/go-metrics: AddSample and IncrCounter into an InmemSink, by
//	                       name only. It keeps sum, minimum and maximum of durations and no
//	                       percentiles, so it does less than the rest
//	tally                  tally: a Histogram with duration buckets, a Counter for each outcome
//	hdr-mutex              HdrHistogram of 1 µs to 1 h, three digits, and counts behind a mutex
//	ddsketch-mutex         DDSketch of 1 % and counts behind a mutex
//	tdigest-mutex          influxdata/tdigest of compression 100, and counts behind a mutex
//	failsafe-breaker       failsafe-go: a circuit breaker's window of 100 executions. It keeps no
//	                       durations, so it does less than the rest
//	add                    one atomic.Add, the yardstick, which keeps nothing
//	bare, clock            in Wrap alone: the bare call, and the bare call with two readings of
//	                       the clock
//
// # Names
//
// A benchmark's name is its family and then elements key=value. The elements
// always have this order. Each family has the elements that tell its benchmarks
// apart:
//
//	by=handle|name
//	op=success|failure|failureAs|retry|timer
//	state=…                   Thresholds: none|healthy|breached|crossing|below|at|beyond;
//	                          Memory: idle|one|contended
//	strategy=exact|tdigest    unless impl tells it
//	window=100                samples
//	node=unspread|spread      spread: all cores have contended for the node before; without it
//	                          they have not. With g=cores a node becomes spread by itself
//	names=64                  number of names, or of handles, recorded in random order
//	nodes=1000                in a snapshot
//	form=values|json          of a snapshot
//	recorders=0|rest          beside a read: none, or one on every core but one (at least one) at
//	                          full speed
//	impl=nodemetrics
//	g=1|cores|8xcores|…|rest  recording goroutines: one, or this many for each core, or one for
//	                          each core but one (at least one); in Scaling the number
//	work=0|1us                the goroutine's own work between two records
//
// # Families
//
//	Record      by, op, [node,] [names,] impl, g, work
//	            One record. ns/op is wall time for each record of all goroutines together; B/op
//	            and allocs/op. With op=timer there is beyond-clock-ns/op, which is ns/op without
//	            two readings of the clock, interleaved. With by=handle and names there is
//	            bytes/node. With work=1us there is added-ns/record instead, the cost of a record
//	            on its core. The same rounds run with and without records, in turn, and the
//	            figure is (with - without) * cores / records, the median of the rounds.
//	            work-ns/record is the work alone.
//	Thresholds  state, strategy, window, [node,] impl, g, work
//	            A record of a node with thresholds. none: none are configured. healthy: the node
//	            is healthy. breached: it is and stays in breach of both. crossing: it crosses the
//	            threshold, with strategy=exact by two of three records, an event each. below, at,
//	            beyond: one failure below its threshold, at it, or beyond it; there p99.9-ns of
//	            single records too. With g=cores windows vary by a failure or two about that
//	            state.
//	Wrap        [node,] impl, g, work
//	            A call through a wrapper. added-ns/call is over the bare call, clockreads/call
//	            the same in readings of the clock, interleaved.
//	Latency     by, op, [node,] impl, g, work
//	            Single records while a reader takes a snapshot every millisecond: p50-ns, p90-ns,
//	            p99-ns, p99.8-ns, p99.9-ns, p99.99-ns, max-ns; of the clock itself clock-p50-ns,
//	            clock-p99.9-ns, clock-p99.99-ns, clock-max-ns; reads/s.
//	Read        [strategy, window, node,] recorders, impl
//	            One read of one node with a full window. All cores have filled the window of a
//	            spread node.
//	Snapshot    [node,] nodes, form, recorders, impl
//	            A snapshot of nodes with full windows.
//	ReaderCost  by, op, [node,] impl, g, work
//	            The cost of a reader at full speed to the recorders: alone-ns/record,
//	            beside-ns/record, and slowdown, which is their ratio, interleaved.
//	Scaling     by, op, impl, g, work
//	            One node, g = 1, 2, 4 … all cores: ns/op as in Record, records/s, and p50-ns,
//	            p99-ns, p99.9-ns of single records.
//	Memory      state, [strategy, window,] impl
//	            bytes/node: idle after a handle was taken, after one goroutine filled the window,
//	            after all cores contended for it.
//
// internal/target has the targets of the design and the benchmarks behind each.
//
// # Latency, and the machine's part in it
//
// A benchmark times a single record by a reading of the clock before and after
// it. Between two records the same loop times nothing at all, with the same two
// readings. The median of these empty measurements is the cost of the clock,
// and is taken off every record.
//
// The empty measurements are also the control. An interrupt, the hypervisor,
// another thread on the core and the scheduler of Go hold a goroutine up from
// outside. They hold the empty measurement up as often, in proportion to its
// length. clock-p99.99-ns and clock-max-ns show this. So the part of a record's
// tail beyond the tail of its control is the record's own.
//
// With more goroutines than cores, and with the reader, goroutines are
// descheduled. A goroutine that is descheduled between its two readings shows
// the time until it runs again, up to tens of milliseconds. The scheduler of Go
// takes a goroutine off its core every 10 ms, which meets about one record in a
// hundred thousand. An operating system that runs other programs adds more. So
// the maximum always shows the scheduler, and on a busy machine p99.99 may show
// it too. The plots leave the maximum out.
//
// A benchmark cannot tell from within why a record was held up, so nothing is
// left out of the figures. But the difference between implementations in the
// same run can be attributed. If a descheduled goroutine holds a lock, the
// others wait for it. Their records show the wait, and the control of the same
// run does not.
//
// The reader has a processor of Go of its own, so GOMAXPROCS is one more during
// the measurement, for every implementation. Otherwise it would wait up to 10
// ms for a processor beside loops that never pause. reads/s says how often it
// really read. The reader shares the machine's cores with the recorders.
//
// # How long
//
// Everything is in proportion to -benchtime, apart from Memory and the filling
// of windows. At -benchtime 1x each benchmark makes a few records only, which
// shows only that it works. Latency times as many single records as the run has
// iterations, and at least 2,000. With -bench Latency -benchtime 10000000x it
// times ten million in one run. ReaderCost makes at least 200,000 records each
// way.
//
// # The verdict
//
// A report says whether the average of every benchmark of a record by this
// library stayed below a microsecond (families Record, Thresholds, Scaling and
// ReaderCost). An average is time on a core, so it is wall time multiplied by
// the number of cores in use. The report says the same of the p99.9 of single
// records, in every benchmark that times these. If too few were measured, the
// report says so.
//
// A record that raises an event is measured too (Thresholds, state=crossing),
// but is not in the verdict. Two of three records do so there.
package bench
