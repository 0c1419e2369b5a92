// Package step names the steps of a record, a read, a reset and a growth between which another goroutine may come: there
// is one between any two atomic instructions. In a build with -tags nodemetrics_step a test can hold a goroutine up at
// any of them; in every other build At is nothing at all.
package step

// Step is a place in a record, a read, a reset or a growth: just after what its name says.
type Step uint8

// The steps, in the order in which a record takes them.
const (
	Loaded    Step = iota // the node's state was loaded
	Made                  // a state or a shard was made, and is about to be put in its place
	Placed                // it was put there, or another one was; or what goes with it is about to be
	Aimed                 // a word was loaded, and is about to be moved on by a CAS: a head, a count of retries, an edge
	Contended             // a shard was found owned by another record, and this is about to be noted
	Owned                 // the shard was acquired, and the recorder is about to look whether records still go there
	Acquired              // they do: the record is on its way
	Added                 // the duration was added to the low word of the sum
	Summed                // the duration was added to the sum
	Counted               // the outcome was counted
	Tallying              // one of the running counts knows it (nodes with thresholds only)
	Stamped               // the stamp was written (sharded nodes only)
	Stored                // the sample was written
	Released              // the shard was given back
	Checking              // a record has begun to compare the verdict with what it recorded
	Looking               // a look at a window has begun
	Copied                // a look has copied the window
	Judged                // a look has judged the window, and is about to write the verdict
	Swapped               // a reset took the state out of the node, and has not closed it yet
	Closing               // a reset closed one of the words of the state
	Closed                // a reset closed the state
	Waiting               // a reset found somebody under way, and is about to look again
	Reading               // a read, or a reset, loaded one of many words
	Packed                // samples of a batch were copied, and are about to be published (large windows only)
	Merged                // packs were made generations, and these are about to be published (large windows only)
)
