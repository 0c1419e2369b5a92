package atomicmetrics_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var sketchesGoldenPath = filepath.Join("..", "testdata", "snapshot.sketches.golden.json")

// goldenSketches is the golden snapshot with sketches: of samples, of no sample, of one, and of centroids whose weights
// and means are as large as they can be.
func goldenSketches() atomicmetrics.Snapshot {
	const ms = time.Millisecond
	s := goldenSnapshot()
	s.Sketches = map[string]atomicmetrics.Sketch{
		"fetch": {
			{Mean: 1500 * time.Microsecond, Weight: 1}, {Mean: 5 * ms, Weight: 1}, {Mean: 10 * ms, Weight: 1},
			{Mean: 12*ms + 500*time.Microsecond, Weight: 1}, {Mean: 20*ms + 1, Weight: 1}, {Mean: 30 * ms, Weight: 1},
		},
		"retried only":               {},
		"größe \"日本\"\\\n<&>\u2028😀": {{Mean: 1, Weight: 1}},
		"(overflow)": {
			{Mean: 0, Weight: 1}, {Mean: 1<<53 + 1, Weight: 1<<30 - 3}, {Mean: atomicmetrics.MaxDuration, Weight: 1},
			{Mean: atomicmetrics.MaxDuration, Weight: 1},
		},
	}
	return s
}

// sketchesGolden returns the golden JSON with sketches, without the line feed at its end.
func sketchesGolden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(sketchesGoldenPath)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(data, []byte("\n"))
}

func TestMarshalJSONGoldenWithSketches(t *testing.T) {
	got, err := goldenSketches().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(sketchesGoldenPath, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := sketchesGolden(t); !bytes.Equal(got, want) {
		t.Errorf("the golden snapshot is now written as\n%s\nand not as\n%s", got, want)
	}
}

// The whole object, so that a golden file written anew by mistake is not what the format is.
func TestMarshalJSONPutsSketchesBehindTheNodesInNameOrder(t *testing.T) {
	s := goldenSketches()
	plain, err := goldenSnapshot().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const sketches = `,"sketches":{"(overflow)":[[0,1],[9007199254.740993,1073741821],[72057594037.927935,1],` +
		`[72057594037.927935,1]],"fetch":[[1.5,1],[5,1],[10,1],[12.5,1],[20.000001,1],[30,1]],` +
		`"größe \"日本\"\\\u000a<&>` + "\u2028" + `😀":[[0.000001,1]],"retried only":[]}}`
	got, err := s.MarshalJSON()
	if want := string(plain[:len(plain)-1]) + sketches; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestMarshalJSONLeavesSketchesOutWhenTheyAreNilOnly(t *testing.T) {
	s := atomicmetrics.Snapshot{WindowSize: 5, Percentiles: "exact"}
	without, _ := s.MarshalJSON()
	s.Sketches = map[string]atomicmetrics.Sketch{}
	with, err := s.MarshalJSON()
	if bytes.Contains(without, []byte("sketches")) || err != nil || !bytes.HasSuffix(with, []byte(`{},"sketches":{}}`)) {
		t.Errorf("nil: %s, empty: %s, %v", without, with, err)
	}
}

func TestMarshalJSONRefusesCentroidsThatHaveNoForm(t *testing.T) {
	for _, c := range []struct {
		centroid atomicmetrics.Centroid
		want     string
	}{
		{atomicmetrics.Centroid{Mean: -1, Weight: 1}, "a mean of -1ns with a weight of 1"},
		{atomicmetrics.Centroid{Mean: 5}, "a mean of 5ns with a weight of 0"},
		{atomicmetrics.Centroid{Mean: 5, Weight: -3}, "a mean of 5ns with a weight of -3"},
	} {
		sketch := atomicmetrics.Sketch{{Mean: 1, Weight: 1}, c.centroid}
		_, err := atomicmetrics.Snapshot{Sketches: map[string]atomicmetrics.Sketch{"n": sketch}}.MarshalJSON()
		want := `atomicmetrics: snapshot: node "n": field "sketches": [1]: ` + c.want
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestParseSnapshotGivesBackTheSameSketches(t *testing.T) {
	accepted(t, sketchesGolden(t), goldenSketches())
	for seed := range uint64(20) {
		accepted(t, shuffled(t, sketchesGolden(t), rand.New(rand.NewPCG(seed, 60))), goldenSketches())
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 61))
		want := randomSnapshot(r, r.IntN(8))
		want.Sketches = map[string]atomicmetrics.Sketch{}
		for name, m := range want.Nodes {
			if m.WindowSamples == 1 {
				m.WindowMin, m.P50, m.P90, m.P99 = m.WindowMax, m.WindowMax, m.WindowMax, m.WindowMax
				want.Nodes[name] = m
			}
			want.Sketches[name] = randomSketch(r, m)
		}
		doc, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		accepted(t, doc, want)
	}
	accepted(t, editSketches(t, "[10,1]", " [ 1.0e1 ,\n1 ] "), goldenSketches())
}

// randomSketch returns a sketch of a window of which no more is known than m says.
func randomSketch(r *rand.Rand, m atomicmetrics.NodeMetrics) atomicmetrics.Sketch {
	s := atomicmetrics.Sketch{}
	for left := m.WindowSamples; left > 0 && len(s) < 100; {
		weight := 1 + r.IntN(left)>>r.IntN(30)
		mean := m.WindowMin + time.Duration(r.Int64N(int64(m.WindowMax-m.WindowMin)+1))
		s = append(s, atomicmetrics.Centroid{Mean: mean, Weight: weight})
		if left -= weight; len(s) == 100 {
			s[99].Weight += left
		}
	}
	slices.SortFunc(s, func(a, b atomicmetrics.Centroid) int { return cmp.Compare(a.Mean, b.Mean) })
	if len(s) > 0 {
		s[0].Mean, s[len(s)-1].Mean = m.WindowMin, m.WindowMax
		if len(s) == 1 && m.WindowMin != m.WindowMax {
			s[0] = atomicmetrics.Centroid{Mean: m.WindowMin, Weight: m.WindowSamples - 1}
			s = append(s, atomicmetrics.Centroid{Mean: m.WindowMax, Weight: 1})
		}
	}
	return s
}

// editSketches returns the golden JSON with the first old in its sketches replaced by new.
func editSketches(t testing.TB, old, new string) []byte {
	t.Helper()
	nodes, sketches, _ := strings.Cut(string(sketchesGolden(t)), `,"sketches":`)
	if !strings.Contains(sketches, old) {
		t.Fatalf("the golden sketches have no %s", old)
	}
	return []byte(nodes + `,"sketches":` + strings.Replace(sketches, old, new, 1))
}

func TestParseSnapshotRefusesSketches(t *testing.T) {
	const (
		noPair = " is not [milliseconds, weight]"
		noMean = " is not milliseconds to the nanosecond, from 0 to 72057594037.927935"
	)
	noWeight := fmt.Sprintf(" is not from 1 to %d", maxWindow)
	for _, c := range []struct{ old, new, want string }{
		{`"fetch":[`, `"fetch":5,"x":[`, `5 is not an array of pairs`},
		{`"fetch":[`, `"fetch":null,"x":[`, `null is not an array of pairs`},
		{`"fetch":[`, `"fetch":{},"x":[`, `an object is not an array of pairs`},
		{`"fetch":[`, `"x":[`, `of a node that is not in nodes`},
		{`"fetch":[[1.5,1],`, `"fetch":[`, `the weights add up to 5, and windowSamples is 6`},
		{`[5,1]`, `[5,2]`, `the weights add up to 7, and windowSamples is 6`},
		{`[5,1]`, `[5,1],[5,1]`, `the weights add up to 7, and windowSamples is 6`},
		{`[5,1]`, `5`, `[1]: 5` + noPair},
		{`[5,1]`, `null`, `[1]: null` + noPair},
		{`[5,1]`, `"NaN"`, `[1]: "NaN"` + noPair},
		{`[5,1]`, `[]`, `[1]: an array` + noPair},
		{`[5,1]`, `[5]`, `[1]: an array` + noPair},
		{`[5,1]`, `[5,1,1]`, `[1]: an array of more than two` + noPair},
		{`[5,1]`, `{"mean":5,"weight":1}`, `[1]: an object` + noPair},
		{`[5,1]`, `["NaN",1]`, `[1]: "NaN"` + noMean},
		{`[5,1]`, `[null,1]`, `[1]: null` + noMean},
		{`[5,1]`, `[-5,1]`, `[1]: -5` + noMean},
		{`[5,1]`, `[5.0000001,1]`, `[1]: 5.0000001` + noMean},
		{`[5,1]`, `[72057594037.927936,1]`, `[1]: 72057594037.927936` + noMean},
		{`[5,1]`, `[1e300,1]`, `[1]: 1e300` + noMean},
		{`[5,1]`, `[5,0]`, `[1]: a weight of 0` + noWeight},
		{`[5,1]`, `[5,18446744073709551615]`, `[1]: a weight of 18446744073709551615` + noWeight},
		{`[5,1]`, `[5,-1]`, `[1]: -1 is not a count`},
		{`[5,1]`, `[5,1.5]`, `[1]: 1.5 is not a count`},
		{`[5,1]`, `[5,1.0]`, `[1]: 1.0 is not a count`},
		{`[5,1]`, `[5,"NaN"]`, `[1]: "NaN" is not a count`},
		{`[5,1]`, `[5,null]`, `[1]: null is not a count`},
		{`[5,1]`, `[5,18446744073709551616]`, `[1]: 18446744073709551616 is not a count`},
		{`[5,1]`, fmt.Sprintf(`[5,%d]`, maxWindow), fmt.Sprintf(`[1]: the weights add up to more than %d`, maxWindow)},
		{`[5,1],[10,1]`, `[10,1],[5,1]`, `[2]: the mean, 5, is below the one before, 10`},
		{`[5,1]`, `[1.499999,1]`, `[1]: the mean, 1.499999, is below the one before, 1.5`},
		{`[1.5,1]`, `[1.500001,1]`, `the first mean is 1.500001, and windowMinMs is 1.5`},
		{`[30,1]`, `[29.999999,1]`, `the last mean is 29.999999, and windowMaxMs is 30`},
	} {
		name := "fetch"
		if strings.HasPrefix(c.new, `"x"`) {
			name = "x"
		}
		refused(t, editSketches(t, c.old, c.new), `node "`+name+`": field "sketches": `+c.want)
	}
	refused(t, editSketches(t, `"retried only":[]`, `"retried only":[],"x":[]`),
		`node "x": field "sketches": of a node that is not in nodes`)
	refused(t, editSketches(t, `,"retried only":[]`, ``), `node "retried only": field "sketches": missing`)
	refused(t, editSketches(t, `"retried only":[]`, `"retried only":[[0,1]]`),
		`node "retried only": field "sketches": the weights add up to 1, and windowSamples is 0`)
	refused(t, editSketches(t, `"fetch"`, `"retried\u0020only":[],"fetch"`),
		`node "retried only": field "sketches": given twice`)
	doc := sketchesGolden(t)
	doc = doc[:bytes.Index(doc, []byte(`,"sketches":`))]
	for _, value := range []string{"null", "[]", "5", "true", `"{}"`} {
		shown := map[string]string{"[]": "an array"}[value]
		if shown == "" {
			shown = value
		}
		refused(t, []byte(string(doc)+`,"sketches":`+value+"}"), `field "sketches": `+shown+` is not an object`)
	}
	refused(t, []byte(string(doc)+`,"sketches":{},"sketches":{}}`), `field "sketches": given twice`)
	refused(t, []byte(string(doc)+`,"sketches":{}}`), `node "(overflow)": field "sketches": missing`)
}

func TestParseSnapshotRefusesSketchesOfAbsurdLength(t *testing.T) {
	pairs := func(n int) []byte {
		return editSketches(t, `[9007199254.740993,1073741821]`, strings.Repeat(`[5,1],`, n-4)+
			fmt.Sprintf(`[9007199254.740993,%d]`, 1<<30-3-(n-4)))
	}
	if s, err := atomicmetrics.ParseSnapshot(pairs(65_536)); err != nil || len(s.Sketches["(overflow)"]) != 65_536 {
		t.Errorf("65,536 pairs: %v", err)
	}
	refused(t, pairs(65_537),
		`node "(overflow)": field "sketches": more than 65536 pairs`)
}

// As TestParseSnapshotAllocatesInProportion.
func TestParseSnapshotOfSketchesAllocatesInProportion(t *testing.T) {
	const n, end = 1 << 20, `[72057594037.927935,1]`
	for name, doc := range map[string][]byte{
		"pairs":             editSketches(t, `[9007199254.740993,1073741821]`, strings.Repeat(`[0,1],`, 9000)+`[0,1073732821]`),
		"too many pairs":    editSketches(t, `[0,1]`, strings.Repeat(`[0,1],`, n/6)+`[0,1]`),
		"empty pairs":       editSketches(t, `[0,1]`, strings.Repeat(`[],`, n/3)+`[0,1]`),
		"none of many":      editSketches(t, `[0,1],[9007199254.740993,1073741821],`+end+`,`+end, ``),
		"long pair":         editSketches(t, `[0,1]`, `[0`+strings.Repeat(`,1`, n/2)+`]`),
		"many sketches":     editSketches(t, `{`, `{`+strings.Repeat(`"a":[],`, n/7)),
		"of many nodes":     editSketches(t, `{`, `{`+manySketches(n/12)),
		"long milliseconds": editSketches(t, `[0,1]`, `[0.`+strings.Repeat("0", n)+`,1]`),
	} {
		if got, most := allocatedByParse(doc), mostAllocated(doc); got > most {
			t.Errorf("%s: %d bytes of input took %d, more than %d", name, len(doc), got, most)
		}
		if _, err := atomicmetrics.ParseSnapshot(doc); err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manySketches(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%x":[],`, i)
	}
	return b.String()
}

func TestSketchQuantilesAreThoseOfNodeQuantilesWhileItIsSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(62, 62))
	for _, n := range []int{1, 2, 99, 100, 4096} {
		p := newProcess(t, n, time.Unix(0, 0))
		for range n + 50 {
			p.record("n", time.Duration(r.Uint64N(1<<56)>>r.IntN(57)), -1)
		}
		q := []float64{math.NaN(), math.Inf(-1), -1, 0, 0.07, 0.5, 0.9, 0.99, 1, 2, r.Float64()}
		got, want := p.snapshot().Sketches["n"].Quantiles(q...), p.c.Node("n").Quantiles(q...)
		if !slices.Equal(got, want) {
			t.Errorf("%d samples: got %v, want %v", n, got, want)
		}
	}
}

func TestSketchQuantilesAreNilForWhatIsNoSketch(t *testing.T) {
	if got := (atomicmetrics.Sketch{{Mean: 5, Weight: 2}}).Quantiles(); got == nil || len(got) != 0 {
		t.Errorf("no quantiles are %v", got)
	}
	for _, s := range []atomicmetrics.Sketch{
		nil, {}, {{Mean: 5, Weight: 0}}, {{Mean: 5, Weight: -1}}, {{Mean: -5, Weight: 1}}, {{Mean: 1 << 56, Weight: 1}},
		{{Mean: 5, Weight: 1}, {Mean: 4, Weight: 1}}, {{Mean: 5, Weight: math.MaxInt}, {Mean: 5, Weight: math.MaxInt}},
		make(atomicmetrics.Sketch, 65_537),
	} {
		if got := s.Quantiles(0.5); got != nil {
			t.Errorf("%.80v: got %v", fmt.Sprint(s), got)
		}
	}
}

// encoding/json alone reads the pairs, as other languages do.
func TestSketchesAreArraysOfNumbers(t *testing.T) {
	var doc struct{ Sketches map[string][][2]float64 }
	if err := json.Unmarshal(sketchesGolden(t), &doc); err != nil {
		t.Fatal(err)
	}
	want := [][2]float64{{1.5, 1}, {5, 1}, {10, 1}, {12.5, 1}, {20.000001, 1}, {30, 1}}
	if got := doc.Sketches["fetch"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}
