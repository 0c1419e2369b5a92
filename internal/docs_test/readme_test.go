// Package docs_test holds the Markdown files to the repository.
package docs_test

import (
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the folder of the README, seen from here.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// found returns what the first group of pattern matches in text, wherever it does. Nothing is an error: then the test
// that asks would prove nothing.
func found(t *testing.T, pattern, text string) []string {
	t.Helper()
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Fatalf("there is nothing that matches %s", pattern)
	}
	return all
}

// set returns the words as a set.
func set(words []string) map[string]bool {
	s := map[string]bool{}
	for _, word := range words {
		s[word] = true
	}
	return s
}

// example returns an example of a file as a program, and what it prints. The name of the package example is "".
func example(t *testing.T, path, name string) (program, output string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, read(t, path), parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range doc.Examples(file) {
		if example.Name != name {
			continue
		}
		var text strings.Builder
		if err := format.Node(&text, files, example.Play); err != nil {
			t.Fatal(err)
		}
		return text.String(), example.Output
	}
	t.Fatalf("%s has no example %q", path, name)
	return "", ""
}

func TestReadmeProgramIsTheExample(t *testing.T) {
	program, output := example(t, "atomicmetrics/example_test.go", "")
	readme := read(t, "README.md")
	blocks := found(t, "(?s)```go\n(.*?)```", readme)
	if blocks[0] != program {
		t.Errorf("the README has\n%s\nand the example as a program is\n%s", blocks[0], program)
	}
	if printed := found(t, "(?s)It prints\n\n```text\n(.*?)```", readme)[0]; printed != output {
		t.Errorf("the README says that it prints\n%s\nand it prints\n%s", printed, output)
	}
}

func TestReadmeTableIsTheExamples(t *testing.T) {
	_, output := example(t, "atomicmetrics/example_tasks_test.go", "Snapshot_WriteTable")
	if !strings.Contains(read(t, "README.md"), " "+strings.TrimSpace(output)+"\n") {
		t.Errorf("the README does not have the table\n%s", output)
	}
}

func TestReadmeFilesAndFoldersExist(t *testing.T) {
	for _, name := range found(t, `(?:^|[^.\w/-])((?:\./\w[\w./-]*|\w[\w./-]*\.(?:go|md|json|yml))\b)`, read(t, "README.md")) {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

// testFunctions returns the names of all tests, benchmarks and examples of the repository, whatever their build tags.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	var source strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return set(found(t, `(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`, source.String()))
}

func TestReadmeNamesATestForEachGuarantee(t *testing.T) {
	section := found(t, `(?s)\n## Guarantees\n(.*?)\n## `, read(t, "README.md"))[0]
	for _, guarantee := range strings.Split(section, "\n- ")[1:] {
		if !regexp.MustCompile(`\bTest[A-Z]\w`).MatchString(guarantee) {
			t.Errorf("no test holds this: %s", guarantee)
		}
	}
}
