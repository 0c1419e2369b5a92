package history

// Bounds are the durations above which a sample is slow, and recovering. They
// never change.
type Bounds struct{ Slow, Recovering uint64 }

// Counts are exact counts of samples.
type Counts struct {
	Samples, Failures, Slow, Recovering int
	Min, Max                            uint64 // nanoseconds; 0 of no samples
}

// add counts a sample.
func (c *Counts) add(sample uint64, b *Bounds) {
	d := sample & Duration
	if c.Samples == 0 {
		c.Min = d
	}
	c.Samples++
	c.Failures += int(sample >> 63)
	c.Min, c.Max = min(c.Min, d), max(c.Max, d)
	if d > b.Recovering {
		c.Recovering++
	}
	if d > b.Slow {
		c.Slow++
	}
}

// addAll adds the counts of other samples.
func (c *Counts) addAll(o Counts) {
	if c.Samples == 0 || o.Samples > 0 && o.Min < c.Min {
		c.Min = o.Min
	}
	c.Max = max(c.Max, o.Max)
	c.Samples += o.Samples
	c.Failures += o.Failures
	c.Slow += o.Slow
	c.Recovering += o.Recovering
}
