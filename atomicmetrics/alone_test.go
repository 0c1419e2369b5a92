package atomicmetrics_test

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// rawDetails returns the values of one object of the golden JSON, by name.
func rawOf(t *testing.T, doc []byte, object string) map[string]json.RawMessage {
	t.Helper()
	var parts map[string]json.RawMessage
	var values map[string]json.RawMessage
	if err := json.Unmarshal(doc, &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(parts[object], &values); err != nil || len(values) == 0 {
		t.Fatalf("%s has %d values, %v", object, len(values), err)
	}
	return values
}

// alone fails the test unless v alone is written as raw, and raw is read as v.
func alone[V any](t *testing.T, v V, raw []byte) {
	t.Helper()
	got, err := json.Marshal(v)
	// encoding/json writes U+2028 as an escape.
	if want := strings.ReplaceAll(string(raw), "\u2028", `\u2028`); err != nil || string(got) != want && string(got) != string(raw) {
		t.Errorf("%+v is written as\n%s, %v, and not as\n%s", v, got, err, raw)
	}
	var back V
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s is read as\n%+v, %v, and not as\n%+v", raw, back, err, v)
	}
	unknown := strings.Replace(string(raw), "{", `{"later":[{}], `, 1)
	if err := json.Unmarshal([]byte(unknown), &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s is read as %+v, %v", unknown, back, err)
	}
}

func TestPartsOfASnapshotAloneAreAsInside(t *testing.T) {
	details, withSketches := goldenDetails(), goldenSketches()
	for name, raw := range rawOf(t, detailsGolden(t), "nodes") {
		alone(t, details.Nodes[name], raw)
	}
	for name, raw := range rawOf(t, detailsGolden(t), "lastFailures") {
		f := details.LastFailures[name]
		f.Text = strings.NewReplacer("<", "l", ">", "g", "&", "a").Replace(f.Text) // encoding/json escapes these.
		alone(t, f, []byte(strings.NewReplacer("<", "l", ">", "g", "&", "a").Replace(string(raw))))
	}
	for name, raw := range rawOf(t, detailsGolden(t), "inFlight") {
		alone(t, details.InFlight[name], raw)
	}
	for name, raw := range rawOf(t, sketchesGolden(t), "sketches") {
		alone(t, withSketches.Sketches[name], raw)
	}
	for seed := range uint64(100) {
		m := randomNode(rand.New(rand.NewPCG(seed, 90)), 1000)
		alone(t, m, rawOf(t, []byte(strings.Replace(marshalNode(t, m), `"windowSize":1,`, ``, 1)), "nodes")["n"])
	}
}

func TestEventsAreJSON(t *testing.T) {
	alone(t, atomicmetrics.Event{
		Node: "größe \"\n", Kind: atomicmetrics.LatencyEvent, Breached: true, FailureRate: 1.0 / 3,
		P99: 1500*time.Microsecond + 1, Samples: 100, At: time.Date(2026, 3, 1, 9, 30, 15, 5, time.UTC),
	}, []byte(`{"node":"größe \"\u000a","kind":"latency","breached":true,"failureRate":0.3333333333333333,`+
		`"p99Ms":1.500001,"samples":100,"at":"2026-03-01T09:30:15.000000005Z","runningMs":0}`))
	alone(t, atomicmetrics.Event{
		Node: "hangs", Kind: atomicmetrics.RunningEvent, Breached: true, Running: time.Minute + time.Microsecond,
		At: time.Date(2026, 3, 1, 9, 30, 15, 5, time.UTC),
	}, []byte(`{"node":"hangs","kind":"running","breached":true,"failureRate":0,"p99Ms":0,"samples":0,`+
		`"at":"2026-03-01T09:30:15.000000005Z","runningMs":60000.001}`))
	alone(t, atomicmetrics.Event{}, []byte(`{"node":"","kind":"failureRate","breached":false,"failureRate":0,`+
		`"p99Ms":0,"samples":0,"at":"0001-01-01T00:00:00Z","runningMs":0}`))
}

func TestStatsAreJSON(t *testing.T) {
	m := goldenSnapshot().Nodes["fetch"]
	raw := rawOf(t, golden(t), "nodes")["fetch"]
	alone(t, atomicmetrics.Stats{
		Nodes: 1, ShardedNodes: 2, OverflowRecords: math.MaxUint64, EventsDropped: 4, DurationsClamped: 5, Bytes: 6, Forgotten: m,
		ForgottenIgnored: 7,
	}, []byte(`{"nodes":1,"shardedNodes":2,"overflowRecords":18446744073709551615,"eventsDropped":4,`+
		`"durationsClamped":5,"bytes":6,"forgotten":`+string(raw)+`,"forgottenIgnored":7}`))
}

// Older versions do not write the field.
func TestStatsWithoutForgottenIgnoredAreRead(t *testing.T) {
	data, err := json.Marshal(atomicmetrics.Stats{Nodes: 1})
	old := strings.Replace(string(data), `,"forgottenIgnored":0`, "", 1)
	var s atomicmetrics.Stats
	if err == nil {
		err = json.Unmarshal([]byte(old), &s)
	}
	if err != nil || len(old) == len(data) || s.Nodes != 1 {
		t.Errorf("%s is read as %+v, %v", old, s, err)
	}
}

// Each field of the struct is in the JSON.
func TestJSONOfPartsLeavesNoFieldOut(t *testing.T) {
	for _, v := range []any{
		atomicmetrics.NodeMetrics{}, atomicmetrics.Event{}, atomicmetrics.Stats{}, atomicmetrics.InFlight{},
		atomicmetrics.LastFailure{},
	} {
		b, err := json.Marshal(v)
		var fields map[string]json.RawMessage
		if err == nil {
			err = json.Unmarshal(b, &fields)
		}
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		written := slices.Sorted(maps.Keys(fields))
		for i := range reflect.TypeOf(v).NumField() {
			name := reflect.TypeOf(v).Field(i).Name
			if !slices.ContainsFunc(written, func(field string) bool {
				return strings.EqualFold(strings.TrimSuffix(field, "Ms"), name)
			}) {
				t.Errorf("%T: %s is not among %s", v, name, written)
			}
		}
	}
}

// The schema has a property for each field that is written, and no other.
func TestSchemaHasTheFieldsThatAreWritten(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "testdata", "snapshot.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	type properties struct {
		Properties map[string]json.RawMessage
		Defs       map[string]properties `json:"$defs"`
	}
	var schema properties
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	snapshot := goldenDetails()
	snapshot.Sketches = goldenSketches().Sketches
	sources, err := atomicmetrics.Snapshot{Sources: snapshot.Sources[:1]}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	source := json.RawMessage(regexp.MustCompile(`\{"instance":[^}]*\}`).Find(sources))
	for name, c := range map[string]struct {
		written json.Marshaler
		schema  properties
	}{
		"snapshot":     {snapshot, schema},
		"node":         {atomicmetrics.NodeMetrics{}, schema.Defs["node"]},
		"last failure": {atomicmetrics.LastFailure{}, schema.Defs["lastFailure"]},
		"in flight":    {atomicmetrics.InFlight{}, schema.Defs["inFlight"]},
		"source":       {source, schema.Defs["source"]},
	} {
		b, err := c.written.MarshalJSON()
		var fields map[string]json.RawMessage
		if err == nil {
			err = json.Unmarshal(b, &fields)
		}
		if err != nil {
			t.Fatal(err)
		}
		written, described := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(c.schema.Properties))
		if differ := diff.Lists(described, written); differ != "" {
			t.Errorf("the schema of a %s: %s", name, differ)
		}
	}
}

func TestPartsAloneRefuseWhatASnapshotRefuses(t *testing.T) {
	event := `{"node":"n","kind":"latency","breached":true,"failureRate":0.5,"p99Ms":1,"samples":1,"at":"2026-03-01T09:30:15Z"}`
	for _, c := range []struct {
		into           json.Unmarshaler
		doc, old, new_ string
		want           string
	}{
		{new(atomicmetrics.NodeMetrics), string(rawOf(t, golden(t), "nodes")["fetch"]), `"p50":10`, `"p50":-1`,
			`node metrics: field "p50": -1 is not milliseconds to the nanosecond, from 0 to 72057594037.927935`},
		{new(atomicmetrics.NodeMetrics), string(rawOf(t, golden(t), "nodes")["fetch"]), `"successCount":3`, `"successCount":4`,
			`node metrics: field "totalExecutions": 7 is not the sum of successCount and failureCount: [4 4]`},
		{new(atomicmetrics.NodeMetrics), `null`, ``, ``, `node metrics: null is not an object`},
		{new(atomicmetrics.InFlight), `{"running":2,"highest":1,"oldestMs":3}`, ``, ``,
			`in flight: field "running": 2 is above highest, which is 1`},
		{new(atomicmetrics.LastFailure), `{"at":"2026-03-01T09:30:15Z","category":"network"}`, ``, ``,
			`last failure: field "text": missing`},
		{new(atomicmetrics.Sketch), `[[2,1],[1,1]]`, ``, ``, `sketch: [1]: the mean, 1, is below the one before, 2`},
		{new(atomicmetrics.Sketch), `[[2]]`, ``, ``, `sketch: [0]: an array is not [milliseconds, weight]`},
		{new(atomicmetrics.Event), event, `0.5`, `1.5`, `event: field "failureRate": 1.5 is not a number from 0 to 1`},
		{new(atomicmetrics.Event), event, `0.5`, `null`, `event: field "failureRate": null is not a number from 0 to 1`},
		{new(atomicmetrics.Event), event, `latency`, `Latency`,
			`event: field "kind": "Latency" is not "failureRate" or "latency" or "running"`},
		{new(atomicmetrics.Event), event, `"node":"n"`, `"node":5`, `event: field "node": 5 is not a string`},
		{new(atomicmetrics.Event), event, `"samples"`, `"node":"m","samples"`, `event: field "node": given twice`},
		{new(atomicmetrics.Stats), `{"nodes":-1}`, ``, ``, `stats: field "nodes": -1 is not a count`},
	} {
		if !strings.Contains(c.doc, c.old) {
			t.Fatalf("%s is not in %s", c.old, c.doc)
		}
		before := reflect.ValueOf(c.into).Elem().Interface()
		err := c.into.UnmarshalJSON([]byte(strings.Replace(c.doc, c.old, c.new_, 1)))
		if want := "atomicmetrics: " + c.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if after := reflect.ValueOf(c.into).Elem().Interface(); !reflect.DeepEqual(after, before) {
			t.Errorf("%v left %+v", err, after)
		}
		if err := c.into.UnmarshalJSON([]byte(c.doc + "x")); err == nil || !strings.Contains(err.Error(), ": not JSON: ") {
			t.Errorf("with trailing data: %v", err)
		}
	}
	for want, v := range map[string]json.Marshaler{
		`event: field "failureRate": NaN is not from 0 to 1`:                               atomicmetrics.Event{FailureRate: math.NaN()},
		`event: field "kind": EventKind(9) is not "failureRate" or "latency" or "running"`: atomicmetrics.Event{Kind: 9},
		`event: field "p99Ms": -1ns is negative`:                                           atomicmetrics.Event{P99: -1},
		`sketch: [0]: a mean of 0s with a weight of 0`:                                     atomicmetrics.Sketch{{}},
		`stats: field "forgotten": field "windowSamples": -1 is not a count`: atomicmetrics.Stats{
			Forgotten: atomicmetrics.NodeMetrics{WindowSamples: -1}},
	} {
		if _, err := v.MarshalJSON(); err == nil || err.Error() != "atomicmetrics: "+want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestSnapshotAllIsInNameOrderAndStops(t *testing.T) {
	s := goldenSnapshot()
	var names []string
	for name, m := range s.All() {
		names = append(names, name)
		equal(t, name, m, s.Nodes[name])
	}
	if want := slices.Sorted(maps.Keys(s.Nodes)); !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	for name := range s.All() {
		equal(t, "first", name, "(overflow)")
		break
	}
	for name := range (atomicmetrics.Snapshot{}).All() {
		t.Errorf("a snapshot without nodes has %q", name)
	}
}
