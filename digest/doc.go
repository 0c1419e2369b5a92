// Package digest names the ways in which percentiles are computed from a window of durations.
//
// [Exact] keeps every sample of the window and puts a copy in order when it is read: a percentile is always a duration that
// really happened. [TDigest] is for windows of many thousands of samples: it keeps the newest samples as they are and
// folds the older ones, off the goroutine that records, into t-digests of an eighth of the window each, of which the
// oldest is forgotten when a new one begins. So its window holds at least seven eighths of its size, once that many were
// recorded, and never more than its size. Its minimum, maximum, counts and failures are true; its percentiles are
// estimates.
//
// # Which strategy for which window
//
//	                        Exact                      TDigest(100)
//	window                  1 … 65,536                 4,097 … 1<<30 (a smaller one is Exact)
//	memory of a node        8 bytes a sample:          about 50 KB, at most 64 KB,
//	                        1 KB at 100, 512 KB at     whatever the window; a KB
//	                        65,536; 16 bytes for each  more for each core beyond
//	                        core, when cores contend   8, when cores contend
//	one read                0.6 µs at 100, 4.4 µs at   0.1 ms, whatever the window
//	                        1,000, 0.3 ms at 65,536
//	error, in ranks         none                       none up to 4,096 samples; at a million at
//	                                                   most 1 % at p50, 0.5 % at p90, 0.2 % at
//	                                                   p99; seen: 0.24 %, 0.02 %, 0.01 %
//	thresholds are judged   by every record            once in a hundredth of the window
//	window after a reset    empty                      empty
//	and after that many     exactly the newest         seven eighths of them to all
//
// Reads never hold records up, with either: they cost the reader alone. Up to some thousands of samples take Exact; for
// the p99 of a whole hour of a busy node take TDigest. A higher compression of TDigest is more exact and larger in
// proportion.
//
// The figures are from Go 1.26 on two cores of an AMD EPYC; they are printed by
//
//	go test -run '^$' -bench BenchmarkRead ./atomicmetrics
//	go test -v -run 'TDigestIsAccurate|TDigestKeepsItsMemory' ./atomicmetrics
package digest
