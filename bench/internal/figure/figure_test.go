package figure

import "testing"

func TestFiguresHaveTheirUnit(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{25.48, "ns/op", "25.48 ns"}, {0, "ns/op", "0.000 s"}, {0.5, "ns/op", "0.5000 ns"}, {-3, "added-ns/record", "-3.000 ns"},
		{999.4, "p99.9-ns", "999.4 ns"}, {1234, "ns/op", "1.234 µs"}, {15e6, "ns/op", "15.00 ms"}, {2e9, "ns", "2.000 s"},
		{1244, "bytes/node", "1.215 KiB"}, {65536, "bytes/node", "64.00 KiB"}, {0, "B/op", "0.000 B"}, {2, "allocs/op", "2.000"},
		{41.23e6, "records/s", "41.23 M/s"}, {950, "reads/s", "950.0 /s"}, {3.456, "slowdown", "3.456"},
	} {
		if got := Text(c.value, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.value, c.unit, got, c.want)
		}
	}
	if got := Ratio(0.0474); got != "0.047 ×" {
		t.Errorf("the ratio is %q", got)
	}
}
