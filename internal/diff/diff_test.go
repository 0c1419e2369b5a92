package diff_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/diff"
)

type pair struct {
	Name  string
	Took  time.Duration
	count int
}

func TestFieldsAreThoseThatDiffer(t *testing.T) {
	a := pair{"a", time.Second, 1}
	for _, c := range []struct {
		got, want pair
		text      string
	}{
		{a, a, ""},
		{a, pair{"a", time.Minute, 1}, "\n\tTook: got 1s, want 1m0s"},
		{a, pair{"b", time.Second, 2}, "\n\tName: got a, want b\n\tcount: got 1, want 2"},
	} {
		if text := diff.Fields(c.got, c.want); text != c.text {
			t.Errorf("got %q, want %q", text, c.text)
		}
	}
	if text := diff.Fields(5, 6); text != "got 5, want 6" {
		t.Errorf("got %q", text)
	}
}

func TestListsShowTheFirstDifferenceWithTwoOnEitherSide(t *testing.T) {
	all := []int{10, 11, 12, 13, 14, 15, 16, 17}
	for _, c := range []struct {
		got, want []int
		text      string
	}{
		{all, slices.Clone(all), ""},
		{nil, []int{}, ""},
		{nil, []int{5}, "first difference at [0]; got 0 elements, want 1\n\t[0]  got nothing\n\t[0]  want 5"},
		{all[:3], all[:2], "first difference at [2]; got 3 elements, want 2\n\t[0]  both 10\n\t[1]  both 11\n\t[2]  got 12\n\t[2]  want nothing"},
		{slices.Delete(slices.Clone(all), 3, 4), all, "first difference at [3]; got 7 elements, want 8" +
			"\n\t[1]  both 11\n\t[2]  both 12\n\t[3]  got 14\n\t[4]  got 15\n\t[5]  got 16\n\t[3]  want 13\n\t[4]  want 14\n\t[5]  want 15"},
	} {
		if text := diff.Lists(c.got, c.want); text != c.text {
			t.Errorf("%v, %v: got %q, want %q", c.got, c.want, text, c.text)
		}
	}
}
