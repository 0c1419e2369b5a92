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
// At most one recorder on each processor is pinned at a time, and a new shard
// is made only if all others were found owned. So there is about one shard for
// each processor that records. With a window of N samples a shard takes
// 16·(N+1) bytes and three cache lines, which is 1.8 KB with the default
// window.
//
// A recorder that acquires the first shard after the spread gives it back. So
// its samples are older than all that are stamped. The window is the newest
// stamped samples, and the newest of the first shard if these are too few. Each
// shard has room for a whole window.
//
// # Stamps
//
// The stamp of an execution is a moment between its end and the return of its
// record. The end is the clock reading of a Timer, or the begin of the record
// if the caller brings none. So the stamps of two executions are in their
// order, unless these spans overlap. Then either order is right. While the
// recorder owns the shard, it
//
//  1. takes the reading that its caller brought, or reads the clock,
//  2. looks at the stamp in the slot that the sample would take. If that is
//     later, a whole window is newer. The recorder counts the execution and
//     does not store the sample.
//  3. stores its stamp, or the stamp of the shard's last sample if that is
//     later. The last stamp is from before the recorder acquired the shard, so
//     it is in the span too. So within a shard stamps never go down from slot
//     to slot.
//
// A window is right if it has every record that returned before one of its
// records began. A reader takes a moment, loads all heads afterwards, and
// leaves out later stamps. Let A return before B began, and let the window have
// B. A's stamp is not later than B's begin. If the reader found B before the
// moment, A returned before the moment. Else B's stamp is not later than the
// moment. If B has its own reading, B began before the moment and A returned
// before it. If B was recorded alone, A returned before B's stamp was read: see
// below. So the reader finds A, and A's stamp is not later than the moment.
//
// # Recording alone
//
// A clock reading costs more than the rest of a record. If one shard alone gets
// records, its recorders need none: they store the shard's last stamp again.
// The word solo names that shard, or none.
//
//   - A recorder A without a reading acquires its shard and loads solo. If it
//     names the shard, A takes the last stamp.
//   - A recorder C of another shard acquires it, loads solo, and clears it if
//     it is set. Then C reads the clock, or takes its caller's reading.
//   - A recorder R looks at the heads of all other shards now and then, and
//     reads the clock after that. If none has moved since its shard looked
//     last, R sets solo by a CAS and looks again. If a shard is owned or has
//     moved, R clears solo. Then R reads the clock for its own stamp, which is
//     later than the reading after the last look.
//
// If A returns before C begins, A's stamp is from the past and C's is later.
// Let C return before A begins, and let R set the name that A loads. If C
// acquired its shard before R looked again, R saw C's shard owned or moved, or
// C ended before R's shard looked last. Then C has the earlier stamp. If C
// acquired its shard later, C found the name and cleared it before C ended, so
// A cannot load it. If neither returns before the other begins, either order is
// right.
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
