package jsontable_test

import (
	"math"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

type run struct {
	count uint64
	parts [8]uint64
	took  time.Duration
	added bool
}

var noCount = jsontable.When("count is 0", func(r *run) bool { return r.count == 0 })

var runs = jsontable.New("run",
	jsontable.Field[run]{Name: "count", At: func(r *run) any { return &r.count }, SumOf: []string{"parts"}},
	jsontable.Field[run]{Name: "parts", At: func(r *run) any { return &r.parts }},
	jsontable.Field[run]{Name: "tookMs", At: func(r *run) any { return &r.took }, Longest: time.Second, Null: noCount},
	jsontable.Field[run]{Name: "added", At: func(r *run) any { return &r.added }, Optional: true},
)

func TestATableWritesAndReads(t *testing.T) {
	for _, c := range []struct {
		v    run
		json string
	}{
		{run{}, `{"count":0,"parts":[0,0,0,0,0,0,0,0],"tookMs":null,"added":false}`},
		{run{3, [8]uint64{1, 2}, 1500, true}, `{"count":3,"parts":[1,2,0,0,0,0,0,0],"tookMs":0.0015,"added":true}`},
	} {
		data, err := runs.Marshal(&c.v, 0)
		if err != nil || string(data) != c.json {
			t.Errorf("%+v is written as %s, %v, want %s", c.v, data, err, c.json)
		}
		var back run
		if err := runs.Unmarshal(data, &back); err != nil || back != c.v {
			t.Errorf("%s is read as %+v, %v", data, back, err)
		}
	}
}

// A row that is added later, and a field that is.
func TestATableReadsOlderAndNewerVersions(t *testing.T) {
	for _, doc := range []string{
		`{"count":1,"parts":[1,0,0,0,0,0,0,0],"tookMs":1}`,
		` { "newer" : [ {"count":[]} , "}" ] , "count":1,"p\u0061rts":[1,0,0,0,0,0,0,0],"tookMs":1,"newer":1}`,
	} {
		v := run{added: true} // Left from another use.
		if err := runs.Unmarshal([]byte(doc), &v); err != nil || v != (run{count: 1, parts: [8]uint64{1}, took: time.Millisecond}) {
			t.Errorf("%s is read as %+v, %v", doc, v, err)
		}
	}
}

func TestATableRefuses(t *testing.T) {
	for doc, want := range map[string]string{
		`{`:                                     "",
		`3`:                                     `3 is not an object`,
		`{"count":1,"parts":[1,0,0,0,0,0,0,0]}`: `field "tookMs": missing`,
		`{"count":1,"count":1,"parts":[1,0,0,0,0,0,0,0],"tookMs":1}`:                `field "count": given twice`,
		`{"count":2,"parts":[1,0,0,0,0,0,0,0],"tookMs":1}`:                          `field "count": 2 is not the sum of parts: [1 0 0 0 0 0 0 0]`,
		`{"count":0,"parts":[0,0,0,0,0,0,0,0],"tookMs":0}`:                          `field "tookMs": 0 where null belongs: count is 0`,
		`{"count":1,"parts":[1,0,0,0,0,0,0,0],"tookMs":null}`:                       `field "tookMs": null is only for when count is 0`,
		`{"count":1,"parts":[1,0,0,0,0,0,0,0],"tookMs":1000.000001}`:                `field "tookMs": 1000.000001 is not milliseconds to the nanosecond, from 0 to 1000`,
		`{"count":1,"parts":[1,0,0,0,0,0,0,0],"tookMs":1,"added":"` + "true" + `"}`: `field "added": "true" is not true or false`,
	} {
		v := run{count: 7}
		err := runs.Unmarshal([]byte(doc), &v)
		if err == nil || want != "" && err.Error() != "atomicmetrics: run: "+want || v != (run{count: 7}) {
			t.Errorf("%s is read as %+v, %v, want %s", doc, v, err, want)
		}
	}
	for want, v := range map[string]run{
		`field "tookMs": -1ns is not from 0 to 1s`:                                       {count: 1, parts: [8]uint64{1}, took: -1},
		`field "tookMs": count is 0`:                                                     {took: 1},
		`field "count": 0 is not the sum of parts: [0 1 18446744073709551615 0 0 0 0 0]`: {parts: [8]uint64{0, 1, math.MaxUint64}},
	} {
		if err := runs.Check(&v); err == nil || err.Error() != want {
			t.Errorf("%+v: got %v, want %s", v, err, want)
		}
	}
}
