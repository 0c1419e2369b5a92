package ring

import "github.com/nodemetrics/nodemetrics/internal/history"

// Sample is an execution in a single word, so it is written and read whole:
//
//	63       62        61 … 56   55 … 0
//	failed   written   tag       nanoseconds
//
// The zero Sample is none. The tag tells a reader a sample of this lap from one
// of the lap before: see tagOf. In the shards of cores it is 0.
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

// sampleOf returns a sample without a tag.
func sampleOf(o Outcome, d uint64) Sample {
	s := Sample(written | d)
	if o != Success {
		s |= failedBit
	}
	return s
}

// Failed reports whether the execution failed.
func (s Sample) Failed() bool { return s&failedBit != 0 }

// Duration returns the nanoseconds that the execution took.
func (s Sample) Duration() uint64 { return uint64(s) & durationMask }

// tagOf returns the tag of a sample that is stored under a head without flags.
// A lap adds 2^k to the head, and 2^k times the factor to the product. The six
// highest bits of that are 010101 or 101010, so a lap changes the tag. No
// record needs to know how long its lap is.
func tagOf(head uint64) Sample { return Sample(head * tagFactor >> 2 & (tagMask << tagShift)) }

const tagFactor = 0x5555_5555_5555_5555

// tag returns the sample's tag.
func (s Sample) tag() Sample { return s & (tagMask << tagShift) }

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
