package atomicmetrics_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func FuzzParseSnapshot(f *testing.F) {
	doc := golden(f)
	f.Add(doc)
	f.Add(detailsGolden(f))
	for _, pair := range [][2]string{
		{`"version":1`, `"version":2`}, {`"p50":10`, `"p50":1e-06`}, {`"p50":10`, `"p50":null`}, {"123456789Z", "5+01:00"},
		{`"fetch"`, "\"fetch\xff\""}, {`"fetch"`, `"\ud800"`}, {`:7,`, `:7.0,`}, {`86.5`, `86.5e0`}, {`{`, "{ \n"},
		{`"windowSize":1073741824`, `"windowSize":6`}, {`"p50":10`, `"p50":0.01e3`}, {`"p50":10`, `"p50":-0`},
		{"2026-", "0000-"}, {"123456789Z", "1Z"}, {`"retried only"`, `"fetch"`}, {`0.6666666666666666`, `6.666666666666666e-1`},
	} {
		f.Add(bytes.Replace(doc, []byte(pair[0]), []byte(pair[1]), 1))
	}
	doc = sketchesGolden(f)
	f.Add(doc)
	f.Add(bytes.Replace(doc, []byte(`,1]`), []byte(`,2]`), 1))
	f.Add(bytes.Replace(doc, []byte(`"sketches":{`), []byte(`"sketches":{"x":[],`), 1))
	wraps := atomicmetrics.NodeMetrics{RetriesByAttempt: [8]uint64{math.MaxUint64, 1}} // to a RetryCount of 0
	for seed := range uint64(6) {
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 21)), 1)
		if seed == 5 {
			s.Nodes["wraps"] = wraps
		}
		small, err := s.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(small)
	}
	f.Fuzz(checkParse)
}

// One value of a snapshot is anything: so the fuzzer need not find it in the text.
func FuzzParseValue(f *testing.F) {
	const at, count, duration, rate = 0, 1, 2, 3
	fields := [][2]string{ // and values that the golden snapshot has there
		at: {`"takenAt":`, `"2026-03-01T09:30:15.123456789Z"`}, count: {`"totalExecutions":`, `7`}, duration: {`"p50":`, `10`},
		rate: {`"windowFailureRate":`, `0.6666666666666666`}, {`"totalDurationMs":`, `86.5`}, {`"windowSize":`, `1073741824`},
		{`"percentiles":`, `"tdigest"`}, {`"retriesByAttempt":`, `[2,1,1,0,0,0,0,1]`}, {`"latencyBreached":`, `false`}, {``, `"fetch"`},
	}
	doc := golden(f)
	for i, field := range fields {
		if !bytes.Contains(doc, []byte(field[0]+field[1])) {
			f.Fatalf("the snapshot has no %s", field)
		}
		f.Add(uint8(i), field[1])
	}
	for _, seconds := range []string{"15Z", "15.5+05:30", "15-23:59", "15+24:00", "15,5Z", "15.0000000001Z", "60Z"} {
		f.Add(uint8(at), `"2026-03-01T09:30:`+seconds+`"`)
	}
	f.Add(uint8(at), `"`+strings.Repeat("\xa7", 20_000)+`"`) // is three times as long without quotes
	for _, number := range []string{"1e3", "1e-6", "0.0000001", "1E+2", "-0", "01", "9007199254740993", "72057594037.927936", "1e-999", "1e999999999"} {
		for _, i := range []uint8{count, duration, rate} {
			f.Add(i, number)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, value string) {
		field := fields[int(i)%len(fields)]
		checkParse(t, bytes.Replace(doc, []byte(field[0]+field[1]), []byte(field[0]+value), 1))
	})
}

// checkParse sees that what is accepted is what the model of the reader accepts, as the same values, and is written and read
// again as these. Whatever comes of it, there is no panic, and the memory is in proportion to the input.
func checkParse(t *testing.T, doc []byte) {
	s, err := atomicmetrics.ParseSnapshot(doc)
	want, acceptable := readSlowly(doc)
	if (err == nil) != acceptable {
		t.Fatalf("the error is %v, and it is %t that the model accepts it", err, acceptable)
	}
	if !reflect.DeepEqual(s, want) {
		t.Fatalf("got  %+v\nwant %+v", s, want)
	}
	if err == nil {
		again, err := s.MarshalJSON()
		if err != nil {
			t.Fatalf("%+v is not written: %v", s, err)
		}
		accepted(t, again, s)
	} else if len(err.Error()) > 400 {
		t.Errorf("an error of %d bytes: %v", len(err.Error()), err)
	}
	if got, most := allocatedByParse(doc), mostAllocated(doc); got > most {
		t.Errorf("%d bytes of input took %d, more than %d", len(doc), got, most)
	}
}

// mostAllocated is ten bytes for each of the input's, and a little for the error.
func mostAllocated(doc []byte) uint64 { return uint64(10*len(doc) + 64<<10) }

// allocatedByParse returns how many bytes ParseSnapshot allocates. Others allocate meanwhile, the fuzzing engine for one, so the
// least of three is taken where it matters.
func allocatedByParse(doc []byte) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = atomicmetrics.ParseSnapshot(doc)
		runtime.ReadMemStats(&after)
		if least = min(least, after.TotalAlloc-before.TotalAlloc); least <= mostAllocated(doc) {
			break
		}
	}
	return least
}
