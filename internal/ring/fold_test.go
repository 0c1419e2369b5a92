package ring

import (
	"runtime"
	"testing"
)

// foldEach records n samples with durations from d on, and folds whenever a segment is full.
func foldEach(r *Ring, n int, d uint64) {
	for i := range uint64(n) {
		r.Record(Success, d+i)
		r.Fold()
	}
}

func TestGenerationsAreEighthsOfAWindow(t *testing.T) {
	const window, segment = 8192, 8192 / parts
	r := newDigestRing(window)
	generation := func() (full int, open int) {
		all := r.stream.folded.Load().generations
		for _, g := range all[:len(all)-1] {
			if g.samples != window/generations {
				t.Fatalf("a generation has %d samples, want %d", g.samples, window/generations)
			}
		}
		return len(all) - 1, all[len(all)-1].samples
	}
	foldEach(r, smallWindow+1, 0) // which is not folded before; the newest sample is in a segment of its own
	if full, open := generation(); full != 3 || open != window/generations {
		t.Fatalf("%d generations, and one of %d samples", full, open)
	}
	for r.stream.folded.Load().ever < 3*window {
		foldEach(r, segment, 0)
		folded := int(r.stream.folded.Load().ever)
		full, open := generation()
		if want := (folded-1)%(window/generations) + 1; open != want {
			t.Fatalf("after %d samples the newest generation has %d, want %d", folded, open, want)
		}
		// The oldest is forgotten as soon as the others are seven eighths.
		want := min((folded-1)/(window/generations), 7)
		if open == window/generations {
			want = min(want, 6)
		}
		if full != want {
			t.Fatalf("after %d samples there are %d full generations, want %d", folded, full, want)
		}
	}
}

func TestAGenerationIsGoneOnWithFromFoldToFold(t *testing.T) {
	r := newDigestRing(1 << 20)
	for i := range uint64(50_000) {
		if r.Record(Success, i); i%100 == 0 {
			r.Fold()
		}
	}
	if all := r.stream.folded.Load().generations; len(all) != 1 || all[0].samples < 45_000 {
		t.Errorf("there are %d generations of %d samples", len(all), r.stream.folded.Load().samples)
	}
}

func TestFoldersOfOneProcessKeepTheirCompression(t *testing.T) {
	const window = 100_000
	coarse, fine := new(Ring), new(Ring)
	coarse.InitDigest(window, 20, func() {})
	fine.InitDigest(window, 500, func() {})
	random := uint64(1)
	for i := range window / 2 {
		random = random*6364136223846793005 + 1442695040888963407
		coarse.Record(Success, random>>40)
		fine.Record(Success, random>>40)
		if i%1000 == 0 {
			coarse.Fold()
			fine.Fold()
		}
	}
	few, many := len(coarse.stream.folded.Load().generations[0].centroids), len(fine.stream.folded.Load().generations[0].centroids)
	if few > 100 || many < 500 {
		t.Errorf("a coarse generation has %d centroids, a fine one %d", few, many)
	}
}

// What a lane got before a generation began is not left behind when that generation is forgotten.
func TestSamplesOfALaneThatHasBecomeIdleAreForgotten(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const window, burst = 8192, 1 << 40
	r := newDigestRing(window)
	cores := spreadOver(r, 2)
	foldEach(r, window, 0)
	putInto(cores.shards[1].Load(), Success, burst)
	foldEach(r, window+window/4, 0)
	var b Reader
	if v := b.Digest(r); v.Max >= burst || v.Samples > window {
		t.Errorf("a window later the burst is still there: %+v", v)
	}
}

func TestAFoldThatAnotherOwnsIsDoneByThatOne(t *testing.T) {
	scheduled := 0
	r := new(Ring)
	r.InitDigest(8192, 100, func() { scheduled++ })
	for i := range uint64(smallWindow + 100) {
		r.Record(Success, i)
	}
	scheduled = 0
	r.stream.owner.Store(folding) // somebody's
	for range 3 {
		if r.Fold(); r.stream.owner.Load() != foldAgain || r.stream.folded.Load().ever != 0 || scheduled != 0 {
			t.Fatalf("owner %d, %d folded, scheduled %d times", r.stream.owner.Load(), r.stream.folded.Load().ever, scheduled)
		}
	}
	r.stream.owner.Store(idle)
	if r.Fold(); r.stream.owner.Load() != idle || r.stream.folded.Load().ever == 0 {
		t.Fatal("nothing was folded")
	}
	for folds := 0; scheduled > 0; folds++ {
		if scheduled = 0; folds > 3 {
			t.Fatal("there is no end of it")
		}
		r.Fold()
	}
}

// A lane with few samples of now is newer than one with many of before, though their numbers in it are smaller.
func TestFoldingGoesByTime(t *testing.T) {
	const window = 8192
	r := newDigestRing(window)
	cores := spreadOver(r, 2)
	for range window {
		putInto(cores.shards[0].Load(), Success, 1)
	}
	for range window / 2 {
		putInto(cores.shards[1].Load(), Success, 2)
	}
	r.Fold()
	var b Reader
	v := b.Digest(r)
	if before, now := b.Quantile(&v, 0.4), b.Quantile(&v, 0.6); before != 1 || now != 2 {
		t.Errorf("of %d samples p40 is %d, p60 %d: half are the newest, of 2", v.Samples, before, now)
	}
}

func TestFoldingIsCalledForABatchOfAllLanes(t *testing.T) {
	scheduled := 0
	r := new(Ring)
	r.InitDigest(1<<20, 100, func() { scheduled++ })
	cores := spreadOver(r, 2)
	put := func(core, n int) (due int) {
		for range n {
			head, _ := cores.shards[core].Load().acquire()
			if cores.shards[core].Load().lane.put(sampleOf(Success, 1, 0), 1) {
				due++
			}
			cores.shards[core].Load().head.Store(head)
		}
		return due
	}
	const size = maxSegment / 2
	if due := put(0, size+1) + put(1, size); due != 0 {
		t.Errorf("due %d times before there is a batch", due)
	}
	if due := put(0, size); due != 0 {
		t.Errorf("due %d times for %d samples", due, 2*size)
	}
	if due := put(1, 1); due != 1 {
		t.Errorf("due %d times when there are %d samples, a batch", due, 3*size)
	}
}

func TestBatchesAreLittleOfTheWindow(t *testing.T) {
	for _, test := range []struct {
		window            int
		batch, maxBacklog int64
	}{{5000, 25, 625}, {20_000, 100, 2500}, {1 << 20, maxBatch, 4 * maxBatch}} {
		s := newDigestRing(test.window).stream
		if s.batch != test.batch || s.maxBacklog != test.maxBacklog {
			t.Errorf("window %d: batches of %d and a backlog of %d, want %d and %d", test.window, s.batch, s.maxBacklog,
				test.batch, test.maxBacklog)
		}
	}
}

// However long they are while recorders are ahead, segments are at most a 128th of a window: thresholds depend on it.
func TestSegmentsOfAllLanesAreAsManySlots(t *testing.T) {
	for _, test := range []struct{ window, index, lanes, size, longer int }{
		{1 << 20, firstLane, 1, maxSegment, maxLonger},
		{1 << 20, coreLanes, 4, maxSegment / 4, maxLonger},
		{1 << 20, coreLanes + 3, 4, maxSegment / 4, maxLonger},
		{1 << 20, coreLanes + 4, 4, maxSegment / 32, 256}, // one more
		{64_000, firstLane, 1, 500, 500},
		{64_000, coreLanes, 4, 125, 125},
		{1 << 17, coreLanes, 1, 1024, 1024},
		{1 << 17, coreLanes, 4, 256, 256},
		{5000, coreLanes, 16, minSegment, minSegment},
	} {
		l := newDigestRing(test.window).stream.newLane(test.index, test.lanes)
		if l.size != test.size || l.longer != test.longer {
			t.Errorf("lane %d of %d for a window of %d: %d slots, and %d when ahead; want %d and %d", test.index, test.lanes,
				test.window, l.size, l.longer, test.size, test.longer)
		}
	}
}

func TestWhatHasAWindowOfNewerSamplesIsForgottenUnseen(t *testing.T) {
	const window = 8192
	for _, waiting := range []int{window, window + 100, 3 * window, 20 * window} {
		r := newDigestRing(window)
		for i := range uint64(waiting) {
			r.Record(outcomeOf(i), i)
		}
		f := newFolder(r.stream, new(buffers))
		f.take(r.stream.first, false)
		f.sort()
		samples := 0
		for _, at := range f.recent() {
			samples += int(at.filled.Load())
		}
		if taken := int(f.samples); samples > window+r.stream.first.longer || samples < min(taken, window) ||
			f.next.ever != uint64(taken-samples) {
			t.Errorf("of %d samples %d are folded, and %d counted", taken, samples, f.next.ever)
		}
		checkStream(t, r, window, uint64(waiting))
		r.Fold()
		checkStream(t, r, window, uint64(waiting))
	}
}

func TestAReaderOfManyRingsHasTheCompressionOfEach(t *testing.T) {
	var b Reader
	for _, compression := range []float64{20, 500, 20} {
		r := new(Ring)
		r.InitDigest(50_000, compression, func() {})
		random := uint64(1)
		for i := range 40_000 {
			random = random*6364136223846793005 + 1442695040888963407
			if r.Record(Success, random>>40); i%500 == 0 {
				r.Fold()
			}
		}
		b.Digest(r)
		if n := len(b.Centroids()); float64(n) < compression || float64(n) > 5*compression {
			t.Errorf("a window with compression %v is read as %d centroids", compression, n)
		}
	}
}

// A step of packing is short, whatever it is: a record does one.
func TestAStepOfGroupingMakesFewGroups(t *testing.T) {
	s := newSegment(newSlots(maxPack))
	for i := range s.slots {
		s.slots[i].Store(uint64(sampleOf(Success, uint64(i*i), 0)))
	}
	s.filled.Store(maxPack)
	var p packing
	p.start(1e9, s) // so fine that each sample is a centroid
	for before := 0; p.phase != nothing; before = len(p.groups) {
		if p.step(); len(p.groups) > before+stepGroups {
			t.Fatalf("a step makes %d groups", len(p.groups)-before)
		}
	}
	if len(p.groups) != maxPack {
		t.Errorf("there are %d groups of %d samples", len(p.groups), maxPack)
	}
}
