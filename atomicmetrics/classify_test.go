package atomicmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Package classify has the tests of the rules.
func TestClassifyReturnsACategory(t *testing.T) {
	for _, row := range []struct {
		err  error
		want atomicmetrics.Category
	}{
		{nil, atomicmetrics.CategoryOther},
		{errors.New("timeout"), atomicmetrics.CategoryOther},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), atomicmetrics.CategoryTimeout},
		{errors.Join(net.ErrClosed, strconv.ErrSyntax), atomicmetrics.CategoryNetwork},
		{strconv.ErrSyntax, atomicmetrics.CategoryValidation},
		{ownCategory(atomicmetrics.CategoryNetwork), atomicmetrics.CategoryNetwork},
		{ownCategory(200), atomicmetrics.CategoryOther},
		{(*net.OpError)(nil), atomicmetrics.CategoryOther},
	} {
		equal(t, fmt.Sprintf("category of a %T", row.err), atomicmetrics.Classify(row.err), row.want)
		c := newCollector(t)
		c.RecordFailure("a", 1, row.err)
		want := newCollector(t)
		want.RecordFailureAs("a", 1, row.want)
		equal(t, fmt.Sprintf("metrics after a %T", row.err), c.NodeMetrics("a"), want.NodeMetrics("a"))
		if n := testing.AllocsPerRun(100, func() { atomicmetrics.Classify(row.err) }); n != 0 {
			t.Errorf("a %T: %v allocations", row.err, n)
		}
	}
}

type ownCategory atomicmetrics.Category

func (c ownCategory) Error() string                         { return "own" }
func (c ownCategory) ErrorCategory() atomicmetrics.Category { return atomicmetrics.Category(c) }

// uncomparable is an error that == panics on.
type uncomparable []error

func (e uncomparable) Error() string { return "uncomparable" }

func TestCategorizeDecidesTheCategory(t *testing.T) {
	for _, err := range []error{
		errors.New("x"), context.DeadlineExceeded, net.ErrClosed, strconv.ErrSyntax, (*net.OpError)(nil),
	} {
		for want := range atomicmetrics.CategoryNetwork + 1 {
			categorized := atomicmetrics.Categorize(err, want)
			again := atomicmetrics.Categorize(atomicmetrics.Categorize(err, (want+1)%4), want)
			for _, err := range []error{categorized, again, errors.Join(errors.New("x"), fmt.Errorf("y: %w", categorized))} {
				equal(t, fmt.Sprintf("category of %T", err), atomicmetrics.Classify(err), want)
			}
		}
	}
}

func TestCategorizeKeepsTheError(t *testing.T) {
	_, cause := os.ReadFile(filepath.Join(t.TempDir(), "missing"))
	err := atomicmetrics.Categorize(cause, atomicmetrics.CategoryValidation)
	if err.Error() != cause.Error() {
		t.Errorf("the text is %q, want %q", err, cause)
	}
	if got := errors.Unwrap(err); got != cause {
		t.Errorf("Unwrap gives %v, want %v", got, cause)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("errors.Is(%v, fs.ErrNotExist) is false", err)
	}
	if path := (*fs.PathError)(nil); !errors.As(err, &path) || path != cause {
		t.Errorf("errors.As finds %v, want %v", path, cause)
	}
}

func TestCategorizeNilIsNil(t *testing.T) {
	if err := atomicmetrics.Categorize(nil, atomicmetrics.CategoryTimeout); err != nil {
		t.Errorf("Categorize(nil, timeout) = %#v, want nil", err)
	}
}

func TestCategorizeAsNoCategoryIsOther(t *testing.T) {
	for _, category := range []atomicmetrics.Category{atomicmetrics.CategoryNetwork + 1, math.MaxUint8} {
		err := atomicmetrics.Categorize(context.DeadlineExceeded, category)
		if got := atomicmetrics.Classify(err); got != atomicmetrics.CategoryOther {
			t.Errorf("Classify of an error categorized as %v = %v, want other", category, got)
		}
		var carrier interface{ ErrorCategory() atomicmetrics.Category }
		if !errors.As(err, &carrier) || carrier.ErrorCategory() != atomicmetrics.CategoryOther {
			t.Errorf("an error categorized as %v carries %v, want other", category, carrier)
		}
	}
}

func TestCategorizedErrorsCanBeCompared(t *testing.T) {
	cause := uncomparable{errors.New("x")}
	a := atomicmetrics.Categorize(cause, atomicmetrics.CategoryOther)
	b := atomicmetrics.Categorize(cause, atomicmetrics.CategoryOther)
	if a == b || !errors.Is(a, a) { // either comparison would panic on a struct around cause
		t.Error("a categorized error is equal to another one, or not to itself")
	}
}

// A program that uses this package links everything that these files import,
// whatever the build tag.
func TestThePackageDoesNotImport(t *testing.T) {
	banned := map[string]string{
		"net/http":     "it brings TLS, HTTP/2 and a default mux into programs that serve nothing",
		"encoding/xml": "its errors are recognized by their package's name",
		"go/scanner":   "its errors are recognized by their package's name",
		"testing":      "it adds flags to the command line of the program",
		"expvar":       "it brings net/http and registers a handler; a Collector is an expvar.Var without it",
	}
	var files []string
	for _, pattern := range []string{"*.go", "../internal/classify/*.go"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	imports := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ImportSpec); ok {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				imports[path] = true
				if reason, ok := banned[path]; ok {
					t.Errorf("%s imports %s: %s", name, path, reason)
				}
			}
			return true
		})
	}
	for _, path := range []string{"net", "syscall"} { // of classify.go and of errno_unix.go: all files were read
		if !imports[path] {
			t.Errorf("no file imports %s: the test does not see the files it is about", path)
		}
	}
}

type loopError struct{ next error }

func (e *loopError) Error() string { return "loop" }
func (e *loopError) Unwrap() error { return e.next }

// malformed returns its argument. It hides from static checks that a call with
// it is bound to fail.
func malformed[T any](v T) T { return v }
