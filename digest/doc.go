// Package digest names the ways in which percentiles are computed from a window
// of durations.
//
// [Exact] keeps every sample of the window and sorts a copy on each read. So a
// percentile is always a recorded duration. [TDigest] is for windows above
// [SmallWindow]. Up to SmallWindow it is Exact.
//
// With TDigest a recorder keeps its newest samples as they are. One record in
// some tens or hundreds publishes them, and now and then merges them into
// t-digests of an eighth of the window each. The window forgets the oldest
// eighth at a time. So the window never has more samples than its size. Once
// three quarters of its size were recorded, it has at least these. It has no
// sample that is older than a whole window of newer samples. Its minimum,
// maximum, counts and failures are true. Its percentiles are estimates.
//
// # Which strategy for which window
//
//	                        Exact                      TDigest(100)
//	window                  1 … 65,536                 8,193 … 1<<30 (a smaller one is Exact)
//	memory of a node        8 bytes a sample:          some 50 KB, at most 64 KB when
//	                        1 KB at 100, 512 KB at     recorders pause, at most 512 KB
//	                        65,536; 16 bytes for each  ever; up to 16 KB more for each
//	                        core, when cores contend   core beyond 8, when cores contend
//	error, in ranks         none                       at most 1 % at p50, 0.5 % at p90,
//	                                                   0.2 % at p99, beside a gap between
//	                                                   two modes too; seen beside gaps:
//	                                                   0.43 %, 0.25 %, 0.09 %
//	thresholds are judged   by every record, or by a   at most a fiftieth of the window
//	                        goroutine if cores contend late for each core
//	window after a reset    empty                      empty
//	and after that many     exactly the newest         three quarters of them to all
//
// The cost of reading a large window does not depend on its size, nor on the
// time that recorders have run. Its memory has a bound that depends neither on
// the size, nor on the recorders, nor on their pauses. With either strategy a
// read never holds records up.
//
// Up to some thousands of samples take Exact. For the p99 of a whole hour of a
// busy node take TDigest. A higher compression of TDigest is more exact, and
// takes more memory in proportion.
//
// These commands print the figures:
//
//	go test -run '^$' -bench BenchmarkRead ./atomicmetrics
//	go test -v -run 'TDigestAndItsSketch|TDigestMemory' ./atomicmetrics
//	go test -v -run 'BesideGaps|HoweverLong' ./internal/history
package digest
