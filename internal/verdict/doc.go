// Package verdict judges the windows of nodes against thresholds, and raises
// the changes.
//
// A [Node] outlives its windows. A [Watch] judges one window, from one reset
// of the node to the next. No record copies a window to judge it. A record that
// raises a breach, or its end, copies the window for the event's p99.
//
// # Who judges
//
// Each verdict has at most one owner at a time. Only the owner writes the
// verdict and raises changes, so breaches and recoveries alternate.
//
//   - If the ring is not spread, the owner of its first shard owns the verdict.
//     It keeps exact counts of the window. It judges after it stored its
//     sample and before it releases the shard. So the very record that carries
//     the window across a threshold raises the change.
//   - If the ring is spread, or keeps a large window, the holder of the turn
//     owns the verdict. The holder looks at a copy of the window. While the
//     first shard of a spread ring is still owned, the holder judges nothing.
//     A recorder that published a batch of a large window judges without the
//     turn first, and takes the turn only if the verdict changes. If the turn
//     was free after it published, no change is missed. A holder before that has
//     stored its verdict, and a holder after that sees the batch.
//   - A reset takes the turn for ever, after the ring is closed and quiet. It
//     raises the recovery of the breaches that are left.
//
// The owner of the first shard and the holder of the turn do not overlap. The
// holder judges only after it found the ring spread and then the first shard
// free. A recorder that acquires the first shard later finds the ring spread,
// and releases the shard without a judgement.
//
// # Looks at a spread ring
//
// No recorder looks. A record is decisive if it may change the verdict. Its
// recorder counts it in the shard, and calls Due if the count has reached the
// shard's lookAt. Due starts a goroutine that looks, unless looks rest. The
// looker
//
//  1. marks each shard's decisive records, without the records under way,
//  2. copies the window and judges it,
//  3. allows each shard its part of the records that cannot change the verdict,
//  4. asks [ring.Ring.Due] whether a look is due already.
//
// No change is missed for good. Take the last record R of a shard that may
// change the verdict. If R ended before the copy, the copy has it. Otherwise
// the mark does not have R, so R counts against the allowance. If R brings the
// count to lookAt, R or the looker finds that: ring's countDecisive says why. If
// the count stays below lookAt, then all shards together got fewer records than
// can change the verdict.
//
// # Calm
//
// If the verdict is healthy, Calm is set, and shards count only failed and slow
// records. So a change of the verdict changes which records count. A record R
// may not have counted itself, because its recorder loaded Calm before the
// change. R acquired its shard before the change too. So the owner of the
// verdict makes another look due, after it stored Calm. A looker allows no
// record for that, so [ring.Ring.Due] reports it until the next look. The owner
// of the first shard calls Due if it finds the ring spread. No look has allowed
// anything then, because the first shard was owned.
//
// The next look finds R in its copy, or finds R's shard owned when it marks.
// Then the mark leaves one record out, and R counts against the allowance.
//
// # Rests
//
// After a look, looks rest at least nine times as long as the look took. A
// recorder that finds looks at rest leaves its look to the end of the rest. The
// timer's goroutine first ends the rest, and then asks whether a look is due.
// The recorder stored its count before it loaded resting. So the recorder found
// the rest ended and starts a look, or the timer's goroutine finds the shard
// owned or the count stored.
//
// # Resets
//
// A reset announces itself in resets, takes the node's state away, closes its
// ring, waits until the ring is quiet, and ends the watch. Then it takes back
// its announcement. While a reset is announced, no other owner judges. So all
// changes of a window come before its recovery, and its recovery before all
// changes of the next window:
//
//   - An owner of the old window that found no reset announced has acquired its
//     shard, or the turn, before. The reset waits for it.
//   - An owner of the next window got the node's next state after the reset
//     took the old state away. So the owner finds the reset announced until the
//     recovery is raised.
//
// The next window may cross a threshold meanwhile. The owner that did not judge
// tells the ring, and the next record judges. If no record follows, the reset
// itself has the window judged at its end, by Rejudge. If the owner still owns
// the shard then, the reset does not wait. The owner releases the shard and
// then looks whether a reset is under way. The reset ends its announcement and
// then looks whether the shard is owned. So the owner or the reset judges.
package verdict
