package history

// Bounds are the durations above which a sample is slow, and recovering. Slow
// is at least Recovering. They never change.
type Bounds struct{ Slow, Recovering uint64 }

// Tally is exact counts of samples.
type Tally struct{ Samples, Failures, Slow, Recovering int }

// Add counts a sample n times.
func (t *Tally) Add(sample uint64, b *Bounds, n int) {
	t.Samples += n
	t.Failures += n * int(sample>>63)
	if d := sample & Duration; d > b.Recovering {
		t.Recovering += n
		if d > b.Slow {
			t.Slow += n
		}
	}
}

// Counts are a tally of samples and their extremes.
type Counts struct {
	Tally
	Min, Max uint64 // nanoseconds; 0 of no samples
}

// add counts a sample.
func (c *Counts) add(sample uint64, b *Bounds) {
	d := sample & Duration
	if c.Samples == 0 {
		c.Min = d
	}
	c.Min, c.Max = min(c.Min, d), max(c.Max, d)
	c.Tally.Add(sample, b, 1)
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
