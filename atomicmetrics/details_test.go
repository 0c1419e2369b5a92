package atomicmetrics_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var detailsGoldenPath = filepath.Join("..", "testdata", "snapshot.details.golden.json")

// goldenDetails is the golden snapshot with what options add beside sketches.
func goldenDetails() atomicmetrics.Snapshot {
	s := goldenSnapshot()
	s.LastFailures = map[string]atomicmetrics.LastFailure{
		"fetch": {
			At:       time.Date(2026, 3, 1, 9, 30, 14, 500_000_000, time.UTC),
			Category: atomicmetrics.CategoryNetwork,
			Text:     "dial tcp: refused",
		},
		"(overflow)": {
			At:       time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
			Category: atomicmetrics.CategoryOther,
			Text:     strings.Repeat("😀", 61) + "\"\\\n\x00<&>é\u2028",
		},
	}
	s.InFlight = map[string]atomicmetrics.InFlight{
		"fetch": {Running: 2, Highest: 5, Oldest: 1500*time.Millisecond + time.Microsecond},
		"hangs": {Running: 1 << 20, Highest: 1 << 20, Oldest: math.MaxInt64},
		"idle":  {Highest: 1},
	}
	s.Ignored = map[string]uint64{"fetch": 13, "cancelled": math.MaxUint64}
	s.Sources = []atomicmetrics.Source{
		{"größe \"\n", time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), s.TakenAt},
		{"größe \"\n", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 9, 30, 0, 5, time.UTC)},
		{"", s.TakenAt, s.TakenAt},
	}
	return s
}

// detailsGolden returns the golden JSON with details, without the line feed at its end.
func detailsGolden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(detailsGoldenPath)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(data, []byte("\n"))
}

// editDetails returns the golden JSON with the first old behind the name of a field of the snapshot replaced by new.
func editDetails(t testing.TB, field, old, new string) []byte {
	t.Helper()
	before, after, found := strings.Cut(string(detailsGolden(t)), `,"`+field+`":`)
	if !found || !strings.Contains(after, old) {
		t.Fatalf("%s of the golden JSON has no %s", field, old)
	}
	return []byte(before + `,"` + field + `":` + strings.Replace(after, old, new, 1))
}

func TestMarshalJSONGoldenWithDetails(t *testing.T) {
	got, err := goldenDetails().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(detailsGoldenPath, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := detailsGolden(t); !bytes.Equal(got, want) {
		t.Errorf("the golden snapshot is now written as\n%s\nand not as\n%s", got, want)
	}
	accepted(t, got, goldenDetails())
}

// The whole object, so that a golden file written anew by mistake is not what the format is.
func TestMarshalJSONPutsDetailsBehindTheNodesInNameOrder(t *testing.T) {
	plain, err := goldenSnapshot().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	sources := `,"sources":[{"instance":"größe \"\u000a","since":"2026-03-01T09:30:00Z","takenAt":"2026-03-01T09:30:15.123456789Z"},` +
		`{"instance":"größe \"\u000a","since":"0000-01-01T00:00:00Z","takenAt":"2026-02-01T09:30:00.000000005Z"},` +
		`{"instance":"","since":"2026-03-01T09:30:15.123456789Z","takenAt":"2026-03-01T09:30:15.123456789Z"}],"nodes":`
	details := `,"lastFailures":{"(overflow)":{"at":"9999-12-31T23:59:59.999999999Z","category":"other","text":"` +
		strings.Repeat("😀", 61) + `\"\\\u000a\u0000<&>é` + "\u2028" + `"},` +
		`"fetch":{"at":"2026-03-01T09:30:14.5Z","category":"network","text":"dial tcp: refused"}},` +
		`"inFlight":{"fetch":{"running":2,"highest":5,"oldestMs":1500.001},` +
		`"hangs":{"running":1048576,"highest":1048576,"oldestMs":9223372036854.775807},` +
		`"idle":{"running":0,"highest":1,"oldestMs":null}},"ignored":{"cancelled":18446744073709551615,"fetch":13}}`
	got, err := goldenDetails().MarshalJSON()
	if want := strings.Replace(string(plain[:len(plain)-1]), `,"nodes":`, sources, 1) + details; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
