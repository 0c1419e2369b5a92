package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every adapter says the same things at the same places of its page, with a
// table of the same columns.
func TestAdaptersHaveOnePageOfOneForm(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(root, "wrap/ADAPTERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "wrap/*wrap/doc.go"))
	if err != nil || len(pages) < 7 {
		t.Fatalf("%d adapters, error %v", len(pages), err)
	}
	for _, page := range pages {
		name := filepath.Base(filepath.Dir(page))
		for _, line := range []string{"(" + name + "/doc.go)", "go get github.com/nodemetrics/nodemetrics/wrap/" + name + "\n"} {
			if !strings.Contains(string(list), line) {
				t.Errorf("wrap/ADAPTERS.md does not have %q", line)
			}
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		rest := string(text)
		for _, part := range []string{"// # One execution\n", "// # A retry\n", "// # What is recorded\n",
			"//\thow it ended", "the execution", "the retry\n", "// # What is left out\n"} {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Errorf("%s: %q is missing, or not in its place", name, part)
			}
			rest = after
		}
	}
}
