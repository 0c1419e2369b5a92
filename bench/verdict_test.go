package bench

import (
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
)

func TestVerdictIsAboutTheWorst(t *testing.T) {
	single := func(n, ns int64) measure.Latency {
		l := measure.NewLatency()
		for _, err := range []error{l.Calls.RecordValues(ns+30, n), l.Clock.RecordValues(30, n)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	const many = enoughSingle
	for _, c := range []struct {
		name           string
		averages       map[string][]average
		exact, tdigest measure.Latency
		want           []string
	}{
		{"all is well", map[string][]average{"BenchmarkA": {{enoughRecords, 30}}, "BenchmarkB": {{enoughRecords, 900}}},
			single(many, 999), single(many, 5), []string{"holds;", "of 2 benchmarks at most 900 ns (B)", "nodemetrics 999 ns", "nodemetrics-tdigest 5 ns"}},
		{"a high average", map[string][]average{"BenchmarkA": {{enoughRecords, 30}}, "BenchmarkB": {{enoughRecords, 1000}}},
			single(many, 5), single(many, 5), []string{"MISSED;", "1000 ns (B)"}},
		{"one high run of three", map[string][]average{"BenchmarkA": {{enoughRecords, 30}, {enoughRecords, 5000}, {enoughRecords, 40}}},
			single(many, 5), single(many, 5), []string{"holds;", "at most 40 ns (A)"}},
		{"a high p99.9", map[string][]average{"BenchmarkA": {{enoughRecords, 30}}},
			single(many, 5), single(many, 1000), []string{"MISSED;", "nodemetrics-tdigest 1000 ns"}},
		{"too few iterations", map[string][]average{"BenchmarkA": {{enoughRecords - 1, 30}}},
			single(many, 5), single(many, 5), []string{"not shown;", "1 benchmarks too short"}},
		{"too few single records", map[string][]average{"BenchmarkA": {{enoughRecords, 30}}},
			single(many-1, 5), single(many, 5), []string{"not shown;", "too few single records of nodemetrics to say"}},
	} {
		n := notes{averages: c.averages, latency: map[string]measure.Latency{"nodemetrics": c.exact, "nodemetrics-tdigest": c.tdigest}}
		line := n.line()
		for _, want := range append(c.want, "less than 1µs a record: ") {
			if !strings.Contains(line, want) {
				t.Errorf("%s: %q is not in %q", c.name, want, line)
			}
		}
	}
	only := notes{averages: map[string][]average{"BenchmarkA": {{enoughRecords, 30}}}}
	if line := only.line(); !strings.Contains(line, "not shown;") {
		t.Errorf("without single records: %q", line)
	}
	var none notes
	if line := none.line(); line != "" {
		t.Errorf("of nothing: %q", line)
	}
}
