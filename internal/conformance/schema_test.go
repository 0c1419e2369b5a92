package conformance

import (
	"bytes"
	"encoding/json"
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

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var testdata = filepath.Join("..", "..", "testdata")

const schemaID = "https://github.com/nodemetrics/nodemetrics/testdata/snapshot.schema.json"

// compileSchema returns the snapshot's schema; compiling judges it by the schema of draft 2020-12.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(testdata, "snapshot.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// golden returns the golden JSON of a snapshot.
func golden(t *testing.T) []byte { return readFile(t, "snapshot.golden.json") }

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// validate returns the schema's verdict on doc, with numbers as they are written.
func validate(t *testing.T, schema *jsonschema.Schema, doc []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return schema.Validate(value)
}

func TestSchemaIsOfDraft2020AndHasItsAddress(t *testing.T) {
	schema := compileSchema(t)
	if schema.DraftVersion != 2020 {
		t.Errorf("the schema is of draft %d", schema.DraftVersion)
	}
	if schema.ID != schemaID {
		t.Errorf("the schema's $id is %s", schema.ID)
	}
}

func TestSchemaAcceptsTheGoldenSnapshots(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testdata, "v1", "*.json"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files of the first version, %v", len(paths), err)
	}
	names := []string{"snapshot.golden.json", "snapshot.sketches.golden.json", "snapshot.details.golden.json"}
	for _, path := range paths {
		names = append(names, filepath.Join("v1", filepath.Base(path)))
	}
	for _, name := range names {
		if err := validate(t, compileSchema(t), readFile(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A field that a later version adds is no error, at any level.
func TestSchemaAcceptsUnknownFields(t *testing.T) {
	doc := readFile(t, "snapshot.details.golden.json")
	for _, object := range []string{`{"version":`, `{"totalExecutions":`, `{"at":`, `{"running":`} {
		doc = bytes.ReplaceAll(doc, []byte(object), []byte(`{"extra":[0],"later":{},"overdue":true,`+object[1:]))
	}
	if err := validate(t, compileSchema(t), doc); err != nil {
		t.Error(err)
	}
	if _, err := atomicmetrics.ParseSnapshot(doc); err != nil {
		t.Error(err)
	}
}

func TestSchemaAcceptsWhatIsWritten(t *testing.T) {
	schema := compileSchema(t)
	for seed := range uint64(300) {
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 22)))
		doc, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, doc); err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, doc)
		}
		if parsed, err := atomicmetrics.ParseSnapshot(doc); err != nil || !reflect.DeepEqual(parsed, s) {
			t.Fatalf("seed %d: ParseSnapshot(%s) = %+v, %v", seed, doc, parsed, err)
		}
	}
}

// randomSnapshot returns a snapshot that keeps every invariant, with figures of all magnitudes.
func randomSnapshot(r *rand.Rand) atomicmetrics.Snapshot {
	s := atomicmetrics.Snapshot{
		TakenAt:     time.Unix(r.Int64N(250_000_000_000), r.Int64N(1_000_000_000)).UTC(),
		WindowSize:  1 + r.IntN(1<<30)>>r.IntN(30),
		Percentiles: []string{"exact", "tdigest"}[r.IntN(2)],
		Nodes: map[string]atomicmetrics.NodeMetrics{
			"":      {RetryCount: 1, RetriesByAttempt: [8]uint64{1}},
			"hangs": {RunningBreached: true},
		},
	}
	count := func() uint64 { return r.Uint64N(1<<60) >> r.IntN(61) }
	duration := func() time.Duration { return time.Duration(r.Uint64N(1<<56) >> r.IntN(57)) }
	for i := range r.IntN(4) {
		m := atomicmetrics.NodeMetrics{
			SuccessCount: 1 + count(), TimeoutErrors: count(), ValidationErrors: count(), NetworkErrors: count(),
			OtherErrors: count(), LastExecution: duration(), AvgExecution: duration(),
			TotalDuration:       time.Duration(r.Int64N(math.MaxInt64) >> r.IntN(63)),
			FailureRateBreached: r.IntN(2) == 0, LatencyBreached: r.IntN(2) == 0,
			RunningBreached: r.IntN(2) == 0,
		}
		m.FailureCount = m.TimeoutErrors + m.ValidationErrors + m.NetworkErrors + m.OtherErrors
		m.TotalExecutions = m.SuccessCount + m.FailureCount
		d := []time.Duration{duration(), duration(), duration(), duration(), duration()}
		slices.Sort(d)
		m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax = d[0], d[1], d[2], d[3], d[4]
		m.WindowSamples = int(min(uint64(1+r.IntN(s.WindowSize)), m.TotalExecutions))
		m.WindowFailures = r.IntN(m.WindowSamples + 1)
		if m.WindowSamples == 1 {
			m.WindowMin, m.P50, m.P90, m.P99, m.WindowMax = d[0], d[0], d[0], d[0], d[0]
		}
		s.Nodes["node "+strconv.Itoa(i)] = m
	}
	if r.IntN(2) == 0 {
		s.Sketches = map[string]atomicmetrics.Sketch{}
		for name, m := range s.Nodes {
			s.Sketches[name] = atomicmetrics.Sketch{}
			for i, mean := range []time.Duration{m.WindowMin, m.P50, m.WindowMax}[:min(3, m.WindowSamples)] {
				if i == 1 && m.WindowSamples == 2 {
					mean = m.WindowMax
				}
				s.Sketches[name] = append(s.Sketches[name], atomicmetrics.Centroid{Mean: mean, Weight: 1})
			}
			if m.WindowSamples > 3 {
				s.Sketches[name][1].Weight = m.WindowSamples - 2
			}
		}
	}
	if r.IntN(2) == 0 {
		s.LastFailures = map[string]atomicmetrics.LastFailure{}
		for name, m := range s.Nodes {
			if m.FailureCount > 0 && r.IntN(4) > 0 {
				s.LastFailures[name] = atomicmetrics.LastFailure{
					At:       time.Unix(r.Int64N(250_000_000_000), r.Int64N(1_000_000_000)).UTC(),
					Category: atomicmetrics.Category(r.IntN(4)),
					Text:     strings.Repeat("é\n", r.IntN(86)),
				}
			}
		}
	}
	if r.IntN(2) == 0 {
		s.InFlight = map[string]atomicmetrics.InFlight{"hangs": {Running: 1, Highest: 1}}
		for name := range s.Nodes {
			f := atomicmetrics.InFlight{Running: r.IntN(3), Highest: 2 + r.IntN(1<<30)>>r.IntN(30)}
			if f.Running > 0 {
				f.Oldest = time.Duration(r.Int64N(math.MaxInt64) >> r.IntN(63))
			}
			s.InFlight[name] = f
		}
	}
	if r.IntN(2) == 0 {
		s.Ignored = map[string]uint64{"ignored": math.MaxUint64 >> r.IntN(64)}
	}
	for i := range r.IntN(3) {
		since := time.Unix(r.Int64N(250_000_000_000), r.Int64N(1_000_000_000)).UTC()
		s.Sources = append(s.Sources, atomicmetrics.Source{
			Instance: strconv.Itoa(i), Since: since, TakenAt: since.Add(duration() * time.Duration(r.IntN(2)))})
	}
	return s
}

// What the schema refuses, ParseSnapshot refuses too. The reverse cannot be: a schema compares no field with another
// and sees neither duplicate keys nor spelling. TestOnlyParseSnapshotRefuses has what that leaves to ParseSnapshot.
func TestSchemaAndParseSnapshotRefuseTheSame(t *testing.T) {
	schema := compileSchema(t)
	tried, counts := 0, []string{
		"totalExecutions", "successCount", "failureCount", "retryCount", "timeoutErrors", "validationErrors",
		"networkErrors", "otherErrors", "windowSamples", "windowFailures",
	}
	ofExecutions := []string{"lastExecutionMs", "avgExecutionMs"}
	ofSamples := []string{"p50", "p90", "p99", "windowMinMs", "windowMaxMs", "windowFailureRate"}
	numbers := slices.Concat(counts, ofExecutions, ofSamples, []string{"totalDurationMs"})
	required := []string{"failureRateBreached", "latencyBreached"}
	flags := append(required, "runningBreached")

	refuse := func(doc []byte) {
		t.Helper()
		if validate(t, schema, doc) == nil {
			t.Errorf("the schema accepts %s", doc)
		}
		if _, err := atomicmetrics.ParseSnapshot(doc); err == nil {
			t.Errorf("ParseSnapshot accepts %s", doc)
		}
		tried++
	}
	head := func(field, value string) { t.Helper(); refuse(edit(t, "", field, value)) }
	node := func(field string, values ...string) {
		t.Helper()
		for _, value := range values {
			refuse(edit(t, "fetch", field, value))
		}
	}
	retried := func(field, value string) { t.Helper(); refuse(edit(t, "retried only", field, value)) }

	for _, doc := range []string{"null", "[]", "1", `""`, "{}"} {
		refuse([]byte(doc))
	}
	for _, value := range []string{absent, "null", "2", "0", `"1"`, "1.5", "true"} {
		head("version", value)
	}
	for _, value := range []string{
		absent, "null", "0", `""`, `"2026-03-01"`, `"2026-03-01T09:30:15"`, `"2026-03-01 09:30:15Z"`,
		`"2026-03-01T9:30:15Z"`, `"2026-03-01T09:30:15,5Z"`, `"2026-03-01T09:30:15.1234567891Z"`,
		`"2026-02-29T00:00:00Z"`, `"2026-13-01T00:00:00Z"`, `"2026-03-01T24:00:00Z"`, `"2026-03-01T09:30:15+24:00"`,
	} {
		head("takenAt", value)
	}
	for _, value := range []string{absent, "null", "0", "-1", "1.5", "9007199254740992", `"100"`, "[100]"} {
		head("windowSize", value)
	}
	for _, value := range []string{absent, "null", "1", `""`, `"Exact"`, `"hdr"`} {
		head("percentiles", value)
	}
	for _, value := range []string{absent, "null", "[]", `"a"`, `{"a":null}`, `{"a":[]}`, `{"a":{}}`, `{"a":0}`} {
		head("nodes", value)
	}
	for _, value := range []string{"null", "[]", "5", `"a"`, `{"fetch":null}`, `{"fetch":{}}`, `{"fetch":5}`} {
		head("sketches", value)
	}
	for _, pair := range []string{
		"null", "5", "{}", `"NaN"`, "[]", "[5]", "[5,1,1]", `["NaN",1]`, "[null,1]", "[-5,1]", "[72057594037.927936,1]",
		"[1e300,1]", "[5,0]", "[5,-1]", "[5,1.5]", `[5,"1"]`, "[5,null]", "[5,9007199254740992]", "[5,1e300]",
	} {
		refuse(bytes.Replace(sketched(t), []byte("[5,1]"), []byte(pair), 1))
	}
	refuse(bytes.Replace(sketched(t), []byte("[5,1]"), []byte(strings.Repeat("[5,1],", 65_536)+"[5,1]"), 1))
	detail := func(old string, values ...string) {
		t.Helper()
		doc := readFile(t, "snapshot.details.golden.json")
		if bytes.Count(doc, []byte(old)) != 1 {
			t.Fatalf("%s is not there once", old)
		}
		for _, value := range values {
			refuse(bytes.Replace(doc, []byte(old), []byte(value), 1))
		}
	}
	detail(`"at":"2026-03-01T09:30:14.5Z",`, ``, `"at":null,`, `"at":5,`, `"at":"",`, `"at":"2026-03-01",`, `"when":5,`,
		`"at":"2026-02-29T00:00:00Z",`, `"at":"2026-03-01T09:30:14,5Z",`)
	detail(`,"category":"network"`, ``, `,"category":null`, `,"category":3`, `,"category":"Network"`, `,"category":""`)
	detail(`"text":"dial tcp: refused"`, `"text":null`, `"text":5`, `"txt":""`, `"text":[]`,
		`"text":"`+strings.Repeat("x", 257)+`"`)
	for _, value := range []string{"null", "[]", "5", `"a"`, `{"fetch":null}`, `{"fetch":{}}`, `{"fetch":5}`} {
		head("lastFailures", value)
	}
	detail(`"running":2,`, ``, `"running":null,`, `"running":-1,`, `"running":1.5,`, `"running":"2",`, `"running":0,`,
		`"running":9007199254740992,`)
	detail(`"highest":5,`, ``, `"highest":null,`, `"highest":0,`, `"highest":1.5,`, `"highest":9007199254740992,`)
	detail(`,"oldestMs":1500.001`, ``, `,"oldestMs":null`, `,"oldestMs":-1`, `,"oldestMs":"5"`,
		`,"oldestMs":9223372036854.775808`)
	detail(`"oldestMs":null`, `"oldestMs":0`)
	for _, value := range []string{"null", "[]", "5", `"a"`, `{"a":null}`, `{"a":{}}`, `{"a":5}`} {
		head("inFlight", value)
	}
	for _, field := range numbers {
		node(field, absent, "-1", "-0.5", `"1"`, "true", "[]", "{}", "18446744073709551616", "1e300")
	}
	for _, field := range slices.Concat(counts, []string{"totalDurationMs"}, required) {
		node(field, absent, "null")
	}
	node("runningBreached", "null") // older versions do not write it
	for _, field := range counts {
		node(field, "0.5", "7.25")
	}
	for _, field := range flags {
		node(field, "0", `"true"`, "[]")
	}
	node("retriesByAttempt", absent, "null", "5", "{}", "[]", "[5,0,0,0,0,0,0]", "[5,0,0,0,0,0,0,0,0]",
		"[6,-1,0,0,0,0,0,0]", "[4.5,0.5,0,0,0,0,0,0]", `["5",0,0,0,0,0,0,0]`, "[5,0,0,0,0,0,0,null]",
		"[18446744073709551616,0,0,0,0,0,0,0]")
	node("totalDurationMs", "9223372036854.775808")
	for _, field := range []string{
		"lastExecutionMs", "avgExecutionMs", "p50", "p90", "p99", "windowMinMs", "windowMaxMs",
	} {
		node(field, "72057594037.927936")
	}
	node("windowFailureRate", "1.5", "1.0000000000000002", "0")
	node("windowSamples", "9007199254740992")

	// Null if and only if there is nothing.
	for _, field := range slices.Concat(ofExecutions, ofSamples) {
		node(field, "null")
		retried(field, "0")
		retried(field, "1.5")
	}
	// What follows from a count of 0.
	for _, field := range []string{
		"successCount", "failureCount", "timeoutErrors", "validationErrors", "networkErrors", "otherErrors",
		"windowSamples", "windowFailures",
	} {
		retried(field, "1")
	}
	retried("retryCount", "0")
	for _, field := range slices.Concat(numbers, required, []string{"retriesByAttempt"}) {
		retried(field, absent) // a field that others depend on too: to a schema, what is absent is any value
	}
	refuse(bytes.Replace(edit(t, "retried only", "retryCount", absent), []byte("[1,"), []byte("[0,"), 1))
	refuse([]byte(strings.NewReplacer(
		`"p50":null`, `"p50":1`, `"p90":null`, `"p90":1`, `"p99":null`, `"p99":1`, `"windowMinMs":null`, `"windowMinMs":1`,
		`"windowMaxMs":null`, `"windowMaxMs":1`, `"windowSamples":0`, `"windowSamples":1`,
		`"windowFailureRate":null`, `"windowFailureRate":0`,
	).Replace(string(edit(t, "retried only", "totalExecutions", "0"))))) // samples without executions
	node("failureCount", "0")
	node("windowFailures", "0")

	if tried < 300 {
		t.Errorf("only %d documents were tried", tried)
	}
}

// Each of these is right by the schema, which cannot say what is wrong with it: a sum, an order, a quotient, a key
// given twice, a digit beyond the nanosecond, the spelling of a count.
func TestOnlyParseSnapshotRefuses(t *testing.T) {
	schema := compileSchema(t)
	for _, c := range []struct{ field, value string }{
		{"totalExecutions", "8"},                // the sum of successCount and failureCount
		{"otherErrors", "2"},                    // failureCount is the sum of the categories
		{"retryCount", "6"},                     // the sum of retriesByAttempt
		{"p50", "20.000002"},                    // at most p90
		{"p90", "30.5"},                         // at most p99
		{"windowMinMs", "10.5"},                 // at most p50
		{"windowMaxMs", "29"},                   // at least p99
		{"windowSamples", "8"},                  // at most totalExecutions, which is 7
		{"windowFailures", "5"},                 // windowFailureRate is 4 / 6
		{"windowFailureRate", "0.5"},            // likewise
		{"p50", "9.0000001"},                    // finer than a nanosecond
		{"successCount", "3.0"},                 // an integer to a schema
		{"latencyBreached", "false,\"p50\":10"}, // a duplicate key
	} {
		doc := edit(t, "fetch", c.field, c.value)
		if err := validate(t, schema, doc); err != nil {
			t.Errorf("%s %s: the schema refuses it now, so it belongs above: %v", c.field, c.value, err)
		}
		if _, err := atomicmetrics.ParseSnapshot(doc); err == nil {
			t.Errorf("%s %s: ParseSnapshot accepts it", c.field, c.value)
		}
	}
}

// Of sketches, what TestOnlyParseSnapshotRefuses says.
func TestOnlyParseSnapshotRefusesSketches(t *testing.T) {
	schema := compileSchema(t)
	for _, c := range []struct{ old, new string }{
		{"[5,1]", "[5,2]"},                                           // the weights add up to windowSamples
		{"[5,1]", "[11,1]"},                                          // the means ascend
		{"[1.5,1]", "[1.6,1]"},                                       // from windowMinMs
		{"[30,1]", "[29,1]"},                                         // to windowMaxMs
		{"[5,1]", "[5.0000001,1]"},                                   // finer than a nanosecond
		{"[5,1]", "[5,1.0]"},                                         // an integer to a schema
		{`,"retried only":[]`, ""},                                   // one for each node
		{`"retried only":[]`, `"retried only":[],"a":[]`},            // of a node that is not there
		{`"retried only":[]`, `"retried only":[[5,1]]`},              // of a window without samples
		{`"retried only":[]`, `"retried only":[],"retried only":[]`}, // a duplicate key
	} {
		doc := bytes.Replace(sketched(t), []byte(c.old), []byte(c.new), 1)
		if err := validate(t, schema, doc); err != nil {
			t.Errorf("%s: the schema refuses it now, so it belongs above: %v", c.new, err)
		}
		if _, err := atomicmetrics.ParseSnapshot(doc); err == nil {
			t.Errorf("%s: ParseSnapshot accepts it", c.new)
		}
	}
}

// Of details, what TestOnlyParseSnapshotRefuses says.
func TestOnlyParseSnapshotRefusesDetails(t *testing.T) {
	schema := compileSchema(t)
	golden := readFile(t, "snapshot.details.golden.json")
	before, details, _ := bytes.Cut(golden, []byte(`"lastFailures":`))
	for _, c := range []struct{ old, new string }{
		{`"fetch":{`, `"x":{`},            // of a node that is not there
		{`"fetch":{`, `"retried only":{`}, // of a node without failures
		{`"text":"dial tcp: refused"`, `"text":"` + strings.Repeat("é", 129) + `"`}, // bytes are not characters
		{`"text":"dial tcp: refused"`, `"text":"","text":""`},                       // a duplicate key
		{`"running":2`, `"running":6`},                                              // at most highest
		{`"running":2`, `"running":2,"running":2`},                                  // a duplicate key
		{`1500.001`, `1500.0000001`},                                                // finer than a nanosecond
	} {
		if !bytes.Contains(details, []byte(c.old)) {
			t.Fatalf("%s is not there", c.old)
		}
		doc := slices.Concat(before, []byte(`"lastFailures":`), bytes.Replace(details, []byte(c.old), []byte(c.new), 1))
		if err := validate(t, schema, doc); err != nil {
			t.Errorf("%s: the schema refuses it now, so it belongs above: %v", c.new, err)
		}
		if _, err := atomicmetrics.ParseSnapshot(doc); err == nil {
			t.Errorf("%s: ParseSnapshot accepts it", c.new)
		}
	}
}

// sketched returns the golden JSON with sketches.
func sketched(t *testing.T) []byte {
	t.Helper()
	doc := readFile(t, "snapshot.sketches.golden.json")
	if _, sketches, _ := bytes.Cut(doc, []byte(`"sketches":`)); !bytes.Contains(sketches, []byte("[5,1]")) ||
		bytes.Count(doc, []byte("[5,1]")) != 1 || bytes.Count(doc, []byte(`"retried only":[]`)) != 1 {
		t.Fatal("the golden sketches are not what the tests were made for")
	}
	return doc
}

// absent, as a value, takes the field away.
const absent = ""

// edit returns the golden JSON with one field of the node, or of the whole if node is empty, set to value.
func edit(t *testing.T, node, field, value string) []byte {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(golden(t), &doc); err != nil {
		t.Fatal(err)
	}
	if node == "" {
		return object(set(doc, field, value))
	}
	var nodes map[string]json.RawMessage
	if err := json.Unmarshal(doc["nodes"], &nodes); err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(nodes[node], &fields); err != nil {
		t.Fatal(err)
	}
	one := map[string]json.RawMessage{node: object(set(fields, field, value))}
	return object(set(doc, "nodes", string(object(one))))
}

func set(fields map[string]json.RawMessage, field, value string) map[string]json.RawMessage {
	if value == absent {
		delete(fields, field)
	} else {
		fields[field] = json.RawMessage(value)
	}
	return fields
}

// object returns fields as a JSON object, values as they are: json.Marshal would refuse what is wrong with some.
func object(fields map[string]json.RawMessage) []byte {
	var members []string
	for name, value := range fields {
		members = append(members, strconv.Quote(name)+":"+string(value))
	}
	slices.Sort(members)
	return []byte("{" + strings.Join(members, ",") + "}")
}
