// Package history keeps the large window of one node for many recorders at
// once. No recorder and no reader waits.
//
// # Parts
//
// A [Batch] is the newest samples of one shard. It is a circular buffer of two
// halves. The shard's owner alone writes it, and counts the samples in it from
// 0.
//
// A [History] is one atomic pointer to a value that never changes. The value
// holds:
//
//   - through: for each batch, how many of its samples are in the value
//   - packs: copies of samples, with their keys, that no generation has yet
//   - generations: older samples as the centroids of t-digests
//   - counts of these, exact ones
//
// # Steps
//
// [History.Publish] appends the samples of a batch:
//
//  1. It loads the value. From is its through for this batch.
//  2. It copies the samples from From to the given end. These are complete.
//  3. It puts a value with this pack, and a through of end, in the place of the
//     loaded value, by a CAS. If the CAS fails, the publisher begins again, and
//     keeps the copy if From has not moved.
//
// A merge loads a value and makes generations of its packs. By a CAS it puts a
// value with these generations and without these packs in its place. If packs
// were appended meanwhile, the merge keeps them and tries the CAS again. If
// another merge was faster, this merge gives up.
//
// A read publishes every batch. Then it loads one value, and answers from it
// alone.
//
// # The one rule
//
// The owner overwrites the slot of a sample only after it has loaded a value
// that has this sample ([History.Room]). The owner looks at the first slot of
// each half. If there is no room, the owner gives the shard back and publishes
// the batch. So an owner never waits for a publisher that is held up.
//
// # Why every interleaving is right
//
// A pack is never torn. Take the CAS that succeeds. The value it replaced had a
// through of From. Through only grows, so no value before this CAS had a sample
// of this batch behind From. By the one rule nobody had overwritten such a
// sample before the CAS, and the copy was made before the CAS. A copy that is
// torn belongs to a From that has moved, and the publisher discards it.
//
// Every sample is in the history once. Each value's through goes on where the
// through of the value before it ended, because both are replaced by one CAS.
// A second publisher of the same samples finds that From has moved.
//
// A publisher may be held up anywhere, because it owns nothing. Another
// publisher publishes the same samples, and the late CAS fails.
//
// A copy never reaches back by more than two halves. When the owner stored the
// last sample before end, through was at least end minus two halves, and the
// publisher loads its value later.
//
// A merge never loses a pack. Only a merge removes packs or changes
// generations, and each merge counts. If the count is that of the loaded value,
// the current packs begin with the packs of the loaded value.
//
// A read has every record that returned before it. Such a record's sample is
// counted in its shard's head. The read loads the head, publishes up to there,
// and then loads a value whose through is at least as large.
//
// Reads end. Every CAS that fails means that another publisher or merger has
// succeeded. Each batch has one end, so other recorders cannot prolong a read.
//
// # Order and forgetting
//
// Every sample has a key. Keys say which of two samples is newer. A generation
// has a key at which it begins. A merge puts each sample into the latest
// generation that begins at or before the sample's key. So the samples of a
// generation, and of all later generations, have its key or a larger one. A new
// generation begins when the latest has an eighth of the window. It begins at
// the largest key that was ever merged.
//
// Take the generation that begins at b. Let n(b) be the number of samples in
// this generation and in all later generations, and of the samples in packs
// with a key of at least b. The window begins at the smallest b with n(b) at
// most the window size. So:
//
//   - The window never has more than the window size.
//   - No sample in it has a whole window of newer samples. Newer samples would
//     have keys of at least b too, so n(b) would be larger than the window
//     size. A quiet core's samples are no exception, because their keys are
//     old.
//   - It has at least 3/4 of the window size once that many were recorded. With
//     the generation before b it would have more than the window size. That
//     generation has at most an eighth of the window, one pack, and late
//     samples. A sample comes late if it was not merged when the next
//     generation began. That is at most two halves of each core. A half is at
//     most a hundredth of the window, and all cores' halves are at most a
//     thirty-second of it (on up to 16 cores, beyond which a half has its
//     smallest size).
//
// n only grows. So a merge drops the generations that no window will have.
// Samples older than all generations are dropped unmerged.
//
// # Bounds
//
// A publisher that finds too many packs merges them. Usually a single publisher
// merges at a time, because a merge needs scratch memory. The rest pass by.
// Beyond a second limit every publisher merges, so a merger that is held up
// costs only work done twice.
//
// # Accuracy
//
// A generation is a t-digest of influxdata/tdigest with the scale function k1
// (Dunning and Ertl, "Computing Extremely Accurate Quantiles Using t-Digests",
// 2019). A centroid at rank q has a share of at most π/C·√(q(1-q)) of the
// samples. Packs have the samples themselves, so they add no error. A quantile
// is the smallest mean or sample up to which there are enough samples. Nothing
// is interpolated, so a gap between two modes costs at most the centroids that
// bridge it.
package history
