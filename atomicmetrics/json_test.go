package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// go test ./atomicmetrics -run TestMarshalJSONGolden -update writes the golden files anew.
var update = flag.Bool("update", false, "write testdata/snapshot*.golden.json anew")

var goldenPath = filepath.Join("..", "testdata", "snapshot.golden.json")

// goldenSnapshot has a node that ran and failed, one that was only retried, one whose name needs all kinds of care, and
// one whose every figure is as large as it can be.
func goldenSnapshot() atomicmetrics.Snapshot {
	const ms, us = time.Millisecond, time.Microsecond
	return atomicmetrics.Snapshot{
		TakenAt:     time.Date(2026, 3, 1, 9, 30, 15, 123456789, time.UTC),
		WindowSize:  1 << 30,
		Percentiles: "tdigest",
		Nodes: map[string]atomicmetrics.NodeMetrics{
			"fetch": {
				TotalExecutions: 7, SuccessCount: 3, FailureCount: 4, RetryCount: 5,
				TimeoutErrors: 1, NetworkErrors: 2, OtherErrors: 1,
				RetriesByAttempt: [8]uint64{2, 1, 1, 0, 0, 0, 0, 1},
				LastExecution:    12*ms + 500*us, AvgExecution: 12*ms + 357*us + 142, TotalDuration: 86*ms + 500*us,
				P50: 10 * ms, P90: 20*ms + 1, P99: 30 * ms, WindowMin: 1500 * us, WindowMax: 30 * ms,
				WindowSamples: 6, WindowFailures: 4, FailureRateBreached: true,
			},
			"retried only": {RetryCount: 1, RetriesByAttempt: [8]uint64{1}},
			"größe \"日本\"\\\n<&>\u2028😀": {
				TotalExecutions: 1, SuccessCount: 1, LastExecution: 1, AvgExecution: 1, TotalDuration: 1,
				P50: 1, P90: 1, P99: 1, WindowMin: 1, WindowMax: 1, WindowSamples: 1,
			},
			"(overflow)": {
				TotalExecutions: math.MaxUint64, SuccessCount: 1, FailureCount: math.MaxUint64 - 1,
				RetryCount: math.MaxUint64, TimeoutErrors: math.MaxUint64 - 4, ValidationErrors: 1, NetworkErrors: 1,
				OtherErrors: 1, RetriesByAttempt: [8]uint64{0, 0, 0, 0, 0, 0, 0, math.MaxUint64},
				LastExecution: atomicmetrics.MaxDuration, AvgExecution: atomicmetrics.MaxDuration,
				TotalDuration: math.MaxInt64,
				P50:           atomicmetrics.MaxDuration, P90: atomicmetrics.MaxDuration,
				P99: atomicmetrics.MaxDuration, WindowMin: 0, WindowMax: atomicmetrics.MaxDuration,
				WindowSamples: 1 << 30, WindowFailures: 1, FailureRateBreached: true, LatencyBreached: true,
				RunningBreached: true,
			},
		},
	}
}

// golden returns the golden JSON without the line feed at its end.
func golden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(data, []byte("\n"))
}

// randomSnapshot returns a snapshot that keeps every invariant, with figures of all magnitudes.
func randomSnapshot(r *rand.Rand, nodes int) atomicmetrics.Snapshot {
	s := atomicmetrics.Snapshot{
		TakenAt:     time.Unix(r.Int64N(250_000_000_000), r.Int64N(1_000_000_000)>>r.IntN(30)).UTC(),
		WindowSize:  1 + r.IntN(1<<30)>>r.IntN(30),
		Percentiles: []string{"exact", "tdigest"}[r.IntN(2)],
		Nodes:       map[string]atomicmetrics.NodeMetrics{},
	}
	for range nodes {
		name := make([]rune, r.IntN(12))
		for i := range name {
			// A surrogate is no rune, and becomes U+FFFD here.
			name[i] = []rune(string([]rune{r.Int32N(0x110000) >> r.IntN(20)}))[0]
		}
		s.Nodes[string(name)] = randomNode(r, s.WindowSize)
	}
	return s
}

func randomNode(r *rand.Rand, windowSize int) atomicmetrics.NodeMetrics {
	count := func() uint64 { return r.Uint64N(1<<60) >> r.IntN(61) } // 16 of them can be added up
	flag := func() bool { return r.IntN(2) == 0 }
	var m atomicmetrics.NodeMetrics
	for i := range m.RetriesByAttempt {
		m.RetriesByAttempt[i] = count()
		m.RetryCount += m.RetriesByAttempt[i]
	}
	if r.IntN(8) == 0 { // retried and not ended yet
		return m
	}
	m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors = count(), count(), count(), count()
	m.FailureCount = m.TimeoutErrors + m.ValidationErrors + m.NetworkErrors + m.OtherErrors
	m.SuccessCount = 1 + count()
	m.TotalExecutions = m.SuccessCount + m.FailureCount
	m.FailureRateBreached, m.LatencyBreached, m.RunningBreached = flag(), flag(), flag()

	m.TotalDuration = time.Duration(r.Uint64N(1<<63) >> r.IntN(63))
	var d [7]time.Duration
	for i := range d {
		d[i] = time.Duration(r.Uint64N(1<<56) >> r.IntN(57))
	}
	m.LastExecution, m.AvgExecution = d[0], d[1]
	if r.IntN(8) == 0 { // read in the moment between a record's two halves
		return m
	}
	slices.Sort(d[2:])
	m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax = d[2], d[3], d[4], d[5], d[6]
	m.WindowSamples = int(min(uint64(1+r.IntN(windowSize)), m.TotalExecutions))
	m.WindowFailures = r.IntN(m.WindowSamples + 1)
	return m
}

// marshalNode returns the JSON of a snapshot with m alone.
func marshalNode(t *testing.T, m atomicmetrics.NodeMetrics) string {
	t.Helper()
	s := atomicmetrics.Snapshot{WindowSize: 1, Percentiles: "exact"}
	s.Nodes = map[string]atomicmetrics.NodeMetrics{"n": m}
	b, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMarshalJSONGolden(t *testing.T) {
	got, err := goldenSnapshot().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(goldenPath, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the golden snapshot is now written as\n%s\nand not as\n%s", got, want)
	}
}

// The whole object, so that a golden file written anew by mistake is not what the format is.
func TestMarshalJSONIsTheDocumentedObject(t *testing.T) {
	s := goldenSnapshot()
	s.Nodes = map[string]atomicmetrics.NodeMetrics{"fetch": s.Nodes["fetch"], "retried": s.Nodes["retried only"]}
	got, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"takenAt":"2026-03-01T09:30:15.123456789Z","windowSize":1073741824,` +
		`"percentiles":"tdigest","nodes":{"fetch":{"totalExecutions":7,"successCount":3,"failureCount":4,"retryCount":5,` +
		`"timeoutErrors":1,"validationErrors":0,"networkErrors":2,"otherErrors":1,"retriesByAttempt":[2,1,1,0,0,0,0,1],` +
		`"lastExecutionMs":12.5,"avgExecutionMs":12.357142,"totalDurationMs":86.5,` +
		`"p50":10,"p90":20.000001,"p99":30,"windowMinMs":1.5,"windowMaxMs":30,` +
		`"windowSamples":6,"windowFailures":4,"windowFailureRate":0.6666666666666666,` +
		`"failureRateBreached":true,"latencyBreached":false,"runningBreached":false},` +
		`"retried":{"totalExecutions":0,"successCount":0,"failureCount":0,"retryCount":1,` +
		`"timeoutErrors":0,"validationErrors":0,"networkErrors":0,"otherErrors":0,"retriesByAttempt":[1,0,0,0,0,0,0,0],` +
		`"lastExecutionMs":null,"avgExecutionMs":null,"totalDurationMs":0,` +
		`"p50":null,"p90":null,"p99":null,"windowMinMs":null,"windowMaxMs":null,` +
		`"windowSamples":0,"windowFailures":0,"windowFailureRate":null,` +
		`"failureRateBreached":false,"latencyBreached":false,"runningBreached":false}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A figure that stood in another's field would be seen: all of them differ.
func TestMarshalJSONPutsEachFigureInItsField(t *testing.T) {
	var m atomicmetrics.NodeMetrics
	v := reflect.ValueOf(&m).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Uint64:
			f.SetUint(uint64(100 + i))
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(100 + i))
		case reflect.Bool:
			f.SetBool(v.Type().Field(i).Name == "RunningBreached")
		case reflect.Array:
			for j := range f.Len() {
				f.Index(j).SetUint(uint64(200 + j))
			}
		default:
			t.Fatalf("%s is of a kind this test does not know", v.Type().Field(i).Name)
		}
	}
	var doc struct{ Nodes map[string]map[string]any }
	if err := json.Unmarshal([]byte(marshalNode(t, m)), &doc); err != nil {
		t.Fatal(err)
	}
	var retries []any
	for _, n := range m.RetriesByAttempt {
		retries = append(retries, float64(n))
	}
	want := map[string]any{
		"totalExecutions": float64(m.TotalExecutions), "successCount": float64(m.SuccessCount),
		"failureCount": float64(m.FailureCount), "retryCount": float64(m.RetryCount),
		"timeoutErrors": float64(m.TimeoutErrors), "validationErrors": float64(m.ValidationErrors),
		"networkErrors": float64(m.NetworkErrors), "otherErrors": float64(m.OtherErrors), "retriesByAttempt": retries,
		"lastExecutionMs": float64(m.LastExecution) / 1e6, "avgExecutionMs": float64(m.AvgExecution) / 1e6,
		"totalDurationMs": float64(m.TotalDuration) / 1e6,
		"p50":             float64(m.P50) / 1e6, "p90": float64(m.P90) / 1e6, "p99": float64(m.P99) / 1e6,
		"windowMinMs": float64(m.WindowMin) / 1e6, "windowMaxMs": float64(m.WindowMax) / 1e6,
		"windowSamples": float64(m.WindowSamples), "windowFailures": float64(m.WindowFailures),
		"windowFailureRate":   float64(m.WindowFailures) / float64(m.WindowSamples),
		"failureRateBreached": m.FailureRateBreached, "latencyBreached": m.LatencyBreached,
		"runningBreached": m.RunningBreached,
	}
	if got := doc.Nodes["n"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestMarshalJSONMillisecondsAreExact(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0"},
		{1, "0.000001"},
		{10, "0.00001"},
		{999_999, "0.999999"},
		{1_000_000, "1"},
		{1_000_001, "1.000001"},
		{1_500_000, "1.5"},
		{10_000_000, "10"},
		{123_456_789, "123.456789"},
		{1<<53 + 1, "9007199254.740993"}, // beyond what a float64 holds
		{atomicmetrics.MaxDuration, "72057594037.927935"},
		{math.MaxInt64, "9223372036854.775807"},
	} {
		doc := marshalNode(t, atomicmetrics.NodeMetrics{TotalDuration: c.d})
		if want := `"totalDurationMs":` + c.want + `,`; !strings.Contains(doc, want) {
			t.Errorf("%d ns: %s is not in %s", c.d, want, doc)
		}
	}
}

func TestMarshalJSONNullOnlyWithoutExecutionsOrSamples(t *testing.T) {
	ofExecutions := []string{"lastExecutionMs", "avgExecutionMs"}
	ofSamples := []string{"p50", "p90", "p99", "windowMinMs", "windowMaxMs", "windowFailureRate"}
	for _, c := range []struct {
		name  string
		m     atomicmetrics.NodeMetrics
		nulls []string
	}{
		{"neither", atomicmetrics.NodeMetrics{RetryCount: 1}, append(slices.Clone(ofExecutions), ofSamples...)},
		{"executions", atomicmetrics.NodeMetrics{TotalExecutions: 1}, ofSamples},
		{"both", atomicmetrics.NodeMetrics{TotalExecutions: 1, WindowSamples: 1}, nil},
		{"samples", atomicmetrics.NodeMetrics{WindowSamples: 1}, ofExecutions}, // only by hand
	} {
		var doc struct{ Nodes map[string]map[string]any }
		if err := json.Unmarshal([]byte(marshalNode(t, c.m)), &doc); err != nil {
			t.Fatal(err)
		}
		for field, value := range doc.Nodes["n"] {
			if want := slices.Contains(c.nulls, field); (value == nil) != want {
				t.Errorf("%s: %s is %v; null: %v", c.name, field, value, want)
			}
		}
	}
}

func TestMarshalJSONFailureRateIsShortestWithoutExponent(t *testing.T) {
	for _, c := range []struct {
		failures, samples int
		want              string
	}{
		{0, 3, "0"}, {3, 3, "1"}, {1, 3, "0.3333333333333333"}, {1, 10, "0.1"}, {7, 100, "0.07"},
		{1, 1 << 30, "0.0000000009313225746154785"},
	} {
		doc := marshalNode(t, atomicmetrics.NodeMetrics{WindowSamples: c.samples, WindowFailures: c.failures})
		if want := `"windowFailureRate":` + c.want + `,`; !strings.Contains(doc, want) {
			t.Errorf("%d of %d: %s is not in %s", c.failures, c.samples, want, doc)
		}
	}
}

func TestMarshalJSONTakenAtIsUTCToTheNanosecond(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 3, 1, 2, 0, 0, 1, zone), "2026-02-28T20:30:00.000000001Z"},
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2026-03-01T00:00:00Z"},
		{time.Time{}, "0001-01-01T00:00:00Z"},
		{time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), "9999-12-31T23:59:59.999999999Z"},
	} {
		b, err := atomicmetrics.Snapshot{TakenAt: c.at}.MarshalJSON()
		if want := `{"version":1,"takenAt":"` + c.want + `",`; err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%v: got %s, %v, want %s…", c.at, b, err, want)
		}
	}
}

func TestMarshalJSONNilNodesIsEmptyObject(t *testing.T) {
	b, err := atomicmetrics.Snapshot{WindowSize: 5, Percentiles: "exact"}.MarshalJSON()
	const want = `{"version":1,"takenAt":"0001-01-01T00:00:00Z","windowSize":5,"percentiles":"exact","nodes":{}}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestMarshalJSONNodesInNameOrder(t *testing.T) {
	names := []string{"", "\x00", "(overflow)", "A", "B", "a", "a\x00", "aa", "b", "é", "日本", "\U0001F600"}
	s := atomicmetrics.Snapshot{Nodes: map[string]atomicmetrics.NodeMetrics{}}
	for _, name := range names {
		s.Nodes[name] = atomicmetrics.NodeMetrics{}
	}
	b, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	var got []string
	var last string // a node's name comes right before its object
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch {
		case token == json.Delim('{'):
			if depth++; depth == 3 {
				got = append(got, last)
			}
		case token == json.Delim('}'):
			depth--
		}
		last, _ = token.(string)
	}
	if !slices.Equal(got, names) {
		t.Errorf("got %q, want %q", got, names)
	}
}

func TestMarshalJSONEscapesEveryRune(t *testing.T) {
	s := atomicmetrics.Snapshot{WindowSize: 1, Percentiles: "exact", Nodes: map[string]atomicmetrics.NodeMetrics{}}
	for r := rune(0); r <= 0x10FFFF; r++ {
		if r < 0x3000 || r >= 0xD7F0 && r < 0xE010 || r&0xFFFF >= 0xFFF0 {
			s.Nodes["a"+string(r)+"b"] = atomicmetrics.NodeMetrics{} // of surrogates, one alone remains: U+FFFD
		}
	}
	b, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Nodes map[string]json.RawMessage }
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for name := range s.Nodes {
		if doc.Nodes[name] == nil {
			t.Errorf("%q is lost", name)
		}
	}
	if len(doc.Nodes) != len(s.Nodes) {
		t.Errorf("%d names came out as %d", len(s.Nodes), len(doc.Nodes))
	}
}

func TestMarshalJSONMakesNamesValidUTF8(t *testing.T) {
	b, err := atomicmetrics.Snapshot{
		WindowSize: 1, Percentiles: "exact\x80", Nodes: map[string]atomicmetrics.NodeMetrics{"a\xff\xfeb": {RetryCount: 3}},
	}.MarshalJSON()
	if want := "\"exact\uFFFD\",\"nodes\":{\"a\uFFFDb\":{"; err != nil || !strings.Contains(string(b), want) {
		t.Errorf("got %s, %v, want %s in it", b, err, want)
	}
}

func TestMarshalJSONRefusesNamesThatBecomeEqual(t *testing.T) {
	_, err := atomicmetrics.Snapshot{
		Nodes: map[string]atomicmetrics.NodeMetrics{"b": {}, "a\xff": {}, "a\xfe": {}, "c": {}},
	}.MarshalJSON()
	const want = "atomicmetrics: snapshot: node \"a\uFFFD\": two names are this one, as invalid UTF-8 becomes U+FFFD"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMarshalJSONRefusesWhatHasNoForm(t *testing.T) {
	type metrics = atomicmetrics.NodeMetrics
	ran := metrics{TotalExecutions: 1, WindowSamples: 1} // so that nothing is null
	node := func(set func(m *metrics)) atomicmetrics.Snapshot {
		m := ran
		set(&m)
		return atomicmetrics.Snapshot{Nodes: map[string]metrics{"a": ran, "b": m}}
	}
	for _, c := range []struct {
		s    atomicmetrics.Snapshot
		want string
	}{
		{node(func(m *metrics) { m.LastExecution = -1 }), `node "b": field "lastExecutionMs": -1ns is negative`},
		{node(func(m *metrics) { m.AvgExecution = -1 }), `node "b": field "avgExecutionMs": -1ns is negative`},
		{node(func(m *metrics) { m.TotalDuration = -1 }), `node "b": field "totalDurationMs": -1ns is negative`},
		{node(func(m *metrics) { m.P50 = -1 }), `node "b": field "p50": -1ns is negative`},
		{node(func(m *metrics) { m.P90 = -1 }), `node "b": field "p90": -1ns is negative`},
		{node(func(m *metrics) { m.P99 = -1 }), `node "b": field "p99": -1ns is negative`},
		{node(func(m *metrics) { m.WindowMin = -1 }), `node "b": field "windowMinMs": -1ns is negative`},
		{node(func(m *metrics) { m.WindowMax = -1 }), `node "b": field "windowMaxMs": -1ns is negative`},
		{node(func(m *metrics) { m.WindowSamples = -2 }), `node "b": field "windowSamples": -2 is not a count`},
		{node(func(m *metrics) { m.WindowFailures = -3 }), `node "b": field "windowFailures": -3 is not a count`},
		{atomicmetrics.Snapshot{WindowSize: -1}, `field "windowSize": -1 is not a count`},
		{
			atomicmetrics.Snapshot{TakenAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
			`field "takenAt": year 10000 is not from 0 to 9999`,
		},
		{ // the year that counts is the one in UTC
			atomicmetrics.Snapshot{TakenAt: time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600))},
			`field "takenAt": year -1 is not from 0 to 9999`,
		},
	} {
		b, err := c.s.MarshalJSON()
		if want := "atomicmetrics: snapshot: " + c.want; err == nil || err.Error() != want || b != nil {
			t.Errorf("got  %s, %v\nwant %s", b, err, want)
		}
	}
}

// A snapshot is a part of its owner's JSON like any other, both ways.
func TestSnapshotInsideOtherJSON(t *testing.T) {
	type report struct {
		Host     string                  `json:"host"`
		Snapshot atomicmetrics.Snapshot  `json:"snapshot"`
		Former   *atomicmetrics.Snapshot `json:"former"`
	}
	want := report{"<h>", goldenSnapshot(), nil}
	b, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestUnmarshalJSONIsParseSnapshot(t *testing.T) {
	var s atomicmetrics.Snapshot
	if err := s.UnmarshalJSON(golden(t)); err != nil || !reflect.DeepEqual(s, goldenSnapshot()) {
		t.Fatalf("got %+v, %v", s, err)
	}
	for _, doc := range []string{"null", "{}", `{"version":2}`} {
		_, want := atomicmetrics.ParseSnapshot([]byte(doc))
		err := s.UnmarshalJSON([]byte(doc))
		if err == nil || err.Error() != want.Error() {
			t.Errorf("%s: got %v, want %v", doc, err, want)
		}
		if !reflect.DeepEqual(s, goldenSnapshot()) {
			t.Fatalf("%s: an error left %+v", doc, s)
		}
	}
}

// What is written is one buffer, sized beforehand: a thousand nodes cost no more allocations than ten.
func TestMarshalJSONAllocatesABufferNotNodes(t *testing.T) {
	allocations := func(nodes int) float64 {
		s := largeSnapshot(nodes)
		return testing.AllocsPerRun(10, func() {
			if _, err := s.MarshalJSON(); err != nil {
				t.Error(err)
			}
		})
	}
	if few, many := allocations(10), allocations(1000); many > few {
		t.Errorf("10 nodes take %v allocations, 1000 take %v", few, many)
	}
}

// largeSnapshot has nodes with figures as a service has them after a day.
func largeSnapshot(nodes int) atomicmetrics.Snapshot {
	m := goldenSnapshot().Nodes["fetch"]
	m.TotalExecutions, m.SuccessCount, m.TotalDuration = 86_400_004, 86_400_000, 1_234_567_890_123_456
	s := atomicmetrics.Snapshot{
		TakenAt:     time.Date(2026, 3, 1, 9, 30, 15, 123456789, time.UTC),
		WindowSize:  100,
		Percentiles: "exact",
		Nodes:       make(map[string]atomicmetrics.NodeMetrics, nodes),
	}
	for i := range nodes {
		s.Nodes["workflow/step-"+strconv.Itoa(i)] = m
	}
	return s
}

func BenchmarkMarshalJSON(b *testing.B) {
	for _, nodes := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			s := largeSnapshot(nodes)
			b.ReportAllocs()
			for b.Loop() {
				doc, err := s.MarshalJSON()
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(doc)))
			}
		})
	}
}

// BenchmarkNodeJSON is the JSON of a node in a snapshot, to write and to read.
// The node's window is full of durations about 3 ms.
func BenchmarkNodeJSON(b *testing.B) {
	for _, c := range []struct {
		name    string
		window  int
		options []atomicmetrics.Option
	}{
		{"window=100/sketches=no", 100, nil},
		{"window=100/sketches=yes", 100, []atomicmetrics.Option{atomicmetrics.WithSketches()}},
		{"window=1024/sketches=yes", 1024, []atomicmetrics.Option{atomicmetrics.WithSketches()}},
		{"window=1048576/sketches=yes", 1 << 20, []atomicmetrics.Option{
			atomicmetrics.WithSketches(), atomicmetrics.WithPercentiles(digest.TDigest(100))}},
	} {
		b.Run(c.name, func(b *testing.B) {
			const nodes = 10
			m := atomicmetrics.MustNew(append(c.options, atomicmetrics.WithWindowSize(c.window))...)
			r := rand.New(rand.NewPCG(1, 16))
			for i := range nodes * c.window {
				m.RecordSuccess(strconv.Itoa(i%nodes), time.Duration(math.Exp(15+r.NormFloat64())))
			}
			size := 0
			for b.Loop() {
				document, err := m.MarshalJSON()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := atomicmetrics.ParseSnapshot(document); err != nil {
					b.Fatal(err)
				}
				size = len(document)
			}
			b.ReportMetric(float64(size)/nodes, "bytes/node")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*nodes), "µs/node")
		})
	}
}
