package ring

import (
	"testing"
	"testing/synctest"

	"github.com/nodemetrics/nodemetrics/internal/history"
)

// Records of a bubble do not displace the records that come after it, in builds
// too whose clock is that of the bubble.
func TestALargeWindowIsOfTheNewestAfterABubble(t *testing.T) {
	const window = 10_000
	var r Ring
	r.InitDigest(window, 100, history.Bounds{Slow: MaxDuration, Recovering: MaxDuration}, nil)
	r.Spread(1)
	record := func(d uint64) {
		for range 3 * window {
			r.Record(Success, d, 0)
		}
	}
	synctest.Test(t, func(*testing.T) { record(1) })
	record(2)
	var b Reader
	if v := b.Digest(&r); v.Min != 2 || v.Samples < window*3/4 {
		t.Errorf("the window has %d samples, the shortest is %d; want the records behind the bubble alone", v.Samples, v.Min)
	}
}
