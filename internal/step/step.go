// Package step names the steps of a record, a read, a reset and a growth.
// Between any two atomic instructions there is a step, because another
// goroutine may come there. In a build with -tags nodemetrics_step a test can
// hold a goroutine up at any step. In every other build At does nothing and
// costs nothing.
package step

// Step is a place in a record, a read, a reset or a growth. The place is just
// after the action that its name says.
type Step uint8

// The steps, in the order in which a record takes them.
const (
	Loaded    Step = iota // the node's state was loaded
	Made                  // a state or a shard was made, and is about to be put in its place
	Placed                // it or another is in its place, or its companion is next
	Aimed                 // a CAS is about to move on a loaded head, count or edge
	Contended             // a shard is owned by another record, which is about to be noted
	Owned                 // the shard was acquired, and the recorder is about to look at the state
	Acquired              // the state still takes records, so the record is on its way
	Added                 // the duration was added to the low word of the sum
	Summed                // the duration was added to the sum
	Counted               // the outcome was counted
	Claimed               // a shard was named to record alone, and its owner looks again
	Joined                // the name of a shard that records alone was taken away
	Stamped               // the stamp was written (sharded nodes only)
	Stored                // the sample was written
	Decisive              // a shard counted a record that may change the verdict
	Unjudged              // the window could not be judged, because a reset is under way
	Released              // the shard was given back
	Looking               // a look at a window has begun
	Copied                // a look has copied the window
	Judged                // a look has written the verdict, and raised the events
	Allowed               // a look has told a shard how many records may pass before the next look
	Swapped               // a reset took the state out of the node, and has not closed it yet
	Closing               // a reset closed a word of the state
	Closed                // a reset closed the state
	Waiting               // a reset found a record under way, and is about to look again
	Reading               // a read, or a reset, loaded a word of several
	Packed                // samples of a batch were copied and are about to be published
	Merged                // packs became generations, which are about to be published
	Removed               // a name left the map, and a counter of names is about to be lowered
)
