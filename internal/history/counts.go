package history

import "math"

// Bounds are the durations above which a sample is slow, and slowish. They
// never change.
type Bounds struct{ Slow, Slowish uint64 }

// Counts are exact counts of samples.
type Counts struct {
	Samples, Failures, Slow, Slowish int
	Min, Max                         uint64 // nanoseconds; of no samples Max is 0
}

// add counts a sample.
func (c *Counts) add(sample uint64, b *Bounds) {
	d := sample & Duration
	one := Counts{Samples: 1, Min: d, Max: d}
	if sample&Failed != 0 {
		one.Failures = 1
	}
	if d > b.Slow {
		one.Slow = 1
	}
	if d > b.Slowish {
		one.Slowish = 1
	}
	c.addAll(one)
}

// addAll adds the counts of other samples.
func (c *Counts) addAll(o Counts) {
	if c.Samples == 0 {
		c.Min = math.MaxUint64
	}
	if o.Samples > 0 {
		c.Min = min(c.Min, o.Min)
	}
	c.Max = max(c.Max, o.Max)
	c.Samples += o.Samples
	c.Failures += o.Failures
	c.Slow += o.Slow
	c.Slowish += o.Slowish
}
