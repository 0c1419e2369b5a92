// Package life keeps the records of one node, from its first to its last. It
// loses no record and doubles none, beside resets and until the node is
// forgotten.
//
// # States
//
// A [State] is everything that a reset clears. It hangs off one pointer, so a
// reset takes it away whole. The pointer of a [Node] is one of three:
//
//	none       the node takes records, and has none since its last reset
//	forgotten  the node takes no more records, for ever
//	else       the node takes records, and these are there
//
// All nodes share the states none and forgotten, which are closed. So records
// pay nothing for them. The ring refuses the record, and only then the recorder
// looks at the pointer.
//
// A reset swaps the pointer and closes the old state. A recorder that still
// holds the old state can add nothing more, and goes to the new state. The
// reset then waits until the recorders that had begun to add have ended. After
// that the old state is final. [ring.Ring.Close] proves that no record is lost
// or doubled. Counts have a CLOSED bit of their own.
//
// A state that a reset has closed takes nothing, and the pointer was moved on
// before that. So the next round of a recorder finds another state.
//
// # Forgotten
//
// To forget a node is to reset it with forgotten in the place of none. Either
// the reset clears a record, or the recorder finds forgotten. The recorder's
// caller then goes to the node's successor. Package registry proves that a name
// has one node that takes records.
//
// The events of a name stay in order. The reset that forgets a node raises its
// recoveries after it made the node forgotten. A successor inherits that reset,
// so nothing judges the successor before. A node leaves the map only after all
// its resets have ended, so a later node of its name has nothing to inherit.
package life
