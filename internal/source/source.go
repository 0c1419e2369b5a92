// Package source keeps where figures come from: which instances, and which
// intervals of their time. So nothing is counted twice.
//
// An interval has its begin and not its end. Adjacent intervals do not overlap.
// An interval without length has the nanosecond at its begin, so that it
// overlaps itself.
package source

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// A Source is an instance and an interval of its time.
type Source struct {
	Instance       string
	Since, TakenAt time.Time
}

// end returns when the interval ends.
func (s Source) end() time.Time {
	if s.Since.Before(s.TakenAt) {
		return s.TakenAt
	}
	return s.Since.Add(1)
}

// An Outer is a Source of a caller.
type Outer interface {
	~struct {
		Instance       string
		Since, TakenAt time.Time
	}
}

// convert returns the sources of one type as those of another, nil if there is
// none.
func convert[To, From Outer](all []From) []To {
	if len(all) == 0 {
		return nil
	}
	to := make([]To, len(all))
	for i, s := range all {
		to[i] = To(s)
	}
	return to
}

// Check returns an error if an interval ends before it begins, or overlaps
// another one of its instance.
func Check[O Outer](sources []O) error {
	all := convert[Source](sources)
	slices.SortFunc(all, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), a.Since.Compare(b.Since))
	})
	for i, s := range all {
		if s.TakenAt.Before(s.Since) {
			return fmt.Errorf("instance %q: takenAt, %s, is before since, %s", jsontable.Shorten(s.Instance), text(s.TakenAt), text(s.Since))
		}
		if i > 0 && all[i-1].Instance == s.Instance && all[i-1].overlaps(s) {
			return s.twice(all[i-1])
		}
	}
	return nil
}

// overlaps reports whether the intervals of one instance have time in common.
func (s Source) overlaps(t Source) bool { return s.Since.Before(t.end()) && t.Since.Before(s.end()) }

// twice returns the error about two intervals that overlap.
func (s Source) twice(other Source) error {
	return fmt.Errorf("instance %q would count twice: %v overlaps %v", jsontable.Shorten(s.Instance), s, other)
}

func (s Source) String() string {
	return fmt.Sprintf("from %s to %s", text(s.Since), text(s.TakenAt))
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// A Union is a set of sources. Those of one instance are in order, and none
// overlaps another or ends where another begins. The zero Union is empty.
type Union map[string][]Source

// Add returns a function that adds more to the union. more is as Check demands.
// The error names an instance with intervals that overlap.
func Add[O Outer](u *Union, more []O) (commit func(), err error) {
	changed, err := u.with(convert[Source](more))
	return func() {
		if *u == nil {
			*u = Union{}
		}
		maps.Copy(*u, changed)
	}, err
}

// with returns the intervals that the instances of more have together with the
// union, which it leaves as it is.
func (u Union) with(more []Source) (changed Union, err error) {
	changed = Union{}
	for _, s := range more {
		s.Since, s.TakenAt = s.Since.UTC().Round(0), s.TakenAt.UTC().Round(0)
		of, known := changed[s.Instance]
		if !known {
			of = slices.Clone(u[s.Instance])
		}
		i, _ := slices.BinarySearchFunc(of, s, func(a, b Source) int { return a.Since.Compare(b.Since) })
		for _, other := range of[max(0, i-1):min(i+1, len(of))] {
			if other.overlaps(s) {
				return nil, s.twice(other)
			}
		}
		of = slices.Insert(of, i, s)
		for j := min(i+1, len(of)-1); j > max(0, i-1); j-- {
			if of[j-1].end().Equal(of[j].Since) {
				of[j-1].TakenAt = of[j].end()
				of = slices.Delete(of, j, j+1)
			}
		}
		changed[s.Instance] = of
	}
	return changed, nil
}

// All returns the sources in the order of instances and times, nil if there is
// none.
func All[O Outer](u Union) (all []O) {
	for _, instance := range slices.Sorted(maps.Keys(u)) {
		all = append(all, convert[O](u[instance])...)
	}
	return all
}

// Between returns the sources of the time between two reads of the same
// instances. Both reads are as Check demands. The error names an instance that
// only one read is of, that was reset as a whole between the reads, or whose
// earlier read is later.
//
// If one read has no sources, nothing can be told. Then Subtract returns those
// of the later snapshot.
func Between[O Outer](earlier, later []O) (between []O, err error) {
	if len(earlier) == 0 || len(later) == 0 {
		return slices.Clone(later), nil
	}
	before, _ := Union(nil).with(convert[Source](earlier))
	after, _ := Union(nil).with(convert[Source](later))
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, instance := range slices.Sorted(maps.Keys(both)) {
		then, now := before[instance], after[instance]
		if then == nil || now == nil {
			return nil, fmt.Errorf("the two are of different instances: only one of them is of %q", jsontable.Shorten(instance))
		}
		for i, s := range now {
			if len(now) != len(then) || !s.Since.Equal(then[i].Since) {
				return nil, fmt.Errorf("instance %q was reset between: the earlier figures are %v, the later ones %v",
					jsontable.Shorten(instance), then[len(then)-1], now[len(now)-1])
			}
			if s.TakenAt.Before(then[i].TakenAt) {
				return nil, fmt.Errorf("instance %q: the earlier snapshot, taken at %s, is later than this one",
					jsontable.Shorten(instance), text(then[i].TakenAt))
			}
			if s.Since = then[i].end(); s.TakenAt.Before(s.Since) { // Both are without length.
				s.TakenAt = s.Since
			}
			if i == len(now)-1 || s.Since.Before(s.TakenAt) {
				between = append(between, O(s))
			}
		}
	}
	return between, nil
}
