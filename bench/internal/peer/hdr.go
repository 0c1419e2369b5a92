package peer

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// newHDRMutex has a histogram of a microsecond to an hour with three
// significant digits.
func newHDRMutex() Registry {
	return newSketches(func() sketch {
		return hdr{hdrhistogram.New(int64(time.Microsecond), int64(time.Hour), 3)}
	})
}

type hdr struct{ h *hdrhistogram.Histogram }

// The error is of a duration out of range, which is none of ours.
func (s hdr) add(d time.Duration) { _ = s.h.RecordValue(int64(d)) }

func (s hdr) count() uint64 { return uint64(s.h.TotalCount()) }

func (s hdr) median() time.Duration { return time.Duration(s.h.ValueAtQuantile(50)) }
