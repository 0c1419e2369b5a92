package peer

import (
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
)

// newDDSketchMutex has the sketch of the README's example, with 1 % relative
// accuracy.
func newDDSketchMutex() Registry {
	return newSketches(func() sketch { return dd{must(ddsketch.NewDefaultDDSketch(0.01))} })
}

type dd struct{ s *ddsketch.DDSketch }

// The error is of NaN, which no duration is.
func (s dd) add(d time.Duration) { _ = s.s.Add(d.Seconds()) }

func (s dd) count() uint64 { return uint64(s.s.GetCount()) }

func (s dd) median() time.Duration {
	return time.Duration(must(s.s.GetValueAtQuantile(0.5)) * float64(time.Second))
}
