//go:build gc && !nodemetrics_portable && !nodemetrics_step

package atomicmetrics

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// A collector may be a package variable of a program whose tests use bubbles.
func TestRecordsInABubbleAndOutsideAreInOneOrder(t *testing.T) {
	c := MustNew(WithWindowSize(3), WithLogger(zerolog.Nop()), WithThresholds(Thresholds{FailureRate: 0.5}))
	n := c.Node("n")
	n.RecordSuccess(1)
	n.state.Load().ring.Spread(2)
	d := time.Duration(1)
	check := func(where string) {
		t.Helper()
		for range 10 {
			d++
			n.RecordFailureAs(d, CategoryOther)
			if m := n.Metrics(); m.LastExecution != d || m.WindowMin < d-2 || m.WindowSamples != int(min(d, 3)) {
				t.Fatalf("%s, after record %d: %+v", where, d, m)
			}
		}
	}
	check("outside")
	for range 2 {
		synctest.Test(t, func(t *testing.T) { check("in a bubble") })
		check("outside again")
	}
}
