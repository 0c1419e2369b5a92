package atomicmetrics_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

type source = atomicmetrics.Source

// named returns a collector WithSketches, of this instance.
func named(t testing.TB, instance string) *atomicmetrics.Collector {
	t.Helper()
	return newCollector(t, atomicmetrics.WithInstance(instance), atomicmetrics.WithSketches())
}

// sourcesAre fails the test unless the snapshot has these sources.
func sourcesAre(t testing.TB, what string, s atomicmetrics.Snapshot, want ...source) {
	t.Helper()
	if !reflect.DeepEqual(s.Sources, want) {
		t.Errorf("%s: the sources are %v, want %v", what, s.Sources, want)
	}
}

func TestASnapshotSaysWhichInstanceAndTimeItIsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC()
		at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
		c := named(t, "a")
		sourcesAre(t, "at once", c.Snapshot(), source{"a", start, start.Add(1)})
		time.Sleep(time.Hour)
		sourcesAre(t, "later", c.Snapshot(), source{"a", start, at(1)})
		time.Sleep(time.Hour)
		first := c.Reset()
		sourcesAre(t, "reset", first, source{"a", start, at(2)})
		sourcesAre(t, "after a reset", c.Snapshot(), source{"a", at(2), at(2).Add(1)})
		time.Sleep(time.Hour)
		c.ResetNode("n")
		c.Forget("n")
		second := c.Reset()
		sourcesAre(t, "reset again", second, source{"a", at(2), at(3)})
		sourcesAre(t, "both", merged(t, first, second), source{"a", start, at(3)})
		equal(t, "taken at", second.TakenAt, at(3))
	})
}

func TestInstancesDifferUnlessTheyAreNamed(t *testing.T) {
	instances := map[string]bool{}
	for range 100 {
		instances[newCollector(t).Snapshot().Sources[0].Instance] = true
	}
	equal(t, "instances", len(instances), 100)
	equal(t, "a name that is not UTF-8", named(t, "a\xff").Snapshot().Sources[0].Instance, "a\uFFFD")
	_, err := atomicmetrics.New(atomicmetrics.WithInstance(""))
	if err == nil || err.Error() != "atomicmetrics: WithInstance: the name is empty" {
		t.Errorf("an empty name: %v", err)
	}
}

// Two resets, and a snapshot between them, at one moment of the clock.
func TestResetsOfOneMomentDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := named(t, "a")
		var m atomicmetrics.Merger
		for i := range 5 {
			c.RecordSuccess("n", time.Duration(i))
			s := c.Snapshot()
			if s.TakenAt.Before(s.Sources[0].Since) {
				t.Errorf("%v was taken before its begin", s.Sources)
			}
			reset := c.Reset()
			if err := m.Add(reset); err != nil {
				t.Fatal(err)
			}
			if err := m.Add(s); err == nil {
				t.Errorf("%v and its reset %v do not overlap", s.Sources, reset.Sources)
			}
		}
		s := m.Snapshot()
		equal(t, "executions", s.Nodes["n"].TotalExecutions, 5)
		equal(t, "sources", len(s.Sources), 1)
	})
}

// In a bubble it is the year 2000, so its clock is behind the collector's.
func TestSourcesStayInOrderWhenTheClockIsSetBack(t *testing.T) {
	c := named(t, "a")
	read := []atomicmetrics.Snapshot{c.Snapshot()}
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			c.RecordSuccess("n", 1)
			read = append(read, c.Snapshot())
		}
	})
	var m atomicmetrics.Merger
	for i, s := range read {
		if i > 0 {
			s = since(t, s, read[i-1])
		}
		of := s.Sources[0]
		if of.TakenAt.Before(of.Since) {
			t.Errorf("%v was taken before its begin", of)
		}
		if err := m.Add(s); err != nil {
			t.Error(err)
		}
	}
	s := m.Snapshot()
	equal(t, "executions", s.Nodes["n"].TotalExecutions, 3)
	sourcesAre(t, "all", s, source{"a", read[0].Sources[0].Since, read[3].TakenAt})

	synctest.Test(t, func(t *testing.T) {
		first, second := c.Reset(), c.Reset()
		sourcesAre(t, "resets", merged(t, first, second), source{"a", read[0].Sources[0].Since, second.TakenAt})
	})
}

func TestMergeRefusesToCountTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := named(t, "a"), named(t, "b")
		tick := func() { a.RecordSuccess("n", 1); b.RecordSuccess("n", 1); time.Sleep(time.Minute) }
		tick()
		a1, b1 := a.Snapshot(), b.Snapshot()
		tick()
		a2 := a.Snapshot()
		aReset := a.Reset()
		tick()
		a3 := a.Snapshot()
		old := a1
		old.Sources = nil
		again := named(t, "a") // the process started again
		again.RecordSuccess("n", 1)
		time.Sleep(time.Minute)
		for _, c := range []struct {
			what       string
			snapshots  []atomicmetrics.Snapshot
			executions uint64 // 0: refused
		}{
			{"itself", []atomicmetrics.Snapshot{a1, a1}, 0},
			{"a later one", []atomicmetrics.Snapshot{a1, b1, a2}, 0},
			{"an earlier one", []atomicmetrics.Snapshot{a2, b1, a1}, 0},
			{"the reset of what was read", []atomicmetrics.Snapshot{b1, a1, aReset}, 0},
			{"a part", []atomicmetrics.Snapshot{b1, a2, since(t, a2, a1)}, 0},
			{"itself through a merge", []atomicmetrics.Snapshot{merged(t, a1, b1), a1}, 0},
			{"what follows", []atomicmetrics.Snapshot{a1, since(t, a2, a1)}, 2},
			{"what follows a reset", []atomicmetrics.Snapshot{a3, aReset}, 3},
			{"another instance", []atomicmetrics.Snapshot{a1, b1}, 2},
			{"the successor", []atomicmetrics.Snapshot{a2, again.Snapshot()}, 3},
			{"one without sources", []atomicmetrics.Snapshot{a1, old, old}, 3},
		} {
			s, err := atomicmetrics.Merge(c.snapshots...)
			equal(t, c.what+": executions", s.Nodes["n"].TotalExecutions, c.executions)
			last := len(c.snapshots) - 1
			want := fmt.Sprintf(`atomicmetrics: Merge: snapshots[%d], taken at %s: instance "a" would count twice: `,
				last, c.snapshots[last].TakenAt.Format(time.RFC3339Nano))
			if (err == nil) != (c.executions > 0) || err != nil && !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: got  %v\nwant %s", c.what, err, want)
			}

			var m atomicmetrics.Merger
			for i, s := range c.snapshots {
				if err = m.Add(s); err == nil {
					continue
				}
				want = "atomicmetrics: Merger: " + want[strings.Index(want, "snapshots[")+len("snapshots[0], "):]
				want = strings.Replace(want, "Merger: ", "Merger: snapshot ", 1)
				if i != last || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s: got  %v\nwant %s", c.what, err, want)
				}
			}
			if (err == nil) != (c.executions > 0) {
				t.Errorf("%s: Add of the last: %v", c.what, err)
			}
		}
		sourcesAre(t, "the union", merged(t, b1, a3, aReset), source{"a", a1.Sources[0].Since, a3.TakenAt}, b1.Sources[0])
		sourcesAre(t, "one without sources", merged(t, a1, old), a1.Sources...)
	})
}

func TestSinceRefusesOtherInstancesAndFullResets(t *testing.T) {
	a, b := named(t, "a"), named(t, "b")
	for range 10 {
		a.RecordSuccess("n", 1)
		b.RecordSuccess("n", 1)
	}
	a1, b1 := a.Snapshot(), b.Snapshot()
	a.ResetNode("n") // is no full reset
	a2 := a.Snapshot()
	a.Reset()
	for range 15 {
		a.RecordSuccess("n", 1)
	}
	a3 := a.Snapshot()
	for _, c := range []struct {
		what           string
		later, earlier atomicmetrics.Snapshot
		want           string
	}{
		{"a reset between", a3, a1, `instance "a" was reset between: `},
		{"another instance", b1, a1, `the two are of different instances: only one of them is of "a"`},
		{"one instance more", merged(t, a1, b1), a1, `the two are of different instances: only one of them is of "b"`},
		{"one instance less", a1, merged(t, a1, b1), `the two are of different instances: only one of them is of "b"`},
		{"a reset of one", merged(t, a3, b1), merged(t, a1, b1), `instance "a" was reset between: `},
	} {
		s, err := c.later.Since(c.earlier)
		if want := "atomicmetrics: Since: " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got  %v\nwant %s", c.what, err, want)
		}
		if !reflect.DeepEqual(s, atomicmetrics.Snapshot{}) {
			t.Errorf("%s: %v came with %v", c.what, err, s)
		}
	}
	sourcesAre(t, "of one", since(t, a2, a1), source{"a", a1.TakenAt, a2.TakenAt})
	sourcesAre(t, "of two", since(t, merged(t, a2, b1), merged(t, b1, a1)),
		source{"a", a1.TakenAt, a2.TakenAt}, source{"b", b1.TakenAt, b1.TakenAt})
	old := a1
	old.Sources = nil
	sourcesAre(t, "since one without sources", since(t, a3, old), a3.Sources...)
	sourcesAre(t, "one without sources", since(t, old, a3))
}

func TestSinceRefusesTheLaterSnapshotAsTheEarlier(t *testing.T) {
	c := named(t, "a")
	c.RecordSuccess("n", 1)
	earlier := c.Snapshot()
	c.RecordSuccess("n", 1)
	later := c.Snapshot()
	want := `atomicmetrics: Since: instance "a": the earlier snapshot, taken at ` + later.TakenAt.Format(time.RFC3339Nano) +
		`, is later than this one`
	if s, err := earlier.Since(later); err == nil || err.Error() != want || s.Nodes != nil {
		t.Errorf("got  %v, %v\nwant %s", s, err, want)
	}
}

// Snapshots at one moment of a clock that stands still.
func TestWhatLiesBetweenSnapshotsOfOneMomentAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := named(t, "a")
		var m atomicmetrics.Merger
		var earlier atomicmetrics.Snapshot
		for range 4 {
			c.RecordSuccess("n", 1)
			later := c.Snapshot()
			if err := m.Add(since(t, later, earlier)); err != nil {
				t.Fatal(err)
			}
			earlier = later
		}
		equal(t, "executions", m.Snapshot().Nodes["n"].TotalExecutions, 4)
	})
}

// Resets race with each other and with records. What they return adds up.
func TestResetsOfManyGoroutinesAddUp(t *testing.T) {
	const goroutines, rounds = 4, 50
	c := named(t, "a")
	var resets sync.WaitGroup
	results := make(chan atomicmetrics.Snapshot, goroutines*rounds+1)
	for range goroutines {
		resets.Go(func() {
			for i := range rounds {
				c.RecordSuccess(strconv.Itoa(i%3), 1)
				_ = c.Node("0").DoIgnoring(func(error) bool { return true }, func() error { return errRefused })
				results <- c.Reset()
			}
		})
	}
	resets.Wait()
	last := c.Reset()
	results <- last
	close(results)
	var m atomicmetrics.Merger
	for s := range results {
		if err := m.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	s, executions := m.Snapshot(), uint64(0)
	for _, n := range s.Nodes {
		executions += n.TotalExecutions
	}
	equal(t, "executions", executions, goroutines*rounds)
	equal(t, "ignored", s.Ignored["0"], goroutines*rounds)
	if len(s.Sources) != 1 || s.Sources[0].TakenAt != last.TakenAt {
		t.Errorf("the sources are %v, and the last reset was at %v", s.Sources, last.TakenAt)
	}
}

func TestSourcesThatContradictEachOtherAreRefused(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 9, minute, 0, 0, time.UTC) }
	for want, sources := range map[string][]source{
		`instance "a": takenAt, 2026-03-01T09:04:00Z, is before since, 2026-03-01T09:05:00Z`:                                                           {{"a", at(5), at(4)}},
		`instance "a" would count twice: from 2026-03-01T09:04:00Z to 2026-03-01T09:09:00Z overlaps from 2026-03-01T09:01:00Z to 2026-03-01T09:05:00Z`: {{"a", at(4), at(9)}, {"b", at(0), at(9)}, {"a", at(1), at(5)}},
	} {
		s := oneNode(atomicmetrics.NodeMetrics{TotalExecutions: 1, SuccessCount: 1})
		s.Sources = sources
		empty := atomicmetrics.Snapshot{Sources: sources}
		doc, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		_, parse := atomicmetrics.ParseSnapshot(doc)
		_, merge := atomicmetrics.Merge(s)
		_, mergeEmpty := atomicmetrics.Merge(empty)
		_, since := s.Since(atomicmetrics.Snapshot{})
		for i, err := range []error{parse, merge, mergeEmpty, since} {
			if err == nil || !strings.HasSuffix(err.Error(), `field "sources": `+want) {
				t.Errorf("error %d is %v, want %s", i, err, want)
			}
		}
	}
}

func TestParseSnapshotRefusesSources(t *testing.T) {
	first := string(detailsGolden(t))
	first = first[strings.Index(first, `[{"instance"`)+1:]
	first = first[:strings.Index(first, "}")+1]
	for _, c := range []struct{ new, want string }{
		{`5`, `[0]: 5 is not an object`},
		{`null`, `[0]: null is not an object`},
		{`[]`, `[0]: an array is not an object`},
		{`{}`, `[0]: field "instance": missing`},
		{strings.Replace(first, `"since"`, `"Since"`, 1), `[0]: field "since": missing`},
		{strings.Replace(first, `{`, `{"instance":"b",`, 1), `[0]: field "instance": given twice`},
		{strings.Replace(first, `"größe`, `5,"x":"`, 1), `[0]: field "instance": 5 is not a string`},
		{strings.Replace(first, `2026-03-01T09:30:00Z`, `now`, 1), `[0]: field "since": "now" is not a time of RFC 3339 to the nanosecond`},
	} {
		refused(t, editDetails(t, "sources", first, c.new), `field "sources": `+c.want)
	}
	for _, value := range []string{`null`, `5`, `"a"`} {
		refused(t, edit(t, "", `"nodes":`, `"sources":`+value+`,"nodes":`), `field "sources": `+value+` is not an array of objects`)
	}
	accepted(t, edit(t, "", `"nodes":`, `"sources":[] ,"nodes":`), goldenSnapshot())
}

// As TestParseSnapshotAllocatesInProportion.
func TestParseSnapshotOfSourcesAllocatesInProportion(t *testing.T) {
	const shortest = `{"instance":"","since":"2026-03-01T09:30:15Z","takenAt":"2026-03-01T09:30:15Z"},`
	var distinct strings.Builder
	for i := range 10_000 {
		distinct.WriteString(strings.Replace(shortest, `""`, fmt.Sprintf(`"%x"`, i), 1))
	}
	for name, sources := range map[string]string{
		"distinct": distinct.String(), "equal": strings.Repeat(shortest, 10_000), "empty": strings.Repeat(`{},`, 100_000),
		"numbers": strings.Repeat(`5,`, 100_000),
	} {
		doc := edit(t, "", `"nodes":`, `"sources":[`+strings.TrimSuffix(sources, ",")+`],"nodes":`)
		if got, most := allocatedByParse(doc), mostAllocated(doc); got > most {
			t.Errorf("%s: %d bytes of input took %d, more than %d", name, len(doc), got, most)
		}
	}
}
