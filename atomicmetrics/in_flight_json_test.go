package atomicmetrics_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

type inFlight = atomicmetrics.InFlight

func TestParseSnapshotRefusesInFlight(t *testing.T) {
	const fetch = `node "fetch": field "inFlight": `
	for _, c := range []struct{ old, new, want string }{
		{`"running":2,`, ``, fetch + `field "running": missing`},
		{`"highest":5,`, ``, fetch + `field "highest": missing`},
		{`,"oldestMs":1500.001`, ``, fetch + `field "oldestMs": missing`},
		{`"running":2`, `"running":6`, fetch + `field "running": 6 is above highest, which is 5`},
		{`"running":2`, `"running":-1`, fetch + `field "running": -1 is not a count`},
		{`"running":2`, `"running":null`, fetch + `field "running": null is not a count`},
		{`"running":2,"highest":5`, `"running":0,"highest":0`,
			fetch + fmt.Sprintf(`field "highest": 0 is not from 1 to %d`, maxWindow)},
		{`"running":2`, `"running":0`, fetch + `field "oldestMs": 1500.001 where null belongs: running is 0`},
		{`1500.001`, `null`, fetch + `field "oldestMs": null is only for when running is 0`},
		{`1500.001`, `1500.0000001`,
			fetch + `field "oldestMs": 1500.0000001 is not milliseconds to the nanosecond, from 0 to 9223372036854.775807`},
		{`"fetch":{`, `"hangs":{`, `node "hangs": field "inFlight": given twice`},
		{`"fetch":{`, `"fetch":5,"x":{`, fetch + `5 is not an object`},
	} {
		refused(t, editDetails(t, "inFlight", c.old, c.new), c.want)
	}
	for value, shown := range map[string]string{"null": "null", "[]": "an array", "5": "5", `"{}"`: `"{}"`} {
		refused(t, edit(t, "", `"nodes":`, `"inFlight":`+value+`,"nodes":`), `field "inFlight": `+shown+` is not an object`)
	}
}

func TestMarshalJSONRefusesInFlightThatHasNoForm(t *testing.T) {
	for want, f := range map[string]inFlight{
		`field "running": -1 is not a count`: {Running: -1, Highest: 1},
		`field "highest": -1 is not a count`: {Highest: -1},
		`field "oldestMs": -1ns is negative`: {Running: 1, Highest: 1, Oldest: -1},
	} {
		_, err := atomicmetrics.Snapshot{InFlight: map[string]inFlight{"n": f}}.MarshalJSON()
		if want = `atomicmetrics: snapshot: node "n": field "inFlight": ` + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestMergeAddsWhatIsInFlight(t *testing.T) {
	snapshot := func(taken int64, f map[string]inFlight) atomicmetrics.Snapshot {
		return atomicmetrics.Snapshot{TakenAt: time.Unix(taken, 0).UTC(), WindowSize: 5, Percentiles: "exact",
			Nodes: map[string]atomicmetrics.NodeMetrics{}, InFlight: f}
	}
	in := []atomicmetrics.Snapshot{
		snapshot(1, map[string]inFlight{"a": {1, 3, time.Second}, "b": {0, 2, 0}, "d": {0, 1, 0}}),
		snapshot(2, map[string]inFlight{"a": {2, 2, time.Minute}, "c": {1, 1, 5}, "d": {0, maxWindow - 1, 0}}),
		snapshot(3, nil),
		snapshot(4, map[string]inFlight{"a": {0, 1, 0}}),
	}
	want := map[string]inFlight{"a": {3, 6, time.Minute}, "b": {0, 2, 0}, "c": {1, 1, 5}, "d": {0, maxWindow, 0}}
	for range len(in) {
		in = append(in[1:], in[0])
		s := merged(t, in...)
		if !maps.Equal(s.InFlight, want) || s.WindowSize != 15 || s.TakenAt.Unix() != 4 {
			t.Errorf("got %+v, want %v of three windows", s, want)
		}
		equalSnapshots(t, "in groups", merged(t, merged(t, in[0], in[1]), merged(t, in[2], in[3])), s)
		slices.Reverse(in)
		equalSnapshots(t, "reversed", merged(t, in...), s)
		slices.Reverse(in)
		writtenAndRead(t, s)
		clear(s.InFlight) // is its own
	}
}

func TestMergeRefusesInFlightThatNoCollectorHas(t *testing.T) {
	for want, f := range map[string][]inFlight{
		`field "running": -1 is not from 0 to`:                         {{-1, 1, 0}},
		`field "highest": 0 is not from 1 to`:                          {{0, 0, 0}},
		`field "running": 2 is above highest, which is 1`:              {{2, 1, 0}},
		`field "oldestMs": -5ns is negative`:                           {{1, 1, -5}},
		`field "oldestMs": running is 0`:                               {{0, 1, 5}},
		fmt.Sprintf(`field "highest": the sum is above %d`, maxWindow): {{1, maxWindow, 1}, {1, 1, 1}},
	} {
		var in []atomicmetrics.Snapshot
		for _, f := range f {
			in = append(in, atomicmetrics.Snapshot{WindowSize: 5, Percentiles: "exact", InFlight: map[string]inFlight{"n": f}})
		}
		_, err := atomicmetrics.Merge(in...)
		if err == nil || !strings.Contains(err.Error(), `node "n": field "inFlight": `+want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
