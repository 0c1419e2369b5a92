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
	Stamped               // the stamp was written (sharded nodes only)
	Stored                // the sample was written
	Owing                 // a shard counted a record if it may change the verdict (sharded nodes with thresholds only)
	Unjudged              // the window could not be judged, because a reset is under way
	Released              // the shard was given back
	Looking               // a look at a window has begun
	Copied                // a look has copied the window
	Judged                // a look has written the verdict, and raised the events
	Allowed               // a look has told a shard how many records may pass before the next look
	Swapped               // a reset took the state out of the node, and has not closed it yet
	Closing               // a reset closed one of the words of the state
	Closed                // a reset closed the state
	Waiting               // a reset found somebody under way, and is about to look again
	Reading               // a read, or a reset, loaded one of many words
	Packed                // samples of a batch were copied, and are about to be published (large windows only)
	Merged                // packs were made generations, and these are about to be published (large windows only)
	Removed               // a name left the map, and a counter of names is about to be lowered
)
