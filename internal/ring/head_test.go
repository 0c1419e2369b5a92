package ring

import (
	"math/bits"
	"testing"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/pad"
)

// sizes are the windows that the tests go through: the smallest, powers of two and their neighbours.
var sizes = []int{1, 2, 3, 7, 8, 64, 99, 100, 127, 128, 1000}

func TestHeadCountsRecordsSlotBySlotAndLapByLap(t *testing.T) {
	for _, size := range append(sizes, 65_536, 1<<30) {
		g := geometryFor(size)
		if n := g.start(); n < uint64(size) || n >= uint64(2*max(size, 1)) {
			t.Fatalf("%d slots have %d numbers", size, n)
		}
		head := g.start()
		for n := range uint64(300*min(size, 130) + 5) {
			if got := g.begun(head); got != n || g.ended(head|busy) != n || g.begun(head|frozen) != n || g.begun(head|busy) != n+1 {
				t.Fatalf("size %d: %d records, want %d; %d frozen, %d with one under way", size, got, n,
					g.begun(head|frozen), g.begun(head|busy))
			}
			slot, lap := n%uint64(size), 1+n/uint64(size)
			for _, head := range []uint64{head, head | busy, head | frozen, head | flags} {
				if g.slot(head) != slot || g.lap(head) != lap {
					t.Fatalf("size %d, record %d, head %#x: slot %d of lap %d", size, n, head, g.slot(head), g.lap(head))
				}
			}
			next := g.after(head)
			if tagOf(head) == tagOf(head+g.start()) {
				t.Fatalf("size %d, record %d: the tag is that of the lap before", size, n)
			}
			if next <= head {
				t.Fatalf("size %d, record %d: %#x, then %#x", size, n, head, next)
			}
			head = next
		}
		shift := bits.Len32(g.mask)
		last := head&uint64(g.mask) | (1<<62-1)>>shift<<shift // a lap that fills its bits
		if g.lap(last) != (1<<62-1)>>shift || last >= frozen {
			t.Fatalf("size %d: the last lap reaches into the flags", size)
		}
	}
}

func TestSampleKeepsEveryBitOfADuration(t *testing.T) {
	for bit := range 56 {
		for _, d := range []uint64{1 << bit, 1<<bit - 1, MaxDuration &^ (1 << bit), MaxDuration} {
			for o := range Outcome(Outcomes) {
				s := sampleOf(o, d) | tagOf(d)
				if s.Duration() != d || s.Failed() != (o != Success) || s == 0 || s.tag() != tagOf(d) {
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
			r.Init(window, nil, nil)
			r.Spread(2)
			r.cores.Load().shards[0].Store(r.cores.Load().newShard(0))
			kept = append(kept, r)
			for what, at := range map[string]unsafe.Pointer{
				"a ring":         unsafe.Pointer(r),
				"its slots":      unsafe.Pointer(&r.slots[0]),
				"a core's shard": unsafe.Pointer(r.cores.Load().shards[0].Load()),
				"its slots too":  unsafe.Pointer(&r.cores.Load().shards[0].Load().slots[0]),
			} {
				// On a 32-bit platform Go's allocator puts 8 bytes in front of a
				// shard, because it is larger than 128 bytes and has pointers.
				if what == "a core's shard" && unsafe.Sizeof(uintptr(0)) == 4 {
					continue
				}
				if uintptr(at)%pad.Line != 0 {
					t.Fatalf("window %d: %s begins at %p, within a line", window, what, at)
				}
			}
		}
	}
}
