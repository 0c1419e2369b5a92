package atomicmetrics_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// firstVersion returns the snapshots in testdata/v1, by name. The first version
// of the format wrote them, so nobody writes them anew.
func firstVersion(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "v1", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]byte{}
	for _, path := range paths {
		doc, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Base(path)] = doc
	}
	return docs
}

// All readers to come read what the first version wrote, as the model of the
// reader does.
func TestParseSnapshotReadsTheFirstVersion(t *testing.T) {
	var parts atomicmetrics.Snapshot
	docs := firstVersion(t)
	for name, doc := range docs {
		s, err := atomicmetrics.ParseSnapshot(doc)
		want, ok := readSlowly(doc)
		if err != nil || !ok || !reflect.DeepEqual(s, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v, %t", name, s, err, want, ok)
			continue
		}
		if name == "all.json" {
			parts = s
		}
		again, err := s.MarshalJSON()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		accepted(t, again, s)
		if s.Sketches != nil {
			writtenAndRead(t, merged(t, s))
		}
		writtenAndRead(t, since(t, s, s))
	}
	if len(docs) < 10 || len(parts.Sketches) < 5 || len(parts.LastFailures) < 4 || len(parts.InFlight) < 3 {
		t.Errorf("%d files; of all parts there are %d, %d and %d",
			len(docs), len(parts.Sketches), len(parts.LastFailures), len(parts.InFlight))
	}
}
