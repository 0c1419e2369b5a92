package target

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// required is the output of a run on two cores that measured what the
// requirement is about, with these lines in place of those of the same name.
func required(t *testing.T, iterations int, lines ...string) (string, error) {
	t.Helper()
	all := append([]string{
		"Record/impl=nodemetrics/g=1/work=0 %d 25 ns/op",
		"Record/impl=nodemetrics/g=cores/work=1us %d 40 added-ns/record",
		"Record/impl=otel/g=1/work=0 %d 5000 ns/op",
		"Latency/impl=nodemetrics/g=1 %d 200 p99.9-ns",
		"Latency/impl=nodemetrics-tdigest/g=1 %d 700 p99.8-ns 3000 p99.9-ns",
	}, lines...)
	last := map[string]string{}
	for _, line := range all {
		last[strings.Fields(line)[0]] = line
	}
	text := "cores: 2\n"
	for _, line := range last {
		if strings.Contains(line, "%d") {
			text += "Benchmark" + fmt.Sprintf(line, iterations) + "\n"
		}
	}
	o, err := raw.Read(strings.NewReader(text), "made up")
	if err != nil {
		t.Fatal(err)
	}
	return Requirement(o)
}

func TestRequirementIsOfTheWorst(t *testing.T) {
	const enough = 10_000_000
	for _, c := range []struct {
		name       string
		iterations int
		line, want string
	}{
		{"as it is", enough, "", "holds. The highest average is 40.00 ns, of Record/impl=nodemetrics/g=cores/work=1us. With exact the highest p99.9"},
		{"an average on all cores", enough, "Thresholds/impl=nodemetrics/g=4xcores %d 499 ns/op", "holds. The highest average is 998.0 ns"},
		{"an average on all cores", enough, "Thresholds/impl=nodemetrics/g=4xcores %d 500 ns/op", "MISSED. The highest average is 1.000 µs"},
		{"an average on one core", enough, "Scaling/impl=nodemetrics/g=1 %d 999 ns/op", "holds. "},
		{"an average on one core", enough, "Scaling/impl=nodemetrics/g=1 %d 1000 ns/op", "MISSED. "},
		{"beside a reader", enough, "ReaderCost/impl=nodemetrics/g=rest %d 1000 beside-ns/record", "MISSED. "},
		{"on the one that a reader leaves", enough, "Record/impl=nodemetrics/g=rest %d 999 ns/op", "holds. "},
		{"a single record", enough, "Latency/impl=nodemetrics/g=2xcores %d 1001 p99.9-ns", "MISSED. "},
		{"a single record of the other", enough, "Latency/impl=nodemetrics-tdigest/g=1 %d 1001 p99.8-ns", "MISSED. "},
		{"a batch where the p99.8 is not measured", enough, "Scaling/impl=nodemetrics-tdigest/g=1 %d 40 ns/op 3000 p99.9-ns", "holds. "},
		{"a batch on every core", enough, "Latency/impl=nodemetrics-tdigest/g=cores %d 4000 p99.8-ns", "holds. "},
		{"a single record at a threshold", enough, "Thresholds/state=at/impl=nodemetrics/g=1 %d 40 ns/op 1001 p99.9-ns", "MISSED. "},
		{"a single record that raises an event", enough, "Thresholds/state=crossing/impl=nodemetrics/g=1 %d 4000 ns/op 9000 p99.9-ns", "holds. "},
		{"few of them", enough - 1, "", "holds as far as it was measured, with too few 9999999 single records of exact"},
	} {
		lines := []string{c.line}
		if c.line == "" {
			lines = nil
		}
		got, err := required(t, c.iterations, lines...)
		if err != nil || !strings.HasPrefix(got, "Less than a microsecond a record: "+c.want) {
			t.Errorf("%s: it says %q and %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestRequirementIsNotJudgedWithoutItsBenchmarks(t *testing.T) {
	for _, gone := range []string{"Latency/impl=nodemetrics/g=1", "Latency/impl=nodemetrics-tdigest/g=1"} {
		if text, err := required(t, 1, gone); err == nil || !strings.Contains(err.Error(), "Latency is missing") {
			t.Errorf("without %s it says %q and %v", gone, text, err)
		}
	}
	text, err := required(t, 1, "Record/impl=nodemetrics/g=1/work=0", "Record/impl=nodemetrics/g=cores/work=1us")
	if err == nil || !strings.Contains(err.Error(), "Record") {
		t.Errorf("without averages it says %q and %v", text, err)
	}
}
