package ring

// Sample is one execution in one word, so that it is written and read whole:
//
//	63       62 … 56   55 … 0
//	failed   lap       nanoseconds
//
// The lap is that of the ticket, modulo 128: a slot whose lap is not its ticket's has not been written yet. No lap is a
// multiple of 128, so a slot that was never written, which is the zero word, is like no sample.
type Sample uint64

const (
	lapShift     = 56
	lapTag       = 127 << lapShift
	failedBit    = 1 << 63
	durationMask = 1<<lapShift - 1
)

// MaxDuration is the longest duration that a Sample holds, in nanoseconds.
const MaxDuration = durationMask

func sampleOf(o Outcome, lap, d uint64) Sample {
	s := Sample(lap<<lapShift&lapTag | d)
	if o != Success {
		s |= failedBit
	}
	return s
}

// Failed reports whether the execution failed.
func (s Sample) Failed() bool { return s&failedBit != 0 }

// Duration returns the nanoseconds that the execution took.
func (s Sample) Duration() uint64 { return uint64(s) & durationMask }

// lapped returns how far the lap of s is behind lap, which is not before it, modulo 128.
func (s Sample) lapped(lap uint64) uint64 { return (lap - uint64(s)>>lapShift) & 127 }

// above reports in one comparison whether the execution failed or took longer than bound: a failure's bit is higher
// than every duration's.
func (s Sample) above(bound uint64) bool { return uint64(s)&^lapTag > bound }

// Outcome is how an execution ended: Success, or a kind of failure from 1 to Outcomes-1.
type Outcome uint8

// Success is the outcome of an execution without an error.
const Success Outcome = 0

// Outcomes is how many outcomes there are.
const Outcomes = 5
