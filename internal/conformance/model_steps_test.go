package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	modelHeading = regexp.MustCompile(`^### (\w+\.pml)$`)
	modelRow     = regexp.MustCompile("^\\| ([^|]+) \\| \\[([^\\]]+)\\]\\(([^)]+)\\) `(.+)` \\|$")
	modelStep    = regexp.MustCompile(`/\* step: (.+?) \*/`)
)

// The table in the models' README names the code of each step. The code is once
// in its file, so that it can be found there.
func TestModelSteps(t *testing.T) {
	const readme = "model/README.md"
	steps := map[string][]string{}
	model := ""
	for i, line := range strings.Split(text(t, readme), "\n") {
		if heading := modelHeading.FindStringSubmatch(line); heading != nil {
			model = heading[1]
			continue
		}
		row := modelRow.FindStringSubmatch(line)
		if row == nil {
			if model != "" && line != "" && line != "| Step | Code |" && line != "|---|---|" {
				t.Errorf("%s:%d is no row of a table: %s", readme, i+1, line)
			}
			continue
		}
		step, name, path, snippet := row[1], row[2], row[3], strings.ReplaceAll(row[4], `\|`, "|")
		steps[model] = append(steps[model], step)
		if name != filepath.Base(path) {
			t.Errorf("%s, %s: %s is not the name of %s", model, step, name, path)
		}
		if n := strings.Count(text(t, filepath.Join("model", path)), snippet); n != 1 {
			t.Errorf("%s, %s: %q is %d times in %s, want once", model, step, snippet, n, path)
		}
	}

	models, err := filepath.Glob("model/*.pml")
	if err != nil || len(models) < 3 {
		t.Fatal(models, err)
	}
	for _, path := range models {
		var inModel []string
		for _, step := range modelStep.FindAllStringSubmatch(text(t, path), -1) {
			inModel = append(inModel, step[1])
		}
		inTable := steps[filepath.Base(path)]
		slices.Sort(inModel)
		slices.Sort(inTable)
		if inModel = slices.Compact(inModel); !slices.Equal(inModel, inTable) {
			t.Errorf("%s has the steps\n%q, the table\n%q", path, inModel, inTable)
		}
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
