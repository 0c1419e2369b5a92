package core

// ID returns the number of the processor that runs the caller, from 0. It is a hint: by the time it returns the
// goroutine may run elsewhere.
func ID() int {
	id := Pin()
	Unpin()
	return id
}
