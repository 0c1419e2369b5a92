// Package ring counts the executions of one node and keeps the newest of their durations, for many recorders at once
// and without locks. A Ring lives from one reset of its node to the next.
//
// # A record
//
// A record makes four moves, each one atomic instruction, on memory that in the common case its core owns:
//
//  1. ticket: a CAS on the shard's head. The ticket names the slot, and the lap around the ring.
//  2. sum: the duration is added to the sum.
//  3. count: the outcome's counter goes up.
//  4. sample: the slot gets outcome, lap and duration in one word.
//
// The order is what readers and resets build on. A sample that is seen has been counted, and what has been counted has
// been summed: so a reader that copies the window first and reads the counters after it never finds more samples than
// executions. A ticket taken is a count to come: so a closed ring is quiet when its counts add up to its tickets and
// its newest slots have their samples.
//
// # Shards
//
// A ring starts with one shard, in which tickets are the exact order of records. When its head proves contended, the
// ring sets SHARDED in that head, and from then on every record goes to the shard of the core that it runs on, and
// stamps its sample with the monotonic clock. What is in the first shard is older than everything stamped: the ticket
// CAS itself tells a writer which of the two it is in. The window is the newest samples over all shards, by stamp, and
// the first shard's newest where these are too few; each shard has room for a whole window.
//
// # Guarantees
//
// Nobody waits for anybody in a record: each loop repeats only when another record got ahead. A writer that was held
// up finds its slot given to a later ticket, and leaves it alone. Readers only load. Close makes every later ticket
// fail; the recorder then goes to its node's next ring.
package ring
