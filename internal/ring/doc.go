// Package ring counts the executions of a node and keeps the newest durations,
// for many recorders at once. Nobody waits for a lock. A Ring lives from one
// reset of its node to the next.
//
// # A record
//
// A shard has its counters on one cache line, and belongs to one recorder at a
// time. A record
//
//  1. acquires the shard by a CAS that sets BUSY in its head. If another
//     recorder owns the shard, the record goes to another shard.
//  2. looks whether records still go to this shard, as Close says. If not, the
//     record gives the shard back unchanged.
//  3. writes sum, outcome, running counts, and the sample in its slot, as the
//     only writer.
//  4. releases the shard by moving the head on to the next slot, without BUSY.
//
// Only the CAS makes a core wait for its own memory. The writes are plain
// stores with release order (package release), in this order. So if a reader
// sees a sample, the sample has been counted, and a counted execution has been
// summed. A reader copies the window before it reads the counters, so it never
// finds more samples than executions. A shard that is not BUSY has all of its
// records complete.
//
// # Shards
//
// A ring starts with one shard, whose slots are in the exact order of records.
// If recorders meet there often, or if its owner has been held up, a recorder
// spreads the ring. From then on every record goes to the shard of its core,
// and stamps its sample with the monotonic clock. The recorder is pinned to the
// core meanwhile. So the shard is free, unless the operating system has stopped
// its owner's thread. Then the recorder goes to any free shard, and in the end
// to a new shard.
//
// A recorder that acquires the first shard after the spread gives it back. So
// its samples are older than all that are stamped. The window is the newest
// stamped samples, and the newest of the first shard if these are too few. Each
// shard has room for a whole window.
//
// # Large windows
//
// A ring of a large window has a batch (package history) for each shard in the
// place of slots. A record puts its sample there as the shard's owner. The
// record that fills a half of a batch gives the shard back, publishes the half
// in the history, and then has the thresholds judged. If the record that begins
// a half finds that the history lacks the samples in the half, it gives the
// shard back, publishes them, and begins again. A read publishes all batches,
// and then reads the history alone. After a spread, the recorder that freezes
// the first shard publishes the rest of it, and lets go of its batch.
//
// # Guarantees
//
// No record waits for another goroutine. A recorder tries a bounded number of
// times to own a shard, and can then make one. A reader of slots only loads. A
// reader of a large window publishes batches, and no recorder waits for that.
// Close makes every later record fail, and the recorder goes to its node's next
// ring. A recorder that was held up overwrites nothing, because it still owns
// its shard.
package ring
