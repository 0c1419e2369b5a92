// Package ring counts the executions of one node and keeps the newest of their durations, for many recorders at once
// and without locks that anybody waits for. A Ring lives from one reset of its node to the next.
//
// # A record
//
// A shard has its counters on one cache line, and belongs to one recorder at a time. A record
//
//  1. acquires: a CAS sets BUSY in the shard's head. It does not wait: who finds the shard owned goes to another one.
//  2. looks whether records still go to this shard (see Close). If not, it gives it back as it was.
//  3. writes, as the only writer: sum, outcome, running counts, and the sample in its slot.
//  4. releases: the head moves on to the next slot, without BUSY.
//
// The CAS is the one instruction of all this that makes a core wait for its own memory. What follows are plain stores
// with release order (package release), and that is why a record is as fast as it is: with an atomic instruction for
// each of head, sum, outcome and slot it took more than twice as long.
//
// The order of the stores is what readers and resets build on. A sample that is seen has been counted, and what has
// been counted has been summed: so a reader that copies the window first and reads the counters after it never finds
// more samples than executions. A shard that is not BUSY has all of its records complete: so a closed ring is quiet
// when none of its shards is.
//
// # Shards
//
// A ring starts with one shard, in which slots are the exact order of records. When its recorders meet there again and
// again, or when one of them has been held up while it owned the shard, the ring is spread: from then on every record
// goes to the shard of the core that it runs on, and stamps its sample with the monotonic clock. Records are pinned to
// their core meanwhile, so that its shard is free unless the operating system stops the core's thread; then others pass
// by, in the end to a shard made for them. What is in the first shard is older than everything stamped: a recorder that
// acquires it after the ring was spread sees that and turns away. The window is the newest samples over all shards, by
// stamp, and the first shard's newest where these are too few; each shard has room for a whole window.
//
// # Large windows
//
// A ring of a large window has a batch (package history) for each shard in the
// place of slots. A record puts its sample there as the shard's owner. The
// record that fills a half of a batch gives the shard back, publishes the half
// in the history, and then has the thresholds judged. If the record that begins
// a half finds that the history lacks the samples in it, it gives the shard
// back, publishes them, and begins again. A read publishes all batches, and
// then reads the history alone. After a spread, the recorder that freezes the
// first shard publishes the rest of it, and lets go of its batch.
//
// # What was learned
//
// Medians on one machine (AMD EPYC, 2 cores; one atomic.Add there takes 6.3 ns), each pair of one run. They say where the
// time goes, not what it is elsewhere.
//
//   - What a record costs is its atomic instructions. Four of them (ticket, sum, outcome, slot) made 27.5 ns; one, and
//     plain stores by an owner, 12.5. The same stores through a function in assembly, or one that is not inlined, made
//     15 to 19 and 14 to 16.
//   - Nobody has to come back: as an owner writes alone, slots need no laps against late writers, and a closed ring is
//     quiet as soon as nobody owns a shard.
//   - In a spread ring most of a record is the monotonic clock, 31 of some 55 ns; a time-stamp counter that may be read
//     in order takes 20 there, and is not known to agree between the cores of every virtual machine. An atomic store of
//     the stamp instead of a tagged pair costs 3 ns of wall time on two cores.
//   - Prefetching a slot before the CAS does nothing for 100,000 names in turn (210 ns either way): the misses are in the
//     map of names.
//
// # Guarantees
//
// Nobody waits for anybody in a record. A recorder tries again for the first shard a bounded number of times; a shard of
// its own is always to be had. Readers only load. Close makes every later record fail; the recorder then goes to its
// node's next ring. It is not written twice, and a recorder that was held up overwrites nothing: its shard was its own
// all the time.
package ring
