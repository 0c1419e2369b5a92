package conformance

import (
	"strconv"
	"testing"
	"unicode"

	"golang.org/x/text/width"

	"github.com/nodemetrics/nodemetrics/internal/table"
)

// TestWidthsAreThoseOfTheUnicodeTables asks x/text for the East Asian Width of every character that a table prints.
func TestWidthsAreThoseOfTheUnicodeTables(t *testing.T) {
	seen := map[int]int{}
	for r := range unicode.MaxRune + 1 {
		if !strconv.IsPrint(r) || unicode.In(r, unicode.M, unicode.Other_Default_Ignorable_Code_Point) ||
			0x1160 <= r && r <= 0x11ff {
			continue // escaped, or of no width of its own: a matter of the package's own tests
		}
		want := 1
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			want = 2
		}
		if got := table.Width(string(r)); got != want {
			t.Errorf("%U %q is %d columns, want %d", r, r, got, want)
		}
		seen[want]++
	}
	if seen[1] < 20_000 || seen[2] < 90_000 {
		t.Errorf("only %v characters of each width were looked at", seen)
	}
}
