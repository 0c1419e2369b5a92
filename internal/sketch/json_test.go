package sketch

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// pair is a Centroid of a caller.
type pair struct {
	Mean   time.Duration
	Weight int
}

var form = Form[[]pair, pair]{Limits{Pairs: 3, Mean: time.Second, Weight: 10}}

func parse(t *testing.T, text string) ([]pair, error) {
	t.Helper()
	valid, err := jsontable.Valid([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var s []pair
	err = form.Parse(valid, &s)
	return s, err
}

func TestASketchIsReadBackAsItWasWritten(t *testing.T) {
	for text, s := range map[string][]pair{
		"[]":                         {},
		"[[0,1]]":                    {{0, 1}},
		"[[0,1],[0.000001,2],[1,7]]": {{0, 1}, {1, 2}, {time.Millisecond, 7}},
		"[[5,1],[5,1],[1000,1]]":     {{5 * time.Millisecond, 1}, {5 * time.Millisecond, 1}, {time.Second, 1}},
	} {
		written, err := form.Append(nil, &s)
		if err != nil || string(written) != text {
			t.Errorf("%v became %s, %v, want %s", s, written, err, text)
		}
		if read, err := parse(t, text); err != nil || !reflect.DeepEqual(read, s) {
			t.Errorf("%s became %v, %v, want %v", text, read, err, s)
		}
	}
}

func TestASketchWithoutAFormIsNotWritten(t *testing.T) {
	for _, s := range [][]pair{{{-1, 1}}, {{1, 1}, {2, 0}}} {
		if written, err := form.Append(nil, &s); err == nil || !strings.Contains(err.Error(), "a mean of") {
			t.Errorf("%v became %s, %v", s, written, err)
		}
	}
}

func TestASketchThatIsMalformedIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                        "an array of pairs",
		`[1]`:                       "[0]:",
		`[[1]]`:                     "[milliseconds, weight]",
		`[[1,1,1]]`:                 "an array of more than two",
		`[["1",1]]`:                 "[0]:",
		`[[1,"1"]]`:                 "[0]:",
		`[[1,0]]`:                   "a weight of 0 is not from 1 to 10",
		`[[1,11]]`:                  "a weight of 11 is not from 1 to 10",
		`[[1001,1]]`:                "[0]:",
		`[[2,1],[1,1]]`:             "[1]: the mean, 1, is below the one before, 2",
		`[[1,6],[1,6]]`:             "[1]: the weights add up to more than 10",
		`[[1,1],[1,1],[1,1],[1,1]]`: "more than 3 pairs",
	} {
		if s, err := parse(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s became %v, %v, want an error with %q", text, s, err, want)
		}
	}
}

func TestASketchMadeByHandIsChecked(t *testing.T) {
	l := form.Limits
	for want, s := range map[string][]pair{
		"4 pairs are more than 3":                                 make([]pair, 4),
		"[0]: the mean, -1ns, is not from 0 to 1s":                {{-1, 1}},
		"[0]: the weight, 11, is not from 1 to 10":                {{1, 11}},
		"the weights add up to 1, and windowSamples is 2":         {{1, 1}},
		"the first mean is 0.000002, and windowMinMs is 0.000001": {{2, 1}, {3, 1}},
		"the last mean is 0.000002, and windowMaxMs is 0.000003":  {{1, 1}, {2, 1}},
	} {
		if err := Check(s, l, 2, 1, 3); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
	}
	if err := Check([]pair{{1, 1}, {3, 1}}, l, 2, 1, 3); err != nil {
		t.Error(err)
	}
	if err := Check([]pair(nil), l, 0, 0, 0); err != nil {
		t.Error(err)
	}
	if got := Convert[Centroid]([]pair{{1, 2}}); !reflect.DeepEqual(got, []Centroid{{1, 2}}) {
		t.Errorf("the pairs became %v", got)
	}
}

func TestASumOfFewSamplesIsAllOfThem(t *testing.T) {
	var s Sum
	s.Add(nil)
	s.Add(Sketch{{1, 1}, {5, 1}})
	if got := s.Sketch(); s.Windows() != 1 || !reflect.DeepEqual(got, Sketch{{1, 1}, {5, 1}}) {
		t.Errorf("%d windows are %v", s.Windows(), got)
	}
	s.Add(Sketch{{0, 1}, {3, 1}, {9, 1}})
	want := Sketch{{0, 1}, {1, 1}, {3, 1}, {5, 1}, {9, 1}}
	if got := s.Sketch(); s.Windows() != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d windows are %v, want %v", s.Windows(), got, want)
	}
}

func TestASumOfManySamplesKeepsTheirNumberAndExtremes(t *testing.T) {
	var s Sum
	const windows, samples = 20, 1000
	for w := range windows {
		window := make(Sketch, samples)
		for i := range window {
			window[i] = Centroid{time.Duration(windows*i + w), 1}
		}
		s.Add(window)
	}
	all, weight := s.Sketch(), 0
	for _, c := range all {
		weight += c.Weight
	}
	if last := all[len(all)-1].Mean; len(all) > MaxPairs || weight != windows*samples || all[0].Mean != 0 || last != windows*samples-1 {
		t.Errorf("%d pairs of %d samples from %d to %d", len(all), weight, all[0].Mean, last)
	}
	for q, limit := range map[float64]float64{0.5: 0.01, 0.9: 0.005, 0.99: 0.002} {
		if got := float64(all.Quantile(q)) / (windows * samples); got < q-limit || got > q+limit {
			t.Errorf("the quantile %v is that of %v", q, got)
		}
	}
}
