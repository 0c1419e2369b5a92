package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var (
	snapshotFields = []string{"version", "takenAt", "windowSize", "percentiles", "nodes"}
	nodeFields     = []string{
		"totalExecutions", "successCount", "failureCount", "retryCount", "timeoutErrors", "validationErrors",
		"networkErrors", "otherErrors", "retriesByAttempt", "lastExecutionMs", "avgExecutionMs", "totalDurationMs",
		"p50", "p90", "p99", "windowMinMs", "windowMaxMs", "windowSamples", "windowFailures", "windowFailureRate",
		"failureRateBreached", "latencyBreached", "runningBreached",
	}
)

// edit returns the golden JSON with one thing changed: the first old of the node whose name begins so, or of the whole
// if node is empty, is replaced by new.
func edit(t testing.TB, node, old, new string) []byte {
	t.Helper()
	doc := string(golden(t))
	start := 0
	if node != "" {
		start = strings.Index(doc, `"`+node)
	}
	if start < 0 || !strings.Contains(doc[start:], old) {
		t.Fatalf("node %q of the golden JSON has no %s", node, old)
	}
	return []byte(doc[:start] + strings.Replace(doc[start:], old, new, 1))
}

// rawField returns the golden JSON of a field as it is written: "name":value.
func rawField(t testing.TB, node, name string) string {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(golden(t), &doc); err != nil {
		t.Fatal(err)
	}
	if node != "" {
		var nodes map[string]map[string]json.RawMessage
		if err := json.Unmarshal(doc["nodes"], &nodes); err != nil {
			t.Fatal(err)
		}
		doc = nodes[node]
	}
	return strconv.Quote(name) + ":" + string(doc[name])
}

// refused fails the test unless doc is refused with the error want and the zero Snapshot.
func refused(t testing.TB, doc []byte, want string) {
	t.Helper()
	s, err := atomicmetrics.ParseSnapshot(doc)
	if want = "atomicmetrics: snapshot: " + want; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if !reflect.DeepEqual(s, atomicmetrics.Snapshot{}) {
		t.Errorf("%v came with %+v", err, s)
	}
}

// accepted fails the test unless doc is read as want.
func accepted(t testing.TB, doc []byte, want atomicmetrics.Snapshot) {
	t.Helper()
	s, err := atomicmetrics.ParseSnapshot(doc)
	if err != nil {
		t.Errorf("%.500s: %v", doc, err)
	} else {
		equalSnapshots(t, "read", s, want)
	}
}

func TestParseSnapshotGivesBackTheSameValues(t *testing.T) {
	accepted(t, golden(t), goldenSnapshot())
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 19))
		want := randomSnapshot(r, r.IntN(8))
		doc, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		accepted(t, doc, want)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestParseSnapshotReturnsNodesNeverNil(t *testing.T) {
	doc, err := atomicmetrics.Snapshot{WindowSize: 1, Percentiles: "exact"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	s, err := atomicmetrics.ParseSnapshot(doc)
	if err != nil || s.Nodes == nil || len(s.Nodes) != 0 {
		t.Errorf("got %#v, %v", s, err)
	}
}

func TestParseSnapshotTakesFieldsInAnyOrder(t *testing.T) {
	for seed := range uint64(50) {
		doc := shuffled(t, golden(t), rand.New(rand.NewPCG(seed, 20)))
		accepted(t, doc, goldenSnapshot())
		var indented bytes.Buffer
		if err := json.Indent(&indented, doc, "\n ", "\r\t"); err != nil {
			t.Fatal(err)
		}
		accepted(t, []byte(" \r\n\t"+indented.String()+" \r\n\t"), goldenSnapshot())
	}
}

// shuffled returns doc with the fields of all objects in random order.
func shuffled(t *testing.T, doc []byte, r *rand.Rand) []byte {
	var object map[string]json.RawMessage
	if doc[0] != '{' {
		return doc
	}
	if err := json.Unmarshal(doc, &object); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names) // so that a seed says it all
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	fields := make([]string, len(names))
	for i, name := range names {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		fields[i] = string(quoted) + ":" + string(shuffled(t, object[name], r))
	}
	return []byte("{" + strings.Join(fields, ",") + "}")
}

func TestParseSnapshotReadsEscapes(t *testing.T) {
	accepted(t, edit(t, "", `"windowSize"`, `"window\u0053ize"`), goldenSnapshot())
	accepted(t, edit(t, "", `"tdigest"`, `"t\u0064igest"`), goldenSnapshot())
	accepted(t, edit(t, "", `"2026-`, `"\u0032026-`), goldenSnapshot())
	accepted(t, edit(t, "fetch", `"p50"`, `"\u00700"`[:7]+`50"`), goldenSnapshot())
	accepted(t, edit(t, "", `"fetch"`, `"f\u0065tch"`), goldenSnapshot())
	accepted(t, edit(t, "", `😀`, `\uD83D\ude00`), goldenSnapshot())
}

func TestParseSnapshotReadsInvalidUTF8AsU_FFFD(t *testing.T) {
	for _, name := range []string{"fetch\xff", `fetch\ud83d`, `fetch\ude00`} {
		want := goldenSnapshot()
		want.Nodes["fetch\uFFFD"] = want.Nodes["fetch"]
		delete(want.Nodes, "fetch")
		accepted(t, edit(t, "", `"fetch"`, `"`+name+`"`), want)
	}
}

func TestParseSnapshotRefusesAnotherVersion(t *testing.T) {
	for _, c := range []struct{ version, shown string }{
		{"2", "2"}, {"0", "0"}, {"-1", "-1"}, {"1.0", "1.0"}, {"1e0", "1e0"}, {`"1"`, `"1"`}, {"true", "true"},
		{"null", "null"}, {"[1]", "an array"}, {"{}", "an object"}, {"11", "11"},
	} {
		want := `field "version": ` + c.shown + ` is not 1, the version that can be read`
		refused(t, edit(t, "", `"version":1`, `"version":`+c.version), want)
		// It is the version that is at fault, even where other things are new and come first.
		refused(t, []byte(`{"new":[],"nodes":{"a":{"new":1}},"vers\u0069on":`+c.version+`}`), want)
	}
}

func TestParseSnapshotRefusesMissingFields(t *testing.T) {
	for _, name := range snapshotFields {
		doc := edit(t, "", rawField(t, "", name), `"":0`)
		doc = bytes.Replace(bytes.Replace(doc, []byte(`"":0,`), nil, 1), []byte(`,"":0`), nil, 1)
		refused(t, doc, `field "`+name+`": missing`)
	}
	for _, name := range nodeFields {
		doc := edit(t, "fetch", rawField(t, "fetch", name), `"":0`)
		doc = bytes.Replace(bytes.Replace(doc, []byte(`"":0,`), nil, 1), []byte(`,"":0`), nil, 1)
		if name == "runningBreached" { // older versions do not write it
			accepted(t, doc, goldenSnapshot())
			continue
		}
		refused(t, doc, `node "fetch": field "`+name+`": missing`)
	}
	refused(t, []byte(`{}`), `field "version": missing`)
	refused(t, edit(t, "", rawField(t, "", "nodes"), `"nodes":{"a":{}}`), `node "a": field "totalExecutions": missing`)
}

func TestParseSnapshotRefusesFieldsGivenTwice(t *testing.T) {
	for _, name := range snapshotFields {
		raw := rawField(t, "", name)
		refused(t, edit(t, "", raw, raw+","+raw), `field "`+name+`": given twice`)
	}
	for _, name := range nodeFields {
		raw := rawField(t, "fetch", name)
		refused(t, edit(t, "fetch", raw, raw+","+raw), `node "fetch": field "`+name+`": given twice`)
	}
	refused(t, edit(t, "fetch", `"p50":10`, `"p50":10,"p\u00350":10`), `node "fetch": field "p50": given twice`)
}

func TestParseSnapshotRefusesNodesGivenTwice(t *testing.T) {
	other := rawField(t, "", "nodes")
	other = other[strings.Index(other, `"retried only":`)+len(`"retried only":`) : len(other)-1]
	for _, c := range []struct{ first, second, shown string }{
		{"a", "a", "a"},
		{"", "", ""},
		{"a", `\u0061`, "a"},
		{"a\xff", "a\xfe", "a\uFFFD"},
		{"a\uFFFD", "a\xff", "a\uFFFD"},
		{`a\ud800`, `a\udc00`, "a\uFFFD"},
		{"\u00FC", `\u00fc`, "ü"},
	} {
		doc := edit(t, "", `"nodes":{`, `"nodes":{"`+c.first+`":`+other+`,"`+c.second+`":`+other+`,`)
		refused(t, doc, `node "`+c.shown+`": given twice`)
	}
}

// The values of fields that nobody knows are anything. Such a field may be there
// twice, and its name may be a known one in another case.
func TestParseSnapshotSkipsUnknownFields(t *testing.T) {
	want := goldenDetails()
	for _, name := range []string{"", "Version", "windowsize", "P50", "p50Ms", "nodes ", "txt", `q\"p`, "source", "overdue"} {
		for _, value := range []string{"null", "true", "-1.5e400", `"\"}]"`, `[{"a":[]}]`, `{"p50":{"p50":[1,2]},"at":3}`} {
			field := `"` + name + `":` + value
			for _, object := range []string{`{"version":`, `{"totalExecutions":`, `{"at":`, `{"running":`} {
				doc := bytes.ReplaceAll(detailsGolden(t), []byte(object), []byte(`{`+field+`, `+object[1:]))
				accepted(t, doc, want)
				doc = bytes.ReplaceAll(detailsGolden(t), []byte(object), []byte(`{`+field+`,`+field+` ,`+object[1:]))
				accepted(t, doc, want)
			}
			if t.Failed() {
				t.Fatalf("with the field %s", field)
			}
		}
	}
	refused(t, edit(t, "fetch", `"p50":`, `"P50":`), `node "fetch": field "p50": missing`)
}

func TestParseSnapshotRefusesWrongTypes(t *testing.T) {
	values := []struct{ json, shown, kind string }{
		{"null", "null", "null"}, {"true", "true", "flag"}, {"false", "false", "flag"}, {`"1"`, `"1"`, "string"},
		{`""`, `""`, "string"}, {"[]", "an array", "array"}, {"{}", "an object", "object"}, {"3", "3", "number"},
	}
	const (
		aCount = " is not a count"
		single = " is not milliseconds to the nanosecond, from 0 to 72057594037.927935"
		total  = " is not milliseconds to the nanosecond, from 0 to 9223372036854.775807"
		rate   = " is not windowFailures / windowSamples = 0.6666666666666666"
		flag   = " is not true or false"
	)
	for _, c := range []struct {
		node, field, right, want string
		nullable                 string
	}{
		{"", "takenAt", "", " is not a time of RFC 3339 to the nanosecond", ""},
		{"", "windowSize", "number", aCount, ""},
		{"", "percentiles", "", ` is not "exact" or "tdigest"`, ""},
		{"", "nodes", "object", " is not an object", ""},
		{"fetch", "totalExecutions", "number", aCount, ""},
		{"fetch", "successCount", "number", aCount, ""},
		{"fetch", "failureCount", "number", aCount, ""},
		{"fetch", "retryCount", "number", aCount, ""},
		{"fetch", "timeoutErrors", "number", aCount, ""},
		{"fetch", "validationErrors", "number", aCount, ""},
		{"fetch", "networkErrors", "number", aCount, ""},
		{"fetch", "otherErrors", "number", aCount, ""},
		{"fetch", "retriesByAttempt", "array", " is not an array of 8 counts", ""},
		{"fetch", "lastExecutionMs", "number", single, "totalExecutions is 0"},
		{"fetch", "avgExecutionMs", "number", single, "totalExecutions is 0"},
		{"fetch", "totalDurationMs", "number", total, ""},
		{"fetch", "p50", "number", single, "windowSamples is 0"},
		{"fetch", "p90", "number", single, "windowSamples is 0"},
		{"fetch", "p99", "number", single, "windowSamples is 0"},
		{"fetch", "windowMinMs", "number", single, "windowSamples is 0"},
		{"fetch", "windowMaxMs", "number", single, "windowSamples is 0"},
		{"fetch", "windowSamples", "number", aCount, ""},
		{"fetch", "windowFailures", "number", aCount, ""},
		{"fetch", "windowFailureRate", "", rate, "windowSamples is 0"},
		{"fetch", "failureRateBreached", "flag", flag, ""},
		{"fetch", "latencyBreached", "flag", flag, ""},
		{"fetch", "runningBreached", "flag", flag, ""},
	} {
		for _, v := range values {
			if v.kind == c.right {
				continue
			}
			want := `field "` + c.field + `": ` + v.shown + c.want
			if v.kind == "null" && c.nullable != "" {
				want = `field "` + c.field + `": null is only for when ` + c.nullable
			}
			if c.node != "" {
				want = `node "` + c.node + `": ` + want
			}
			refused(t, edit(t, c.node, rawField(t, c.node, c.field), strconv.Quote(c.field)+":"+v.json), want)
		}
	}
	for _, v := range values {
		if v.kind != "object" {
			refused(t, []byte(v.json), v.shown+" is not an object")
			doc := edit(t, "", rawField(t, "", "nodes"), `"nodes":{"a b":`+v.json+`}`)
			refused(t, doc, `node "a b": `+v.shown+" is not an object")
		}
	}
}

func TestParseSnapshotRefusesWhatIsNoCount(t *testing.T) {
	for _, n := range []string{
		"-1", "-0", "0.5", "7.0", "7e0", "7E+0", "70e-1", "18446744073709551616", "99999999999999999999", "1e19",
		"100000000000000000000000000000000000",
	} {
		for _, field := range []string{"totalExecutions", "otherErrors", "windowSamples", "windowFailures"} {
			doc := edit(t, "fetch", rawField(t, "fetch", field), strconv.Quote(field)+":"+n)
			refused(t, doc, `node "fetch": field "`+field+`": `+n+` is not a count`)
		}
		doc := edit(t, "fetch", "[2,1,1,0,", "[2,1,1,"+n+",")
		refused(t, doc, `node "fetch": field "retriesByAttempt": [3]: `+n+` is not a count`)
		refused(t, edit(t, "", `"windowSize":1073741824`, `"windowSize":`+n), `field "windowSize": `+n+` is not a count`)
	}
	const no8 = `node "fetch": field "retriesByAttempt": an array of %d is not an array of 8 counts`
	refused(t, edit(t, "fetch", "[2,1,1,0,0,0,0,1]", "[2,1,1,0,0,0,1]"), fmt.Sprintf(no8, 7))
	refused(t, edit(t, "fetch", "[2,1,1,0,0,0,0,1]", "[2,1,1,0,0,0,0,1,0]"), fmt.Sprintf(no8, 9))
	refused(t, edit(t, "fetch", "[2,1,1,0,0,0,0,1]", `[2,1,1,0,0,0,0,"1"]`),
		`node "fetch": field "retriesByAttempt": [7]: "1" is not a count`)
	if strconv.IntSize == 64 {
		refused(t, edit(t, "fetch", `"windowSamples":6`, `"windowSamples":9223372036854775808`),
			`node "fetch": field "windowSamples": 9223372036854775808 is not from 0 to 9223372036854775807`)
	}
}

// A merged snapshot has larger windows than any strategy.
func TestParseSnapshotRefusesWindowSizesThatNothingKeepsExactly(t *testing.T) {
	for _, n := range []string{"0", "9007199254740992", "18446744073709551615"} {
		doc := edit(t, "", `"windowSize":1073741824`, `"windowSize":`+n)
		refused(t, doc, fmt.Sprintf(`field "windowSize": %s is not from 1 to %d`, n, maxWindow))
	}
	want := goldenSnapshot()
	want.WindowSize = maxWindow
	accepted(t, edit(t, "", `"windowSize":1073741824`, fmt.Sprintf(`"windowSize":%d`, maxWindow)), want)
}

func TestParseSnapshotReadsMillisecondsExactly(t *testing.T) {
	zeros := strings.Repeat("0", 100)
	for _, c := range []struct {
		json string
		want time.Duration
	}{
		{"0", 0}, {"0.0", 0}, {"0e0", 0}, {"0.000e-5", 0}, {"0e+999", 0},
		{"1", 1_000_000}, {"1.0", 1_000_000}, {"1.5", 1_500_000}, {"10", 10_000_000}, {"1.05", 1_050_000},
		{"0.000001", 1}, {"1e-06", 1}, {"1E-6", 1}, {"1.5e-05", 15}, {"10e-7", 1}, {"0.1e-5", 1}, {"100.10e-4", 10_010},
		{"1e3", 1_000_000_000}, {"1e+3", 1_000_000_000}, {"0.0001e10", 1_000_000_000_000},
		{"1.5000000" + zeros, 1_500_000}, {"1" + zeros + "e-100", 1_000_000}, {"0." + zeros + "1e101", 1_000_000},
		{"9007199254.740993", 1<<53 + 1}, {"72057594037.927935", atomicmetrics.MaxDuration},
		{"72057594037927935e-6", atomicmetrics.MaxDuration}, {"72057594037927935000000000e-15", atomicmetrics.MaxDuration},
		{"9223372036854.775807", math.MaxInt64}, {"9223372036854775807e-6", math.MaxInt64},
	} {
		want := goldenSnapshot()
		m := want.Nodes["fetch"]
		m.TotalDuration = c.want
		want.Nodes["fetch"] = m
		accepted(t, edit(t, "fetch", `"totalDurationMs":86.5`, `"totalDurationMs":`+c.json), want)
	}
}

func TestParseSnapshotRefusesMillisecondsItCannotKeep(t *testing.T) {
	for _, n := range []string{
		"-1", "-0", "-0.0", "-1e-400",
		"0.0000001", "1e-7", "1.0000001", "1234567890123.0000001", "0.1234567890123456789012345", "1.5e-6", "1e-999",
		"9223372036854.775808", "9223372036854775808e-6", "9223372036855", "18446744073709.551616", "1e13", "1e999",
		"92233720368547758070000000000000000000", "123456789012345678901234567890e-20",
		"1e1000000000", "1e-1000000000", "0e1000000000", "1e9223372036854775808", "1e00001",
	} {
		doc := edit(t, "fetch", `"totalDurationMs":86.5`, `"totalDurationMs":`+n)
		refused(t, doc, `node "fetch": field "totalDurationMs": `+n+
			` is not milliseconds to the nanosecond, from 0 to 9223372036854.775807`)
	}
	for _, field := range []string{
		"lastExecutionMs", "avgExecutionMs", "p50", "p90", "p99", "windowMinMs", "windowMaxMs",
	} {
		doc := edit(t, "fetch", rawField(t, "fetch", field), strconv.Quote(field)+":72057594037.927936")
		refused(t, doc, `node "fetch": field "`+field+
			`": 72057594037.927936 is not milliseconds to the nanosecond, from 0 to 72057594037.927935`)
	}
}

func TestParseSnapshotReadsTheFailureRateInAnyForm(t *testing.T) {
	for _, rate := range []string{
		"0.6666666666666666", "0.66666666666666660", "6.666666666666666e-1", "0.66666666666666662966",
	} {
		accepted(t, edit(t, "fetch", "0.6666666666666666", rate), goldenSnapshot())
	}
	accepted(t, edit(t, "(overflow)", "0.0000000009313225746154785", "9.313225746154785e-10"), goldenSnapshot())
	accepted(t, edit(t, "größe", `"windowFailureRate":0`, `"windowFailureRate":0.0`), goldenSnapshot())
}

func TestParseSnapshotRefusesAnotherFailureRate(t *testing.T) {
	for _, rate := range []string{
		"0.6666666666666667", "0.66666666666666", "0.5", "0", "-0.6666666666666666", "1e400", "-1e400", "1e999999999",
	} {
		refused(t, edit(t, "fetch", "0.6666666666666666", rate),
			`node "fetch": field "windowFailureRate": `+rate+` is not windowFailures / windowSamples = 0.6666666666666666`)
	}
	refused(t, edit(t, "größe", `"windowFailureRate":0`, `"windowFailureRate":-0.0`),
		"node \"größe \\\"日本\\\"\\\\\\n<&>\\u2028😀\": "+
			`field "windowFailureRate": -0.0 is not windowFailures / windowSamples = 0`)
}

func TestParseSnapshotReadsTakenAtInUTC(t *testing.T) {
	for _, c := range []struct {
		json string
		want time.Time
	}{
		{"2026-03-01T09:30:15Z", time.Date(2026, 3, 1, 9, 30, 15, 0, time.UTC)},
		{"2026-03-01T09:30:15.5+05:30", time.Date(2026, 3, 1, 4, 0, 15, 500_000_000, time.UTC)},
		{"2026-03-01T00:00:00.000000001-01:00", time.Date(2026, 3, 1, 1, 0, 0, 1, time.UTC)},
		{"2026-03-01T09:30:15.123456+00:00", time.Date(2026, 3, 1, 9, 30, 15, 123_456_000, time.UTC)},
		{"0001-01-01T00:00:00Z", time.Time{}},
		{"9999-12-31T23:59:59.999999999Z", time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)},
		{"2026-03-01T09:30:15+23:59", time.Date(2026, 2, 28, 9, 31, 15, 0, time.UTC)},
		{"2026-03-01T09:30:15-23:59", time.Date(2026, 3, 2, 9, 29, 15, 0, time.UTC)},
	} {
		want := goldenSnapshot()
		want.TakenAt = c.want
		accepted(t, edit(t, "", "2026-03-01T09:30:15.123456789Z", c.json), want)
	}
}

func TestParseSnapshotRefusesTakenAtOutsideRFC3339(t *testing.T) {
	for _, at := range []string{
		"", "now", "2026-03-01", "2026-03-01T09:30:15", "2026-03-01 09:30:15Z", "2026-03-01t09:30:15z",
		"2026-03-01T9:30:15Z", "2026-02-29T09:30:15Z", "2026-03-01T24:00:00Z", "2026-03-01T09:30:15,5Z",
		"2026-03-01T09:30:15.Z", "2026-03-01T09:30:15+24:00", "2026-03-01T09:30:15-00:60", "2026-03-01T09:30:15+0700",
		"2026-03-01T09:30:15Z ", "26-03-01T09:30:15Z",
		"2026-03-01T09:30:15.1234567891Z", "2026-03-01T09:30:15.1234567890Z", // digits that a time.Time has no room for
		"0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", // years -1 and 10000 in UTC
	} {
		doc := edit(t, "", "2026-03-01T09:30:15.123456789Z", at)
		refused(t, doc, `field "takenAt": "`+at+`" is not a time of RFC 3339 to the nanosecond`)
	}
}

func TestParseSnapshotRefusesOtherPercentiles(t *testing.T) {
	for _, s := range []string{"", "Exact", "exact ", "hdr"} {
		refused(t, edit(t, "", `"tdigest"`, `"`+s+`"`), `field "percentiles": "`+s+`" is not "exact" or "tdigest"`)
	}
	want := goldenSnapshot()
	want.Percentiles = "exact"
	accepted(t, edit(t, "", `"tdigest"`, `"exact"`), want)
}

// Each row breaks one invariant, and the error has both sides of it.
func TestParseSnapshotRefusesFiguresThatContradictEachOther(t *testing.T) {
	const overflow = "(overflow)"
	const categories = "the sum of timeoutErrors, validationErrors, networkErrors and otherErrors"
	for _, c := range []struct{ node, old, new, want string }{
		{
			"fetch", `"totalExecutions":7`, `"totalExecutions":8`,
			`field "totalExecutions": 8 is not the sum of successCount and failureCount: [3 4]`,
		},
		{
			"fetch", `"successCount":3`, `"successCount":2`,
			`field "totalExecutions": 7 is not the sum of successCount and failureCount: [2 4]`,
		},
		{ // 2^64 - 1 + 2^64 - 1 is 2^64 - 2 in 64 bits
			overflow, `"totalExecutions":18446744073709551615,"successCount":1,"failureCount":18446744073709551614`,
			`"totalExecutions":18446744073709551613,"successCount":18446744073709551615,"failureCount":18446744073709551614`,
			`field "totalExecutions": 18446744073709551613 is not the sum of successCount and failureCount: ` +
				`[18446744073709551615 18446744073709551614]`,
		},
		{
			"fetch", `"timeoutErrors":1`, `"timeoutErrors":0`,
			`field "failureCount": 4 is not ` + categories + `: [0 0 2 1]`,
		},
		{
			"fetch", `"validationErrors":0`, `"validationErrors":9`,
			`field "failureCount": 4 is not ` + categories + `: [1 9 2 1]`,
		},
		{
			"fetch", `"networkErrors":2`, `"networkErrors":1`,
			`field "failureCount": 4 is not ` + categories + `: [1 0 1 1]`,
		},
		{
			"fetch", `"otherErrors":1`, `"otherErrors":2`,
			`field "failureCount": 4 is not ` + categories + `: [1 0 2 2]`,
		},
		{ // three carries: 4 × (2^64 - 1) is 2^64 - 4 in 64 bits
			overflow, `"totalExecutions":18446744073709551615,"successCount":1,"failureCount":18446744073709551614,` +
				`"retryCount":18446744073709551615,"timeoutErrors":18446744073709551611,"validationErrors":1,` +
				`"networkErrors":1,"otherErrors":1`,
			`"totalExecutions":18446744073709551612,"successCount":0,"failureCount":18446744073709551612,` +
				`"retryCount":18446744073709551615,"timeoutErrors":18446744073709551615,"validationErrors":18446744073709551615,` +
				`"networkErrors":18446744073709551615,"otherErrors":18446744073709551615`,
			`field "failureCount": 18446744073709551612 is not ` + categories + `: ` +
				`[18446744073709551615 18446744073709551615 18446744073709551615 18446744073709551615]`,
		},
		{
			"fetch", `"retryCount":5`, `"retryCount":6`,
			`field "retryCount": 6 is not the sum of retriesByAttempt: [2 1 1 0 0 0 0 1]`,
		},
		{
			"fetch", `[2,1,1,0,0,0,0,1]`, `[2,1,1,0,0,0,0,2]`,
			`field "retryCount": 5 is not the sum of retriesByAttempt: [2 1 1 0 0 0 0 2]`,
		},
		{ // two carries
			"fetch", `[2,1,1,0,0,0,0,1]`, `[2,18446744073709551615,18446744073709551615,0,0,0,0,5]`,
			`field "retryCount": 5 is not the sum of retriesByAttempt: ` +
				`[2 18446744073709551615 18446744073709551615 0 0 0 0 5]`,
		},
		{
			overflow, `[0,0,0,0,0,0,0,18446744073709551615]`, `[1,18446744073709551615,0,0,0,0,0,18446744073709551615]`,
			`field "retryCount": 18446744073709551615 is not the sum of retriesByAttempt: ` +
				`[1 18446744073709551615 0 0 0 0 0 18446744073709551615]`,
		},
		{
			"fetch", `"windowFailures":4,"windowFailureRate":0.6666666666666666`, `"windowFailures":9,"windowFailureRate":1.5`,
			`field "windowFailures": 9 is above windowSamples, which is 6`,
		},
		{
			"retried only", `"windowFailures":0`, `"windowFailures":1`,
			`field "windowFailures": 1 is above windowSamples, which is 0`,
		},
		{
			overflow, `"windowSamples":1073741824,"windowFailures":1,"windowFailureRate":0.0000000009313225746154785`,
			`"windowSamples":1073741825,"windowFailures":0,"windowFailureRate":0`,
			`field "windowSamples": 1073741825 is above windowSize, which is 1073741824`,
		},
		{
			"fetch", `"windowSamples":6,"windowFailures":4,"windowFailureRate":0.6666666666666666`,
			`"windowSamples":8,"windowFailures":4,"windowFailureRate":0.5`,
			`field "windowSamples": 8 is above totalExecutions, which is 7`,
		},
		{"fetch", `"windowMinMs":1.5`, `"windowMinMs":10.000001`, `field "windowMinMs": 10.000001 is above p50, which is 10`},
		{"fetch", `"p50":10`, `"p50":20.000002`, `field "p50": 20.000002 is above p90, which is 20.000001`},
		{"fetch", `"p90":20.000001`, `"p90":30.000001`, `field "p90": 30.000001 is above p99, which is 30`},
		{"fetch", `"windowMaxMs":30`, `"windowMaxMs":29.999999`, `field "p99": 30 is above windowMaxMs, which is 29.999999`},
		{"fetch", `"windowMinMs":1.5`, `"windowMinMs":null`, `field "windowMinMs": null is only for when windowSamples is 0`},
		{
			"retried only", `"lastExecutionMs":null`, `"lastExecutionMs":0`,
			`field "lastExecutionMs": 0 where null belongs: totalExecutions is 0`,
		},
		{
			"retried only", `"avgExecutionMs":null`, `"avgExecutionMs":"a"`,
			`field "avgExecutionMs": "a" where null belongs: totalExecutions is 0`,
		},
		{"retried only", `"p50":null`, `"p50":0`, `field "p50": 0 where null belongs: windowSamples is 0`},
		{"retried only", `"p90":null`, `"p90":1.5`, `field "p90": 1.5 where null belongs: windowSamples is 0`},
		{"retried only", `"p99":null`, `"p99":-1`, `field "p99": -1 where null belongs: windowSamples is 0`},
		{
			"retried only", `"windowMinMs":null`, `"windowMinMs":0`,
			`field "windowMinMs": 0 where null belongs: windowSamples is 0`,
		},
		{
			"retried only", `"windowMaxMs":null`, `"windowMaxMs":0`,
			`field "windowMaxMs": 0 where null belongs: windowSamples is 0`,
		},
		{
			"retried only", `"windowFailureRate":null`, `"windowFailureRate":0`,
			`field "windowFailureRate": 0 where null belongs: windowSamples is 0`,
		},
	} {
		refused(t, edit(t, c.node, c.old, c.new), `node "`+c.node+`": `+c.want)
	}
}

// The window is judged by its size wherever that stands.
func TestParseSnapshotComparesTheWindowWithALaterWindowSize(t *testing.T) {
	doc := edit(t, "", `"windowSize":1073741824,`, "")
	doc = append(doc[:len(doc)-1], `,"windowSize":5}`...)
	doc = bytes.ReplaceAll(doc, []byte(`"(overflow)":{`), []byte(`"a":{`))
	refused(t, doc, `node "a": field "windowSamples": 1073741824 is above windowSize, which is 5`)
}

// notJSON fails the test unless doc is refused as no JSON. The rest of the error is
// encoding/json's.
func notJSON(t *testing.T, doc []byte) {
	t.Helper()
	s, err := atomicmetrics.ParseSnapshot(doc)
	if err == nil || !strings.HasPrefix(err.Error(), "atomicmetrics: snapshot: not JSON: ") ||
		!reflect.DeepEqual(s, atomicmetrics.Snapshot{}) {
		t.Errorf("%.40q: got %+v, %v", doc, s, err)
	}
}

func TestParseSnapshotRefusesEveryPrefix(t *testing.T) {
	doc := golden(t)
	for n := range len(doc) {
		notJSON(t, doc[:n])
	}
}

func TestParseSnapshotRefusesTrailingData(t *testing.T) {
	doc := golden(t)
	for _, trail := range []string{"x", "{}", "null", ",", "\x00", "}", "\uFEFF", string(doc)} {
		notJSON(t, []byte(string(doc)+" \n"+trail))
	}
}

func TestParseSnapshotRefusesWhatIsNotJSON(t *testing.T) {
	for _, doc := range []string{
		"", " ", "{", "nul", "{'version':1}", `{"version":1,}`, `{"version":01}`, `{"version":+1}`, `{"version":.5}`,
		`{"version":NaN}`, `{"version":Infinity}`, "{\"ver\nsion\":1}", `{"version":1}}`, `{"version":"\x"}`, "\uFEFF{}",
		`{"version" 1}`, `// {}`, `[1 2]`, strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	} {
		notJSON(t, []byte(doc))
	}
}

// hostile returns documents of about n bytes that are made to be expensive, or to fill a log.
func hostile(t *testing.T, n int) map[string][]byte {
	t.Helper()
	long, digits := strings.Repeat("x", n), strings.Repeat("7", n)
	other := rawField(t, "", "nodes")
	other = other[strings.Index(other, `"retried only":`)+len(`"retried only":`) : len(other)-1]
	// each returns an object of about n bytes. Its members all have this value,
	// but ParseSnapshot refuses the last member.
	each := func(value string) string {
		b := []byte("{")
		for i := 0; len(b) < n; i++ {
			b = fmt.Appendf(b, `"%x":%s,`, i, value)
		}
		return string(b) + `"x x":-1}`
	}
	return map[string][]byte{
		"a string":              []byte(`"` + long + `"`),
		"a number":              []byte(digits),
		"arrays in arrays":      []byte(strings.Repeat("[", n)),
		"objects in objects":    []byte(strings.Repeat(`{"a":`, n/5)),
		"nested unknown field":  edit(t, "", "{", `{"a":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+","),
		"unknown field":         edit(t, "", "{", `{"`+long+`":0,`),
		"escaped unknown field": edit(t, "", "{", `{"`+strings.Repeat(`\u00e9`, n/6)+`":0,`),
		"unknown field of node": edit(t, "fetch", `"fetch":{`, `"fetch":{"`+long+`":0,`),
		"many unknown fields":   edit(t, "", "{", `{`+strings.Repeat(`"a":0,`, n/6)),
		"node name":             edit(t, "", `"fetch":{`, `"`+strings.Repeat("é", n/2)+`":{"p50":0,`),
		"node name of no use":   edit(t, "", `"fetch":{`, `"`+strings.Repeat("\xff", n)+`":{"p50":0,`),
		"two long nodes":        edit(t, "", `"nodes":{`, `"nodes":{"`+long+`":`+other+`,"`+long+`":`+other+`,`),
		"version":               edit(t, "", `"version":1`, `"version":1`+digits),
		"takenAt":               edit(t, "", `"2026-`, `"`+long),
		"takenAt decimals":      edit(t, "", `.123456789Z`, `.`+digits+`Z`),
		"window size":           edit(t, "", `"windowSize":1`, `"windowSize":`+digits),
		"percentiles":           edit(t, "", `"tdigest"`, `"`+long+`"`),
		"count":                 edit(t, "fetch", `"successCount":3`, `"successCount":`+digits),
		"counts":                edit(t, "fetch", `[2,`, `[`+strings.Repeat("2,", n/2)),
		"count in counts":       edit(t, "fetch", `[2,`, `[2`+digits+`,`),
		"milliseconds":          edit(t, "fetch", `"p50":10`, `"p50":`+digits),
		"decimals":              edit(t, "fetch", `"p50":10`, `"p50":0.`+digits),
		"leading zeros":         edit(t, "fetch", `"p50":10`, `"p50":0.`+strings.Repeat("0", n)+"1"),
		"long exponent":         edit(t, "fetch", `"p50":10`, `"p50":1e`+digits),
		"large exponent":        edit(t, "fetch", `"p50":10`, `"p50":1e999999999`),
		"small exponent":        edit(t, "fetch", `"p50":10`, `"p50":1e-999999999`),
		"rate":                  edit(t, "fetch", `0.6666666666666666`, `0.`+digits),
		"rate exponent":         edit(t, "fetch", `0.6666666666666666`, `1e-999999999`),
		"ignored":               edit(t, "", `"nodes":`, `"ignored":`+each(`1`)+`,"nodes":`),
		"in flight":             edit(t, "", `"nodes":`, `"inFlight":`+each(`{"running":0,"highest":1,"oldestMs":null}`)+`,"nodes":`),
		"empty in flight":       edit(t, "", `"nodes":`, `"inFlight":{`+strings.Repeat(`"":{},`, n/6)+`"":{}},"nodes":`),
		"flag":                  edit(t, "fetch", `"latencyBreached":false`, `"latencyBreached":"`+long+`"`),
	}
}

func TestParseSnapshotErrorsStayShort(t *testing.T) {
	for name, doc := range hostile(t, 100_000) {
		_, err := atomicmetrics.ParseSnapshot(doc)
		if strings.Contains(name, "unknown") {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\n\uFFFE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused(t, edit(t, "", `"fetch":{`, `"`+strings.Repeat("é", 40)+`":{"p50":0,`),
		`node "`+strings.Repeat("é", 32)+`…": field "p50": given twice`)
	refused(t, edit(t, "", `"tdigest"`, `"`+strings.Repeat("日", 30)+`"`), // no third of a rune
		`field "percentiles": "`+strings.Repeat("日", 21)+`…" is not "exact" or "tdigest"`)
}

func TestParseSnapshotErrorsQuoteAShortNameWhole(t *testing.T) {
	for _, length := range []int{63, 64} {
		name := strings.Repeat("a", length)
		refused(t, edit(t, "", `"fetch":{`, `"`+name+`":{"p50":0,`), `node "`+name+`": field "p50": given twice`)
	}
}

func TestParseSnapshotAllocatesInProportion(t *testing.T) {
	docs := hostile(t, 1<<20)
	docs["nothing wrong"], _ = largeSnapshot(2000).MarshalJSON()
	docs["zeros"] = edit(t, "fetch", `"p50":10`, `"p50":10.`+strings.Repeat("0", 1<<20))
	for _, unit := range []string{"\xa7", "\xa7a", `\xa7\n`, `\u0000`, `\ud83d\ude00`} {
		for _, where := range []string{"2026-03-01T09:30:15.123456789Z", "fetch", "tdigest", "totalExecutions"} {
			docs[unit+" in the place of "+where] = edit(t, "", where, strings.Repeat(unit, 1<<20/len(unit)))
		}
	}
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	var short []string
	for i := range 60_000 { // The map has twice the room that it needs.
		short = append(short, fmt.Sprintf(`"%c%c%c":1`, digits[i%64], digits[i/64%64], digits[i/4096]))
	}
	docs["short names"] = edit(t, "", `"nodes":`, `"ignored":{`+strings.Join(short, ",")+`},"nodes":`)
	docs["white space"] = []byte(string(golden(t)) + strings.Repeat(" ", 1<<20))
	for name, doc := range docs {
		if got, most := allocatedByParse(doc), mostAllocated(doc); got > most {
			t.Errorf("%s: %d bytes of input took %d, more than %d", name, len(doc), got, most)
		}
	}
}

func TestParseSnapshotKeepsNothingOfItsInput(t *testing.T) {
	doc := golden(t)
	s, err := atomicmetrics.ParseSnapshot(doc)
	if err != nil {
		t.Fatal(err)
	}
	for i := range doc {
		doc[i] = 'x'
	}
	if want := goldenSnapshot(); !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func BenchmarkParseSnapshot(b *testing.B) {
	for _, nodes := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			doc, err := largeSnapshot(nodes).MarshalJSON()
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := atomicmetrics.ParseSnapshot(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
