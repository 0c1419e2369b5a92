//go:build gc && !nodemetrics_portable && !nodemetrics_step

package ring

import (
	"testing"
	"testing/synctest"
)

// A collector may be a package variable of a program whose tests use bubbles.
func TestRecordsInABubbleAndOutsideAreInOneOrder(t *testing.T) {
	const size = 3
	var r Ring
	r.Init(size, nil, nil)
	r.Spread(2)
	fill(&r, size)
	d := uint64(1000)
	check := func(where string) {
		t.Helper()
		var b Reader
		for i := range uint64(2 * size) {
			d++
			r.Record(Success, d, 0)
			window, newest := b.Window(&r)
			own := uint64(0)
			for _, s := range window {
				if s.Duration() > d-size {
					own++
				}
			}
			if newest.Duration() != d || own < min(i+1, size) {
				t.Fatalf("%s, after record %d: the newest is %d, and %d of the newest %d are there", where, d, newest.Duration(), own, size)
			}
		}
	}
	check("outside")
	for range 2 {
		synctest.Test(t, func(t *testing.T) { check("in a bubble") })
		check("outside again")
	}
}
