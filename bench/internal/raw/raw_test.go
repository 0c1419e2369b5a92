package raw

import (
	"math"
	"slices"
	"strings"
	"testing"
)

const printed = `date: 2001-02-03
goos: linux
cpu: Made-Up 9000
BenchmarkA/by=handle/g=4-2   	 1000	  25.5 ns/op	  0 B/op	  250 p99.9-ns
BenchmarkB 	 10	  3 ns/op
PASS
BenchmarkA/by=handle/g=4-2   	 2000	  26.5 ns/op	  0 B/op	  260 p99.9-ns
Anything else is not for us.
`

func TestOutputHasValuesByRoundInTheUnitsThatWerePrinted(t *testing.T) {
	o, err := Read(strings.NewReader(printed), "made up")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A/by=handle/g=4", "B"}; !slices.Equal(o.Names, want) {
		t.Errorf("the benchmarks are %q, want %q", o.Names, want)
	}
	for unit, want := range map[string][]float64{"ns/op": {25.5, 26.5}, "B/op": {0, 0}, "p99.9-ns": {250, 260}} {
		got, err := o.Values("A/by=handle/g=4", unit)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v and %v, want %v", unit, got, err, want)
		}
	}
	if n := o.Iterations("A/by=handle/g=4"); n != 3000 {
		t.Errorf("there are %d iterations", n)
	}
	if o.Config["cpu"] != "Made-Up 9000" || o.Config["date"] != "2001-02-03" {
		t.Errorf("the configuration is %q", o.Config)
	}
}

func TestOutputThatIsNoneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "no benchmarks",
		"PASS\nok  example 1s\n":      "no benchmarks",
		"BenchmarkA 10 x ns/op\n":     "made up:1",
		"BenchmarkA ten 3 ns/op\n":    "made up:1",
		printed + "BenchmarkA 10 3\n": "made up:9",
	} {
		if _, err := Read(strings.NewReader(text), "made up"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q in it", text, err, want)
		}
	}
}

func TestMissingUnitIsNamed(t *testing.T) {
	o, err := Read(strings.NewReader(printed), "made up")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Summary("B", "p99.9-ns"); err == nil || err.Error() != "benchmark B has no p99.9-ns" {
		t.Errorf("the error is %v", err)
	}
}

// With ten values the median is between the second and the eighth with a
// probability of 1 - (1+10 + 1+10+45)/1024, which is 93 %, and any narrower
// interval has less than 90. With five it is all of them, with four there is
// none.
func TestIntervalOfTheMedianIsOfOrderStatistics(t *testing.T) {
	for _, c := range []struct {
		values         []float64
		median, lo, hi float64
	}{
		{[]float64{10, 1, 9, 2, 8, 3, 7, 4, 6, 5}, 5.5, 2, 8},
		{[]float64{5, 4, 3, 2, 1}, 3, 1, 5},
		{[]float64{4, 3, 2, 1}, 2.5, math.Inf(-1), 4},
	} {
		s := Summarize(c.values)
		if s.Center != c.median || s.Lo != c.lo || s.Hi != c.hi {
			t.Errorf("%v: %+v, want %v in %v … %v", c.values, s, c.median, c.lo, c.hi)
		}
	}
}

func TestNameIsTakenApart(t *testing.T) {
	n := Parse("Record/by=name/op=success/names=64/impl=x/g=1/work=0")
	if !n.Is("Record", map[string]string{"names": "64", "window": ""}) || n.Is("Record", map[string]string{"names": ""}) ||
		n.Is("Read", nil) {
		t.Errorf("%+v is not what it is", n)
	}
	if got := n.Label([]string{"impl", "window", "g"}); got != "x, 1" {
		t.Errorf("its label is %q", got)
	}
	if got := n.With("g", "cores"); got != "Record/by=name/op=success/names=64/impl=x/g=cores/work=0" {
		t.Errorf("with another g it is %q", got)
	}
	if got := n.With("work", "1us"); got != "Record/by=name/op=success/names=64/impl=x/g=1/work=1us" {
		t.Errorf("with other work it is %q", got)
	}
}
