package atomicmetrics

import (
	"slices"
	"testing"
	"time"
)

// A script is a node's thresholds and window, four bytes, and then a byte for each step, with the arguments behind it.
// The node and the model agree at every step.
func FuzzScript(f *testing.F) {
	fails, slow, heals := []byte{stepFailure, 9}, []byte{stepSuccess, 250}, []byte{stepSuccess, 1}
	phases := slices.Concat(slices.Repeat(fails, 6), []byte{stepRetry, 3}, slices.Repeat(heals, 30), slices.Repeat(slow, 5),
		[]byte{stepSpread}, slices.Repeat(heals, 9), []byte{stepReset}, slices.Repeat(fails, 3), []byte{stepLong, stepReset}, heals)
	for window := range byte(12) {
		f.Add(append([]byte{window, window, window, 2 * window}, phases...))
		f.Add(append([]byte{7 * window, 3, 100, window}, phases...))
	}
	f.Add([]byte{0, 64, 1, 1, stepSpread, stepRetry, 0, stepSpread, stepReset, stepReset, stepFailure, 0, stepSpread, stepReset})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 2000)]
		next := func() (b byte) {
			if len(script) > 0 {
				b, script = script[0], script[1:]
			}
			return b
		}
		size := 1 + int(next())
		both := newTwins(t, size, Thresholds{
			FailureRate: float64(next()%128) / 128,
			Latency:     time.Duration(next()),
			MinSamples:  int(next()) % (size + 1),
			Recovery:    float64(size%5) / 4,
		})
		for len(script) > 0 {
			both.step++
			switch step := next() % steps; step {
			case stepSuccess:
				both.record(sampleOfModel{d: time.Duration(next())}, false)
			case stepFailure:
				d := next()
				both.record(sampleOfModel{time.Duration(d), true, Category(d % byte(categories))}, d&4 == 0)
			case stepLong:
				both.record(sampleOfModel{d: MaxDuration}, false)
			case stepRetry:
				both.retry(int(int8(next())))
			case stepReset:
				both.reset()
			case stepSpread:
				both.spread()
			case stepEvents:
				both.checkEvents()
			}
			both.checkMetrics()
		}
		both.checkEvents()
	})
}

// The steps of a script.
const (
	stepSuccess byte = iota
	stepFailure
	stepLong
	stepRetry
	stepReset
	stepSpread
	stepEvents
	steps
)
