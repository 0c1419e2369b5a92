// Package step names the steps of a record between which another goroutine may come. In a build with
// -tags nodemetrics_step a test can hold a recorder up at any of them; in every other build At is nothing at all.
package step

// Step is a place in a record, a reset or a growth: just after what its name says.
type Step uint8

// The steps, in the order in which a record takes them.
const (
	Loaded   Step = iota // the node's state was loaded
	Acquired             // the shard is the recorder's; in t-digests: a ticket was taken
	Summed               // the duration was added to the sum
	Counted              // the outcome was counted
	Stamped              // the stamp was written (sharded nodes only)
	Stored               // the sample was written
	Looking              // a look at a window has begun
	Copied               // a look has copied the window
	Judged               // a look has judged the window, and is about to write the verdict
	Swapped              // a reset took the state out of the node, and has not closed it yet
	Closed               // a reset closed the state
	Folding              // a segment was packed, and is about to be published as folded
)
