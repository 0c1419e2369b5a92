package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

// listing returns the lines of a package with this source.
func listing(t *testing.T, source string) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", "package p\n"+source, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	pkg, err := config.Check("p", files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return describe(pkg)
}

func TestChangesThatBreakProgramsAreSeen(t *testing.T) {
	for _, test := range []struct{ before, after, gone, added string }{
		{"func F() {}", "func G() {}", "pkg p, func F()", "pkg p, func G()"},
		{"func F(a int) {}", "func F(a int64) {}", "pkg p, func F(int)", "pkg p, func F(int64)"},
		{"func F(a int) {}", "func F(a ...int) {}", "pkg p, func F(int)", "pkg p, func F(...int)"},
		{"func F() (n int, err error) { return }", "func F() (n int) { return }", "pkg p, func F() (int, error)", "pkg p, func F() int"},
		{"func F[T any](t T) {}", "func F[T comparable](t T) {}", "pkg p, func F[T any](T)", "pkg p, func F[T comparable](T)"},
		{"type T struct{ A int }", "type T struct{ B int }", "pkg p, type T struct, A int", "pkg p, type T struct, B int"},
		{"type T struct{ F func(x int) bool }", "type T struct{ F func(x int) }",
			"pkg p, type T struct, F func(int) bool", "pkg p, type T struct, F func(int)"},
		{"type T struct{}", "type T struct{ a []int }", "pkg p, type T comparable struct", "pkg p, type T struct"},
		{"type T struct{}\nfunc (T) M() {}", "type T struct{}\nfunc (*T) M() {}", "pkg p, method (T) M()", "pkg p, method (*T) M()"},
		{"type T int\nconst (A T = iota; B)", "type T int\nconst (B T = iota; A)",
			"pkg p, const A T = 0\npkg p, const B T = 1", "pkg p, const A T = 1\npkg p, const B T = 0"},
		{"var V int", "", "pkg p, var V int", ""},
		{"type F[A, B any] = func(a A) B", "type F[A, B any] = func(a A) (B, error)",
			"pkg p, type F[A any, B any] = func(A) B", "pkg p, type F[A any, B any] = func(A) (B, error)"},
		{"type I interface{ M() }", "type I interface{ M(); N() }", "", "pkg p, type I interface, N()"},
		{"type E struct{}\nfunc (E) M() {}\ntype T struct{ E }", "type E struct{}\nfunc (E) M() {}\ntype T struct{}",
			"pkg p, type T struct, embedded E E\npkg p, method (T) M()", ""},
		{"type T int", "type T string", "pkg p, type T int", "pkg p, type T string"},
	} {
		before, after := listing(t, test.before), listing(t, test.after)
		gone, added := strings.Join(without(before, after), "\n"), strings.Join(without(after, before), "\n")
		if gone != test.gone || added != test.added {
			t.Errorf("from\n%s\nto\n%s\ngone:\n%s\nwant:\n%s\nadded:\n%s\nwant:\n%s",
				test.before, test.after, gone, test.gone, added, test.added)
		}
	}
}

func TestChangesThatBreakNothingAreNot(t *testing.T) {
	before := listing(t, "func F(a int) (err error) { return }\ntype T struct{ a int }\nfunc (T) m() {}\nvar v int\nfunc f() {}")
	after := listing(t, "// F.\nfunc F(b int) error { return nil }\ntype T struct{ b string }\nvar w int")
	if !slices.Equal(before, after) {
		t.Errorf("%q is not %q", before, after)
	}
}

func TestCompareSaysWhatIsGoneAndWhatIsNotListed(t *testing.T) {
	for _, test := range []struct{ listed, declared, out, err string }{
		{"a b", "a b", "", ""},
		{"a b", "a", "- b\n", "break"},
		{"a b", "a c", "- b\n+ c\n", "break"},
		{"a", "a c", "+ c\n", "not in "},
	} {
		var out strings.Builder
		err := compare(strings.Fields(test.listed), strings.Fields(test.declared), &out)
		if out.String() != test.out || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q against %q: %q, %v", test.listed, test.declared, &out, err)
		}
	}
}

// It is a part of what make lint does.
func TestListingIsWhatIsDeclared(t *testing.T) {
	t.Chdir("../..")
	var out strings.Builder
	if err := run(false, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestPublicPackagesAreListedAndNoOthers(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"atomicmetrics, func New(...Option) (*Collector, error)",
		"atomicmetrics, method (*Node) RecordSuccess(time.Duration)",
		"atomicmetrics/metricstest, func RequireSuccess(testing.TB, *atomicmetrics.Collector, string, int)",
		"digest, func Exact() Strategy",
		"wrap, func Canceled(error) bool",
	} {
		if !strings.Contains(string(text), "pkg "+want+"\n") {
			t.Errorf("the listing lacks %s", want)
		}
	}
	for line := range strings.Lines(string(text)) {
		if name, _, _ := strings.Cut(line, ","); !strings.HasPrefix(line, "pkg ") || strings.Contains(name, "internal") {
			t.Errorf("the listing has %s", line)
		}
	}
}
