package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the line numbers in model/README.md anew")

var (
	modelHeading = regexp.MustCompile(`^### (\w+\.pml)$`)
	modelRow     = regexp.MustCompile(`^\| ([^|]+) \| \[([^:\]]+):\d+\]\(([^#)]+)#L\d+\) ` + "`(.+)` \\|$")
	modelStep    = regexp.MustCompile(`/\* step: (.+?) \*/`)
)

// The table in the models' README says where each of their steps is in the code.
func TestModelSteps(t *testing.T) {
	const readme = "model/README.md"
	lines := strings.Split(text(t, readme), "\n")
	steps := map[string][]string{}
	model := ""
	for i, line := range lines {
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
		before, after, _ := strings.Cut(text(t, filepath.Join("model", path)), snippet)
		if after == "" || strings.Contains(after, snippet) {
			t.Errorf("%s, %s: %q is not once in %s", model, step, snippet, path)
			continue
		}
		at := strings.Count(before, "\n") + 1
		right := fmt.Sprintf("| %s | [%s:%d](%s#L%d) `%s` |", step, name, at, path, at, row[4])
		if line != right && !*update {
			t.Errorf("%s, %s is in line %d of %s now: see -update", model, step, at, path)
		}
		lines[i] = right
	}
	if *update {
		if err := os.WriteFile(readme, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
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
