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

// mostReadmeLines is how long the README is at most. A document beside its
// package has the rest.
const mostReadmeLines = 200

func TestReadmeIsShort(t *testing.T) {
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > mostReadmeLines {
		t.Errorf("README.md has %d lines, at most %d are allowed", lines, mostReadmeLines)
	}
}

func TestReadmeBeginsWithAProgramAndItsOutput(t *testing.T) {
	block := goBlock.FindStringSubmatch(read(t, "README.md"))
	if block == nil || !strings.HasPrefix(block[1], "package main\n") || block[2] == "" {
		t.Errorf("the first code of README.md is no program with its output: %q", block)
	}
}

func TestCookbookTableIsTheExamples(t *testing.T) {
	_, output := example(t, "atomicmetrics/example_tasks_test.go", "Snapshot_WriteTable")
	if !strings.Contains(read(t, "atomicmetrics/COOKBOOK.md"), " "+strings.TrimSpace(output)+"\n") {
		t.Errorf("the cookbook does not have the table\n%s", output)
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

func TestGuaranteesNameATestEach(t *testing.T) {
	const name = "atomicmetrics/GUARANTEES.md"
	sections := found(t, `(?s)\n(## Counting\n.*?)\n## Limits of a read\n`, read(t, name))[0]
	guarantees := found(t, `(?m)^- (.*)$`, strings.ReplaceAll(sections, "\n  ", " "))
	for _, guarantee := range guarantees {
		if !regexp.MustCompile("`Test[A-Z]\\w*`").MatchString(guarantee) {
			t.Errorf("%s: no test holds this: %s", name, guarantee)
		}
	}
}
