package source

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// of returns sources such as "a 3-5": the instance, and nanoseconds.
func of(texts ...string) (all []Source) {
	for _, text := range texts {
		s, since, takenAt := Source{}, int64(0), int64(0)
		if _, err := fmt.Sscanf(text, "%1s %d-%d", &s.Instance, &since, &takenAt); err != nil {
			panic(err)
		}
		s.Since, s.TakenAt = time.Unix(0, since).UTC(), time.Unix(0, takenAt).UTC()
		all = append(all, s)
	}
	return all
}

func TestUnionKeepsWhatDoesNotOverlap(t *testing.T) {
	for _, c := range []struct {
		added string // separated by commas
		want  string // the union, or the instance that the error names
	}{
		{"a 0-5,a 5-9", "a 0-9"},
		{"a 5-9,a 0-5", "a 0-9"},
		{"a 0-2,a 4-6,a 2-4", "a 0-6"},
		{"a 0-2,a 4-6,a 7-8", "a 0-2,a 4-6,a 7-8"},
		{"b 0-5,a 0-5,a 7-8", "a 0-5,a 7-8,b 0-5"},
		{"a 0-5,a 0-5", "error a"},
		{"a 0-5,a 4-9", "error a"},
		{"a 4-9,a 0-5", "error a"},
		{"a 0-9,a 4-5", "error a"},
		{"a 4-5,a 0-9", "error a"},
		{"a 4-5,b 0-9,b 8-9", "error b"},
		{"a 5-5,a 5-5", "error a"},
		{"a 5-5,a 5-9", "error a"},
		{"a 0-9,a 5-5", "error a"},
		{"a 0-5,a 5-5", "a 0-6"},
		{"a 5-5,a 6-9", "a 5-9"},
		{"a 9-9,a 4-5", "a 4-5,a 9-9"},
	} {
		u, got := Union(nil), ""
		for _, text := range strings.Split(c.added, ",") {
			commit, err := Add(&u, of(text))
			if err != nil {
				got = "error " + text[:1]
				if !strings.HasPrefix(err.Error(), `instance "`+text[:1]+`" would count twice: `) {
					t.Errorf("%s: %v", c.added, err)
				}
				break
			}
			commit()
		}
		if got == "" {
			got = show(All[Source](u))
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.added, got, c.want)
		}
	}
}

func show(all []Source) string {
	var texts []string
	for _, s := range all {
		texts = append(texts, fmt.Sprintf("%s %d-%d", s.Instance, s.Since.UnixNano(), s.TakenAt.UnixNano()))
	}
	return strings.Join(texts, ",")
}

// A set of nanoseconds for each instance is the model.
func TestUnionIsASetOfNanoseconds(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 7))
		u, model := Union(nil), map[string]map[int]bool{"a": {}, "b": {}}
		for range 1 + r.IntN(12) {
			instance, since := []string{"a", "b"}[r.IntN(2)], r.IntN(30)
			length := r.IntN(5)
			overlaps := false
			for ns := since; ns < since+max(1, length); ns++ {
				overlaps = overlaps || model[instance][ns]
			}
			before := show(All[Source](u))
			more := of(fmt.Sprintf("%s %d-%d", instance, since, since+length))
			commit, err := Add(&u, more)
			if (err != nil) != overlaps || show(All[Source](u)) != before || (Check(append(All[Source](u), more...)) != nil) != overlaps {
				t.Fatalf("seed %d: to %s add %s: %v, want an error: %t", seed, before, show(more), err, overlaps)
			}
			if err != nil {
				continue
			}
			commit()
			for ns := since; ns < since+max(1, length); ns++ {
				model[instance][ns] = true
			}
		}
		for instance, want := range model {
			got, end := map[int]bool{}, -1
			for _, s := range u[instance] {
				if int(s.Since.UnixNano()) <= end {
					t.Fatalf("seed %d: %s", seed, show(All[Source](u)))
				}
				end = int(s.end().UnixNano())
				for ns := int(s.Since.UnixNano()); ns < end; ns++ {
					got[ns] = true
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("seed %d: instance %s: %s is not %v", seed, instance, show(All[Source](u)), slices.Sorted(maps.Keys(want)))
			}
		}
	}
}

func TestBetween(t *testing.T) {
	for _, c := range []struct{ earlier, later, want string }{
		{"a 0-5", "a 0-9", "a 5-9"},
		{"a 0-5", "a 0-5", "a 5-5"},
		{"a 5-5", "a 5-9", "a 6-9"},
		{"a 5-5", "a 5-5", "a 6-6"},
		{"a 0-5", "a 0-3", `instance "a": the earlier snapshot, taken at 1970-01-01T00:00:00.000000005Z, is later than this one`},
		{"a 0-5,b 1-4", "b 1-7,a 0-9", "a 5-9,b 4-7"},
		{"a 0-2,a 3-5", "a 0-2,a 3-9", "a 5-9"},
		{"a 0-5", "b 0-9", `the two are of different instances: only one of them is of "a"`},
		{"a 0-5", "a 0-9,b 0-9", `the two are of different instances: only one of them is of "b"`},
		{"a 0-5,b 0-5", "b 0-9", `the two are of different instances: only one of them is of "a"`},
		{"a 0-5", "a 5-9", `instance "a" was reset between: `},
		{"a 0-5", "a 0-5,a 7-9", `instance "a" was reset between: `},
		{"a 0-2,a 3-5", "a 0-2,a 4-9", `instance "a" was reset between: `},
	} {
		between, err := Between(of(strings.Split(c.earlier, ",")...), of(strings.Split(c.later, ",")...))
		got := show(between)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && !(err != nil && strings.HasPrefix(got, c.want)) {
			t.Errorf("from %s to %s: got %s, want %s", c.earlier, c.later, got, c.want)
		}
	}
}

func TestCheckRefusesAnIntervalThatEndsBeforeItBegins(t *testing.T) {
	const want = `instance "a": takenAt, 1970-01-01T00:00:00.000000003Z, is before since, 1970-01-01T00:00:00.000000005Z`
	if err := Check(of("b 0-1", "a 5-3")); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestErrorsShortenLongInstances(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	as := func(name string, texts ...string) []Source {
		all := of(texts...)
		for i := range all {
			all[i].Instance = name
		}
		return all
	}
	_, add := Add(new(Union), as(long, "a 0-5", "a 0-5"))
	_, other := Between(as(long, "a 0-5"), of("z 0-5"))
	_, reset := Between(as(long, "a 0-5"), as(long, "a 5-9"))
	_, swapped := Between(as(long, "a 0-5"), as(long, "a 0-3"))
	for i, err := range []error{Check(as(long, "a 5-3")), Check(as(long, "a 0-5", "a 0-5")), add, other, reset, swapped} {
		if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), long[:64]+"…") {
			t.Errorf("error %d: %.500v", i, err)
		}
	}
}
