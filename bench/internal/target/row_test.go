package target

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// output is the output of a run in which each benchmark prints these values of
// ns/op, one a round.
func output(t *testing.T, values map[string][]string) *raw.Output {
	t.Helper()
	text := "cores: 2\n"
	for name, rounds := range values {
		for _, v := range rounds {
			text += fmt.Sprintf("Benchmark%s-2 1000 %s ns/op\n", name, v)
		}
	}
	o, err := raw.Read(strings.NewReader(text), "made up")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// atMost is a row about the ratio of A to B.
func atMost(limit float64) Row {
	return Row{What: "A over B", Limit: limit, Of: []Value{{"A", "ns/op"}, {"B", "ns/op"}}, Figure: over}
}

func TestVerdictIsOfTheMedianAndTheNoiseOfTheRatios(t *testing.T) {
	ten := func(text string) []string { return strings.Fields(text) }
	for _, c := range []struct {
		name    string
		a, b    string
		verdict Verdict
		median  float64
	}{
		{"holds", "10 11 10 10 12", "10 10 10 10 10", Holds, 1},
		{"holds, at the limit", "20 20 20 20 20", "10 10 10 10 10", Holds, 2},
		{"missed within noise", "19 21 22 22 30", "10 10 10 10 10", WithinNoise, 2.2},
		{"missed", "21 22 22 23 24", "10 10 10 10 10", Missed, 2.2},
		{"missed in the median, and within noise", "10 31 31 31 31", "10 10 10 10 10", WithinNoise, 3.1},
		// The machine is slower by ten in some rounds. The medians of A and B
		// are 150 and 10, the ratio is 1.5.
		{"ratios are of one round", "15 15 150 150 150", "10 10 100 100 100", Holds, 1.5},
		// The medians of A and B are 4 and 10. In all rounds but one the ratio
		// is 4.
		{"ratios are of one round, and so is a miss", "4 4 4 4 4 40 40 40 40", "10 1 1 1 1 10 10 10 10", Missed, 4},
	} {
		o := output(t, map[string][]string{"A": ten(c.a), "B": ten(c.b)})
		j, err := atMost(2).Judge(o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if j.Verdict != c.verdict || j.Center != c.median {
			t.Errorf("%s: it is %v at %v, want %v at %v", c.name, j.Verdict, j.Center, c.verdict, c.median)
		}
	}
}

func TestWhatCannotBeJudgedIsAnErrorThatNamesIt(t *testing.T) {
	five := []string{"1", "1", "1", "1", "1"}
	for _, c := range []struct {
		name   string
		values map[string][]string
		want   string
	}{
		{"did not run", map[string][]string{"A": five}, "benchmark B is missing"},
		{"was renamed", map[string][]string{"A": five, "B/x=1": five}, "benchmark B is missing"},
		{"is no number", map[string][]string{"A": five, "B": {"1", "1", "NaN", "1", "1"}}, "benchmark B: ns/op in round 3 is NaN"},
		{"is infinite", map[string][]string{"A": {"1", "1", "1", "1", "+Inf"}, "B": five}, "benchmark A: ns/op in round 5 is +Inf"},
		{"few rounds", map[string][]string{"A": five[:4], "B": five[:4]}, "benchmark A has 4 rounds"},
		{"other rounds", map[string][]string{"A": five, "B": append(five, "1")}, "benchmark B has 6 rounds and A has 5"},
		{"divides by nothing", map[string][]string{"A": five, "B": {"0", "1", "1", "1", "1"}}, "the figure of round 1 is +Inf"},
	} {
		judged, err := Judge([]Row{atMost(2)}, output(t, c.values))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v and the verdict %v, want an error with %q", c.name, err, judged, c.want)
		}
	}
}

func TestEverythingThatIsMissingIsNamed(t *testing.T) {
	o := output(t, map[string][]string{"unrelated": {"1", "1", "1", "1", "1"}})
	_, err := Judge(Rows(4), o)
	if err == nil {
		t.Fatal("rows were judged without benchmarks")
	}
	for _, name := range Benchmarks(Rows(4)) {
		if !strings.Contains(err.Error(), "benchmark "+name+" is missing") {
			t.Errorf("the error does not name %s", name)
		}
	}
}

func TestAGateFailsBeyondNoiseAndAShortGateForNoTime(t *testing.T) {
	for _, c := range []struct {
		verdict       Verdict
		kind          Kind
		strict, short bool
	}{
		{Shown, Ratio, false, false}, {Holds, Ratio, false, false}, {WithinNoise, Ratio, false, false},
		{WithinNoise, Bytes, false, false},
		{Missed, Ratio, true, false}, {Missed, Time, true, false},
		{Missed, Bytes, true, true}, {Missed, Allocs, true, true},
	} {
		j := Judged{Row: Row{Kind: c.kind}, Verdict: c.verdict}
		if j.Fails(true) != c.strict || j.Fails(false) != c.short {
			t.Errorf("%v, %v: fails %v, and %v on the short setting, want %v and %v",
				c.verdict, c.kind, j.Fails(true), j.Fails(false), c.strict, c.short)
		}
	}
}

func TestNoAllocationsAreAllowedWhereTheLimitIsNone(t *testing.T) {
	row := Row{Kind: Allocs, Limit: 0, Of: []Value{{"A", "ns/op"}}, Figure: itself}
	for value, want := range map[string]Verdict{"0": Holds, "1": Missed} {
		j, err := row.Judge(output(t, map[string][]string{"A": {value, value, value, value, value}}))
		if err != nil || j.Verdict != want {
			t.Errorf("%s: it is %v and %v, want %v", value, j.Verdict, err, want)
		}
	}
}

func TestOfRivalsTheFastestCountsAndNotTheLuckiestOfARound(t *testing.T) {
	row := Row{What: "A over the fastest", Limit: 2, Rivals: true, Figure: over,
		Of: []Value{{"A", "ns/op"}, {"B/impl=slow", "ns/op"}, {"B/impl=fast", "ns/op"}, {"B/impl=lucky", "ns/op"}}}
	j, err := row.Judge(output(t, map[string][]string{
		"A":            {"12", "12", "12", "12", "12"},
		"B/impl=slow":  {"30", "30", "30", "30", "30"},
		"B/impl=fast":  {"8", "8", "8", "8", "8"},
		"B/impl=lucky": {"2", "2", "9", "9", "9"},
	}))
	if err != nil || j.Center != 1.5 || j.Verdict != Holds || j.What != "A over the fastest, fast" {
		t.Errorf("%q is %v at %v, and the error %v", j.What, j.Verdict, j.Center, err)
	}
}

func TestFiguresOfARound(t *testing.T) {
	for _, c := range []struct {
		name   string
		figure func([]float64) float64
		round  []float64
		want   float64
	}{
		{"a call of 80 ns that is 4 readings of the clock", aboveTwoClocks, []float64{80, 4}, 40},
		{"ten times as many nodes take twenty times as long", perNode, []float64{20, 1}, 2},
	} {
		if got := c.figure(c.round); got != c.want {
			t.Errorf("%s: it is %v, want %v", c.name, got, c.want)
		}
	}
}

func TestEveryTargetHasALimitAndAFigure(t *testing.T) {
	for _, cores := range []int{1, 2, 3, 64} {
		for _, row := range Rows(cores) {
			if row.Figure == nil || len(row.Of) == 0 || row.Shown != (row.Limit == 0 && row.Kind != Allocs) {
				t.Errorf("%d cores: %q is no target: %+v", cores, row.What, row)
			}
		}
	}
}
