// Package window reads the window of a ring. A [Window] has exact counts, and
// answers for quantiles and for a sketch, whether the ring keeps samples or a
// digest.
package window

import (
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/history"
	"github.com/nodemetrics/nodemetrics/internal/quantile"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/sketch"
)

// A Reader has the buffers of a read. The zero Reader is ready. It is for one
// goroutine at a time.
type Reader struct {
	ring      ring.Reader
	durations []uint64        // of a window, in nanoseconds
	sorted    quantile.Sorter // of the same
}

// A Window is a copy of a ring's window. It is good until its Reader reads
// again.
type Window struct {
	Samples, Failures int
	Newest            time.Duration // 0 if the window is empty

	reader *Reader
	large  *history.Reader // nil if the ring keeps samples
}

// Read copies the window of a ring.
func (r *Reader) Read(g *ring.Ring) Window {
	if g.Digested() {
		w := r.ring.Digest(g)
		return Window{w.Samples, w.Failures, time.Duration(w.Newest & history.Duration), r, w}
	}
	samples, newest := r.ring.Window(g)
	failures := r.sort(samples)
	return Window{len(samples), failures, time.Duration(newest.Duration()), r, nil}
}

// sort puts the durations of the samples into r.sorted. It returns how many
// samples failed.
func (r *Reader) sort(samples []ring.Sample) (failures int) {
	r.durations = slices.Grow(r.durations[:0], len(samples))[:len(samples)]
	for i, s := range samples {
		r.durations[i] = s.Duration()
		if s.Failed() {
			failures++
		}
	}
	r.sorted.Set(r.durations)
	return failures
}

// Quantile returns the quantile q of a window that is not empty.
func (w *Window) Quantile(q float64) time.Duration {
	if w.large != nil {
		return time.Duration(w.large.Quantile(q))
	}
	return time.Duration(w.reader.sorted.Quantile(q))
}

// Quantiles returns quantiles of the window, nil if it is empty.
func (w *Window) Quantiles(q []float64) []time.Duration {
	if w.Samples == 0 {
		return nil
	}
	quantiles := make([]time.Duration, len(q))
	for i := range q {
		quantiles[i] = w.Quantile(q[i])
	}
	return quantiles
}

// Sketch returns the sketch of a window that is not empty.
func (w *Window) Sketch() sketch.Sketch {
	if w.large != nil {
		return sketch.Fit(w.large.Centroids(), time.Duration(w.large.Min), time.Duration(w.large.Max))
	}
	return sketch.Of(w.reader.sorted.All())
}
