package ring

import (
	"testing"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/pad"
)

// sizes are the windows that the tests go through: the smallest, powers of two and their neighbours.
var sizes = []int{1, 2, 3, 7, 8, 64, 99, 100, 127, 128, 1000}

// lapNumber counts laps as heads do: from 1, without the multiples of 128.
func lapNumber(laps uint64) uint64 { return 1 + laps + laps/127 }

func TestHeadCountsTicketsSlotBySlotAndLapByLap(t *testing.T) {
	for _, size := range append(sizes, 65_536, 1<<30) {
		g := geometryFor(size)
		head := g.start()
		for n := range uint64(300*min(size, 130) + 5) {
			if got := g.issued(head); got != n {
				t.Fatalf("size %d: %d tickets issued, want %d", size, got, n)
			}
			if slot, lap := g.slot(head), g.lap(head); slot != n%uint64(size) || lap != lapNumber(n/uint64(size)) {
				t.Fatalf("size %d, ticket %d: slot %d of lap %d", size, n, slot, lap)
			}
			next := g.after(head)
			if next <= head || g.before(next) != head {
				t.Fatalf("size %d, ticket %d: %#x, then %#x, before which is %#x", size, n, head, next, g.before(next))
			}
			if g.lap(head|flags) != g.lap(head) || g.slot(head|flags) != g.slot(head) || g.issued(head|flags) != n {
				t.Fatalf("size %d, ticket %d: flags change what the head says", size, n)
			}
			head = next
		}
		last := head&(1<<g.shift-1) | (1<<62-1)>>g.shift<<g.shift // a lap that fills its bits
		if g.lap(last) != (1<<62-1)>>g.shift || last >= sharded {
			t.Fatalf("size %d: the last lap reaches into the flags", size)
		}
	}
}

func TestSampleKeepsEveryBitOfADuration(t *testing.T) {
	for bit := range lapShift {
		for _, d := range []uint64{1 << bit, 1<<bit - 1, MaxDuration &^ (1 << bit), MaxDuration} {
			for o := range Outcome(Outcomes) {
				s := sampleOf(o, 200, d)
				if s.Duration() != d || s.Failed() != (o != Success) || s.lapped(200) != 0 || s.lapped(203) != 3 {
					t.Fatalf("outcome %d, %d ns: %#x", o, d, s)
				}
				if s.above(d) != (o != Success) || d > 0 && !s.above(d-1) {
					t.Fatalf("outcome %d, %d ns: wrong about what it is above", o, d)
				}
			}
		}
	}
}

// kept makes what a test allocates escape to the heap.
var kept []*Ring

func TestWhatRecordsWriteSharesNoCacheLine(t *testing.T) {
	var r Ring
	var s coreShard
	if end := unsafe.Offsetof(r.first) + unsafe.Sizeof(r.first); unsafe.Offsetof(r.geometry) < pad.Line || end > pad.Line {
		t.Errorf("the first shard ends at %d, what is only read begins at %d", end, unsafe.Offsetof(r.geometry))
	}
	if unsafe.Sizeof(r)%pad.Line != 0 {
		t.Errorf("a Ring has %d bytes, which is not whole lines of %d", unsafe.Sizeof(r), pad.Line)
	}
	if unsafe.Offsetof(s.geometry)%pad.Line != 0 {
		t.Errorf("a core's shard has its counters on the line of what is only read, at %d", unsafe.Offsetof(s.geometry))
	}
	for _, window := range sizes {
		for range 9 {
			r := new(Ring)
			r.Init(window, nil)
			r.Spread(2)
			r.cores.Load().shards[0].Store(newCoreShard(window))
			kept = append(kept, r)
			for what, at := range map[string]unsafe.Pointer{
				"a ring":         unsafe.Pointer(r),
				"its slots":      unsafe.Pointer(&r.slots[0]),
				"a core's shard": unsafe.Pointer(r.cores.Load().shards[0].Load()),
				"its slots too":  unsafe.Pointer(&r.cores.Load().shards[0].Load().slots[0]),
			} {
				if uintptr(at)%pad.Line != 0 {
					t.Fatalf("window %d: %s begins at %p, within a line", window, what, at)
				}
			}
		}
	}
}
