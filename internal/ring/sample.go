package ring

import "github.com/nodemetrics/nodemetrics/internal/history"

// Sample is an execution in a single word, so it is written and read whole:
//
//	63       62        61 … 56   55 … 0
//	failed   written   tag       nanoseconds
//
// The zero Sample is none. The tag is the lap of the sample's slot, modulo 64.
// A reader tells by the tag a sample of this lap from a sample of the lap
// before. In large windows the tag is 0.
type Sample uint64

const (
	failedBit    = history.Failed // large windows have the same bits
	written      = 1 << 62
	tagShift     = 56
	tagMask      = 63
	durationMask = history.Duration
)

// MaxDuration is the longest duration that a Sample holds, in nanoseconds.
const MaxDuration = durationMask

func sampleOf(o Outcome, d, lap uint64) Sample {
	s := Sample(written | lap&tagMask<<tagShift | d)
	if o != Success {
		s |= failedBit
	}
	return s
}

// Failed reports whether the execution failed.
func (s Sample) Failed() bool { return s&failedBit != 0 }

// Duration returns the nanoseconds that the execution took.
func (s Sample) Duration() uint64 { return uint64(s) & durationMask }

// of reports whether the sample is of a lap, or of a lap 64 before or after.
func (s Sample) of(lap uint64) bool { return s != 0 && (uint64(s)>>tagShift^lap)&tagMask == 0 }

// above reports in one comparison whether the execution failed or took longer
// than bound, because a failure's bit is above every duration.
func (s Sample) above(bound uint64) bool { return uint64(s)&^(written|tagMask<<tagShift) > bound }

// Outcome is how an execution ended: Success, or a kind of failure from 1 to
// Outcomes-1.
type Outcome uint8

// Success is the outcome of an execution without an error.
const Success Outcome = 0

// Outcomes is how many outcomes there are.
const Outcomes = 5
