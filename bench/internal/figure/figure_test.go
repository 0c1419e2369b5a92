package figure

import (
	"math"
	"testing"
)

func TestFiguresHaveThreeDigitsAndAUnit(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{25.48, "ns/op", "25.5 ns"}, {0, "ns/op", "0 ns"}, {0.5, "ns/op", "0.500 ns"}, {-3, "added-ns/record", "-3.00 ns"},
		{999.4, "p99.9-ns", "999 ns"}, {999.6, "p99.9-ns", "1.00 µs"}, {1234, "ns/op", "1.23 µs"},
		{15e6, "ns/op", "15.0 ms"}, {2e9, "ns/op", "2.00 s"}, {5e12, "max-ns", "5,000 s"},
		{1244.4, "bytes/node", "1,244 B"}, {65536, "bytes/node", "65,536 B"}, {0, "B/op", "0 B"}, {2, "allocs/op", "2"},
		{41.23e6, "records/s", "41.2 M/s"}, {950, "reads/s", "950/s"}, {3.456, "slowdown", "3.46"}, {1234567, "", "1,234,567"},
	} {
		if got := Text(c.value, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.value, c.unit, got, c.want)
		}
	}
	if Grouped(-1234) != "-1,234" || Grouped(999) != "999" || Percent(0.047) != "5 %" || Percent(math.Inf(1)) != "?" {
		t.Error(Grouped(-1234), Grouped(999), Percent(0.047), Percent(math.Inf(1)))
	}
}
