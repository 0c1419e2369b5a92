package atomicmetrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

type failure = atomicmetrics.LastFailure

func TestLastFailureIsTheNewestFailureSinceTheLastReset(t *testing.T) {
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		synctest.Test(t, func(t *testing.T) {
			want := func(what string, f failure) {
				t.Helper()
				equal(t, what, c.Node("n").LastFailure(), f)
				all := map[string]failure{}
				if f != (failure{}) {
					all["n"] = f
				}
				if got := c.Snapshot().LastFailures; got == nil || !maps.Equal(got, all) {
					t.Errorf("%s: the snapshot has %v", what, got)
				}
			}
			now := func() time.Time { return time.Now().UTC().Round(0) }
			want("before everything", failure{})
			r.RecordSuccess(1)
			r.RecordRetry(1)
			want("without a failure", failure{})

			r.RecordFailure(1, fmt.Errorf("page 7: %w", context.DeadlineExceeded))
			first := failure{now(), atomicmetrics.CategoryTimeout, "page 7: context deadline exceeded"}
			want("a failure", first)
			time.Sleep(time.Second)
			r.RecordSuccess(1)
			c.RecordFailureAs("other", 1, atomicmetrics.CategoryOther)
			c.ResetNode("other")
			want("a success later", first)

			r.RecordFailureAs(1, atomicmetrics.CategoryNetwork)
			second := failure{now(), atomicmetrics.CategoryNetwork, ""}
			want("a failure without an error", second)
			time.Sleep(time.Second)
			if got := c.Reset(); got.LastFailures["n"] != second || got.Nodes["n"].FailureCount != 2 {
				t.Errorf("the reset returned %v of %+v", got.LastFailures, got.Nodes["n"])
			}
			want("after a reset", failure{})

			r.RecordFailureAs(1, atomicmetrics.CategoryNetwork+1)
			want("the first category that does not exist", failure{now(), atomicmetrics.CategoryOther, ""})
			time.Sleep(time.Second)
			r.RecordFailureAs(1, math.MaxUint8)
			third := failure{now(), atomicmetrics.CategoryOther, ""}
			want("a category that does not exist", third)
			r.RecordFailure(1, nil)
			c.Node("n").Reset()
			want("after a reset of the node", failure{})
			c.Node("n").Start().Stop(errRefused)
			want("by a timer", failure{now(), atomicmetrics.CategoryOther, "refused"})
		})
	}, atomicmetrics.WithLastFailure())
}

func TestLastFailureIsNotKeptWithoutTheOption(t *testing.T) {
	c := newCollector(t)
	c.RecordFailure("n", 1, errRefused)
	equal(t, "LastFailure", c.Node("n").LastFailure(), failure{})
	if s := c.Snapshot(); s.LastFailures != nil {
		t.Errorf("the snapshot has %v", s.LastFailures)
	}
	if s := (*atomicmetrics.Collector)(nil).Snapshot(); s.LastFailures != nil {
		t.Errorf("the snapshot of a nil collector has %v", s.LastFailures)
	}
}

type wordsError string

func (e wordsError) Error() string { return string(e) }

func TestLastFailureTextIsValidUTF8OfAtMost256Bytes(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, row := range []struct{ text, want string }{
		{"", ""},
		{"refused", "refused"},
		{"\x00\"\\\n图😀", "\x00\"\\\n图😀"},
		{"a\xff\xfeb\xed\xa0\x80", "a\uFFFDb\uFFFD"},
		{long + "123456", long + "123456"},
		{long + "1234567", long + "123456"},
		{long + "1234图", long + "1234"},
		{long + "123图", long + "123图"},
		{long + "123图4", long + "123图"},
		{long + "123😀", long + "123"},
		{long + "12345\xff", long + "12345"}, // U+FFFD is three bytes
		{long + "12345\xe5\x9b", long + "12345"},
		{strings.Repeat("\xff", 1000) + strings.Repeat("图", 100), "\uFFFD" + strings.Repeat("图", 84)},
		{strings.Repeat("图", 1_000_000), strings.Repeat("图", 85)},
	} {
		c := newCollector(t, atomicmetrics.WithLastFailure())
		c.RecordFailure("n", 1, wordsError(row.text))
		got := c.Node("n").LastFailure().Text
		if got != row.want || len(got) > 256 || !utf8.ValidString(got) {
			t.Errorf("%.300q: got %q, want %q", row.text, got, row.want)
		}
		writtenAndRead(t, c.Snapshot())
	}
}

func TestLastFailureKeepsNothingOfALongText(t *testing.T) {
	const failures, size = 64, 1 << 20
	c := newCollector(t, atomicmetrics.WithLastFailure())
	before := heap()
	for i := range failures {
		c.RecordFailure(fmt.Sprint(i), 1, wordsError(strings.Repeat("x", size)))
	}
	if kept := heap() - before; kept > failures*size/4 {
		t.Errorf("%d failures keep %d bytes", failures, kept)
	}
	equal(t, "text", len(c.Node("7").LastFailure().Text), 256)
}

// badError panics when it is asked for its text.
type badError struct{ how any }

func (e *badError) Error() string { panic(e.how) }

func TestErrorThatPanicsIsAFailureWhoseTextSaysSo(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithLastFailure())
	for i, err := range []error{&badError{"boom"}, &badError{errRefused}, (*badError)(nil), &badError{&badError{}}} {
		c.RecordFailure("n", 1, err)
		equal(t, "text", c.Node("n").LastFailure().Text, "the Error method of *atomicmetrics_test.badError panicked")
		equal(t, "failures", c.NodeMetrics("n").OtherErrors, uint64(i+1))
	}
}

// nosyError reads the collector when it is asked for its text.
type nosyError struct{ read func() }

func (e nosyError) Error() string { e.read(); return "" }

func TestTextOfAnErrorIsAskedForBeforeTheRecordBegins(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithLastFailure(), atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		return atomicmetrics.CategoryNetwork
	}))
	asked := 0
	c.RecordFailure("n", 1, nosyError{func() {
		asked++
		equal(t, "executions by then", c.NodeMetrics("n").TotalExecutions, 0)
		c.ResetNode("n") // waits for records in flight: for this one it would for ever
	}})
	equal(t, "times it was asked", asked, 1)
	equal(t, "failures", c.NodeMetrics("n").NetworkErrors, 1)
}

func TestSuccessesDoNotAllocateWithLastFailure(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithLastFailure())
	n := c.Node("n")
	n.RecordFailure(1, errRefused)
	checkNoAllocations(t, "success", func() { n.RecordSuccess(1) })
	checkNoAllocations(t, "retry", func() { n.RecordRetry(1) })
	checkNoAllocations(t, "timer", func() { n.Start().Stop(nil) })
}

// failed returns the metrics of a node that failed n times.
func failed(n uint64) atomicmetrics.NodeMetrics {
	return atomicmetrics.NodeMetrics{TotalExecutions: n, FailureCount: n, OtherErrors: n}
}

func TestMergeKeepsTheNewestLastFailure(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0).UTC() }
	snapshot := func(taken int64, failures map[string]failure) atomicmetrics.Snapshot {
		s := atomicmetrics.Snapshot{TakenAt: at(taken), WindowSize: 5, Percentiles: "exact", LastFailures: failures,
			Nodes: map[string]atomicmetrics.NodeMetrics{"a": failed(2), "b": failed(1), "c": {RetryCount: 1,
				RetriesByAttempt: [8]uint64{1}}}}
		return s
	}
	in := []atomicmetrics.Snapshot{
		snapshot(10, map[string]failure{"a": {at(5), atomicmetrics.CategoryNetwork, "a5"}, "b": {at(6), 0, "b6"}}),
		snapshot(9, map[string]failure{"a": {at(7), atomicmetrics.CategoryTimeout, "a7"}}),
		snapshot(12, nil), // a collector without the option
		snapshot(11, map[string]failure{"a": {at(7), atomicmetrics.CategoryOther, "a7 too"}, "b": {at(6), 0, "b6 too"}}),
	}
	want := map[string]failure{"a": {at(7), atomicmetrics.CategoryTimeout, "a7"}, "b": {at(6), 0, "b6 too"}}
	for range len(in) {
		in = append(in[1:], in[0])
		s := merged(t, in...)
		if !maps.Equal(s.LastFailures, want) {
			t.Errorf("got %v, want %v", s.LastFailures, want)
		}
		equalSnapshots(t, "in groups", merged(t, merged(t, in[0], in[1]), merged(t, in[2], in[3])), s)
		slices.Reverse(in)
		equalSnapshots(t, "reversed", merged(t, in...), s)
		slices.Reverse(in)
		writtenAndRead(t, s)
		clear(s.LastFailures) // is its own
	}
	if s := merged(t, snapshot(1, nil), snapshot(2, nil)); s.LastFailures != nil {
		t.Errorf("of collectors without the option: %v", s.LastFailures)
	}
	if s := merged(t, snapshot(1, nil), snapshot(2, map[string]failure{})); s.LastFailures == nil {
		t.Error("of one collector with the option and no failure: nil")
	}
}

func TestMergeRefusesLastFailuresThatNoCollectorHas(t *testing.T) {
	for _, row := range []struct {
		node string
		f    failure
		want string
	}{
		{"x", failure{}, `node "x": field "lastFailures": of a node that is not in nodes`},
		{"good", failure{}, `node "good": field "lastFailures": failureCount is 0`},
		{"bad", failure{Category: 4}, `node "bad": field "lastFailures": field "category": Category(4) is not "other" or "timeout" or "validation" or "network"`},
		{"bad", failure{Text: strings.Repeat("x", 257)},
			`node "bad": field "lastFailures": field "text": 257 bytes are more than 256`},
		{"bad", failure{Text: "\xff"}, `node "bad": field "lastFailures": field "text": it is not valid UTF-8`},
		{"bad", failure{At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
			`node "bad": field "lastFailures": field "at": year 10000 is not from 0 to 9999`},
	} {
		s := atomicmetrics.Snapshot{TakenAt: time.Unix(0, 0), WindowSize: 5, Percentiles: "exact",
			LastFailures: map[string]failure{row.node: row.f},
			Nodes: map[string]atomicmetrics.NodeMetrics{"bad": failed(1), "good": {RetryCount: 1,
				RetriesByAttempt: [8]uint64{1}}}}
		_, err := atomicmetrics.Merge(s)
		if err == nil || !strings.HasSuffix(err.Error(), row.want) {
			t.Errorf("got  %v\nwant %s", err, row.want)
		}
	}
}

func TestMarshalJSONRefusesLastFailuresThatHaveNoForm(t *testing.T) {
	for want, f := range map[string]failure{
		`field "category": Category(4) is not "other" or "timeout" or "validation" or "network"`: {Category: 4},
		`field "at": year 10000 is not from 0 to 9999`:                                           {At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := atomicmetrics.Snapshot{LastFailures: map[string]failure{"n": f}}.MarshalJSON()
		if want = `atomicmetrics: snapshot: node "n": field "lastFailures": ` + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestParseSnapshotRefusesLastFailures(t *testing.T) {
	const fetch = `node "fetch": field "lastFailures": `
	for _, c := range []struct{ old, new, want string }{
		{`"fetch":{`, `"x":{`, `node "x": field "lastFailures": of a node that is not in nodes`},
		{`"fetch":{`, `"retried only":{`, `node "retried only": field "lastFailures": failureCount is 0`},
		{`"fetch":{`, `"fetch":5,"x":{`, fetch + `5 is not an object`},
		{`"fetch":{`, `"fetch":null,"x":{`, fetch + `null is not an object`},
		{`"fetch":{`, `"\u0028overflow)":{`, `node "(overflow)": field "lastFailures": given twice`},
		{`"at":"2026-03-01T09:30:14.5Z",`, ``, fetch + `field "at": missing`},
		{`,"category":"network"`, ``, fetch + `field "category": missing`},
		{`,"text":"dial`, `,"txt":"dial`, fetch + `field "text": missing`},
		{`"at":"2026-03-01T09:30:14.5Z"`, `"at":7`, fetch + `field "at": 7 is not a time of RFC 3339 to the nanosecond`},
		{`"network"`, `"Network"`,
			fetch + `field "category": "Network" is not "other" or "timeout" or "validation" or "network"`},
		{`"network"`, `3`, fetch + `field "category": 3 is not "other" or "timeout" or "validation" or "network"`},
		{`"text":"dial`, `"text":null,"text":"dial`, fetch + `field "text": given twice`},
		{`"text":"dial`, `"text":"` + strings.Repeat("x", 256) + `dial`,
			fetch + `field "text": 273 bytes are more than 256`},
	} {
		refused(t, editDetails(t, "lastFailures", c.old, c.new), c.want)
	}
	refused(t, editDetails(t, "lastFailures", `{`, `null,"x":{`), `field "lastFailures": null is not an object`)
	for value, shown := range map[string]string{"null": "null", "[]": "an array", "5": "5", `"{}"`: `"{}"`} {
		refused(t, edit(t, "", `"nodes":`, `"lastFailures":`+value+`,"nodes":`),
			`field "lastFailures": `+shown+` is not an object`)
	}
}

func TestParseSnapshotReadsLastFailures(t *testing.T) {
	want := goldenDetails()
	want.LastFailures["fetch"] = failure{want.LastFailures["fetch"].At, atomicmetrics.CategoryNetwork, "\uFFFD/é"}
	doc := editDetails(t, "lastFailures", `dial tcp: refused`, `\ud800\/\u00e9`)
	accepted(t, doc, want)
	want.LastFailures = map[string]failure{}
	plain, _, _ := strings.Cut(string(golden(t)), "\n")
	accepted(t, []byte(plain[:len(plain)-1]+`,"lastFailures":{}}`), func() atomicmetrics.Snapshot {
		s := goldenSnapshot()
		s.LastFailures = map[string]failure{}
		return s
	}())
}

// encoding/json alone reads them, as other languages do.
func TestLastFailuresArePlainJSON(t *testing.T) {
	var doc struct {
		LastFailures map[string]struct {
			At             time.Time
			Category, Text string
		}
	}
	if err := json.Unmarshal(detailsGolden(t), &doc); err != nil {
		t.Fatal(err)
	}
	for name, f := range goldenDetails().LastFailures {
		if got := doc.LastFailures[name]; !got.At.Equal(f.At) || got.Category != f.Category.String() || got.Text != f.Text {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if len(doc.LastFailures) != 2 || !reflect.DeepEqual(doc.LastFailures["fetch"].Text, "dial tcp: refused") {
		t.Errorf("got %v", doc)
	}
}
