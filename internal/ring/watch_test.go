package ring

import (
	"slices"
	"testing"
)

func TestTheOwnerSeesItsSampleAndHasItJudgedOnce(t *testing.T) {
	const size = 3
	var r Ring
	var b Reader
	able, judged := true, 0
	w := newWatch(100, 50)
	w.Judge = func(s Stats) bool {
		window := b.Owned(&r)
		if got := r.watch.Count(window); got != s {
			t.Errorf("the owner's window has %+v, and the counts are %+v", got, s)
		}
		if able {
			judged = s.Samples
		}
		return able
	}
	var unjudged int
	w.Unjudged = func() { unjudged++ }
	r.Init(size, nil, w)
	for i := range 2 * size {
		r.Record(1, uint64(i)*60, 0)
	}
	if judged != size || unjudged != 0 {
		t.Errorf("%d samples were judged, and %d records were not", judged, unjudged)
	}
	able, judged = false, 0
	r.Record(1, 1, 0)
	if unjudged != 1 || r.Rejudge() {
		t.Errorf("%d records were not judged, want 1 that stays so", unjudged)
	}
	able = true
	if !r.Rejudge() || judged != size {
		t.Errorf("%d samples were judged again, want %d", judged, size)
	}
	judged = 0
	if !r.Rejudge() || judged != 0 {
		t.Error("a window was judged twice")
	}
	r.Spread(2)
	w.unjudged = true
	if !r.Rejudge() || judged != 0 {
		t.Error("the first shard of a spread ring was judged")
	}
}

func TestALookIsDueAfterTheRecordsThatAreAllowed(t *testing.T) {
	var r Ring
	var b Reader
	due := 0
	w := newWatch(100, 50)
	w.Due = func(int64) { due++ }
	r.Init(10, nil, w)
	r.Spread(2)
	r.Record(Success, 1, 0)
	if due != 1 || !r.Due() {
		t.Errorf("%d looks are due after the first record of a shard, want 1", due)
	}
	fill(&r, 1) // so that the looker sees each shard that the recorder may use
	for _, calm := range []bool{false, true} {
		w.Calm.Store(calm)
		for _, allowed := range []int{1, 2, 7, 50} {
			b.Mark(&r)
			b.Allow(&r, allowed)
			if r.Due() {
				t.Fatalf("calm %v, %d allowed: a look is due at once", calm, allowed)
			}
			due = 0
			records := 0
			for ; due == 0; records++ {
				if calm {
					if r.Record(Success, 100, 0); due > 0 {
						t.Fatalf("%d allowed: a healthy record made a look due in a calm ring", allowed)
					}
				}
				r.Record(Outcome(records%2), 101, 0)
			}
			if records > max(2, allowed) || !r.Due() {
				t.Errorf("calm %v, %d allowed: a look is due after %d records", calm, allowed, records)
			}
		}
	}
	b.Mark(&r)
	if b.Allow(&r, 0); !r.Due() {
		t.Error("no look is due, and no record is allowed")
	}
}

func TestMarkLeavesARecordUnderWayOut(t *testing.T) {
	var r Ring
	var b Reader
	r.Init(10, nil, newWatch(100, 50))
	r.Spread(2)
	fill(&r, 1)
	s := r.cores.Load().shards[1].Load()
	s.decisive.Store(5)
	b.Mark(&r)
	free := slices.Clone(b.marks)
	head, _ := s.acquire()
	b.Mark(&r)
	if b.marks[1] != free[1]-1 || b.marks[0] != free[0] {
		t.Errorf("the marks are %v, and %v with a record under way in the second shard", free, b.marks)
	}
	for other := range r.cores.Load().all {
		other.lookAt.Store(100)
	}
	if !r.Due() {
		t.Error("no look is due, and a record stays under way")
	}
	if s.head.Store(head); r.Due() {
		t.Error("a look is due, and no record is under way")
	}
}
