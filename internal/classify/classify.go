// Package classify finds out why an execution failed, from its error. It knows
// the errors of the standard library, the error numbers of each system, and the
// methods by which errors tell their kind. The documentation of
// atomicmetrics.Classify has the rules.
//
// It imports no package that a library should not drag into a program, such as
// net/http. For errors of these packages it asks methods, or compares the name
// of the package.
package classify

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"reflect"
	"strconv"
)

// A Kind is a reason why an execution failed. A caller may have further kinds
// above these, which only errors that carry them have.
type Kind uint8

const (
	Other Kind = iota
	Timeout
	Validation
	Network
)

// maxVisited is how many errors of a tree Of visits. This ends a cycle of
// Unwrap methods, and bounds the stack and the time of a huge join.
const maxVisited = 1000

// Of returns the kind of err. It visits err and everything that err wraps,
// outermost first and depth-first. If an error carries its kind, the first such
// error decides. Otherwise the strongest kind wins. If a method of an error
// panics, Of returns Other. Of does not allocate.
//
// carried returns the kind that an error carries, and whether there is such a
// kind. Of calls carried once for each error, which is not nil.
func Of(err error, carried func(error) (Kind, bool)) (kind Kind) {
	// After a panic the result is still the zero value, Other.
	defer func() { _ = recover() }()
	s := search{carried: carried, left: maxVisited}
	s.visit(err, false)
	return s.found
}

// search is a walk over the tree of an error.
type search struct {
	carried func(error) (Kind, bool)
	left    int  // errors that may still be visited
	found   Kind // the strongest kind of the visited errors
}

// strength orders the kinds. If a tree has errors of several kinds, the
// strongest kind wins.
var strength = [...]uint8{Timeout: 3, Network: 2, Validation: 1}

// visit visits err and everything it wraps. visit returns true if the search is
// over, because an error carries its kind or no more may be visited. inURL says
// that err is inside a *url.Error.
func (s *search) visit(err error, inURL bool) (over bool) {
	for s.left > 0 {
		s.left-- // a nil counts too, because a slice may hold any number
		if err == nil {
			return false
		}
		if kind, ok := s.carried(err); ok {
			s.found = kind
			return true
		}
		if kind := kindOf(err, inURL); strength[kind] > strength[s.found] {
			s.found = kind
		}

		var several []error
		switch e := err.(type) {
		case *url.Error:
			err, inURL = e.Err, true
			continue
		case interface{ Unwrap() error }:
			err = e.Unwrap()
			continue
		case interface{ Unwrap() []error }:
			several = e.Unwrap()
		case interface{ AllErrors() []error }: // of protoc-gen-validate
			several = e.AllErrors()
		}
		for _, err := range several {
			if s.visit(err, inURL) {
				return true
			}
		}
		return false
	}
	return true
}

// kindOf returns the kind of err alone, without the errors that it wraps.
func kindOf(err error, inURL bool) Kind {
	// These comparisons cannot panic, because the cases are comparable.
	switch err {
	case context.DeadlineExceeded, os.ErrDeadlineExceeded: // faster than Timeout
		return Timeout
	case io.EOF, io.ErrUnexpectedEOF:
		if inURL {
			return Network
		}
		return Other
	case strconv.ErrSyntax, strconv.ErrRange:
		return Validation
	}

	// A *url.Error is a net.Error too, but its methods repeat its cause's.
	if e, ok := err.(*url.Error); ok {
		if e.Op == "parse" {
			return Validation
		}
		return Other
	}
	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		return Timeout
	}
	if kind, ok := errnoKind(err); ok { // every error number is a net.Error too
		return kind
	}
	if e, ok := err.(interface{ Is(error) bool }); ok {
		if e.Is(context.DeadlineExceeded) || e.Is(os.ErrDeadlineExceeded) {
			return Timeout
		}
	}
	if _, ok := err.(net.Error); ok {
		return Network
	}
	switch e := err.(type) {
	case taggedField, reasonedField:
		return Validation
	case interface{ Validation() bool }:
		if e.Validation() {
			return Validation
		}
	}
	if isMalformed(reflect.TypeOf(err)) {
		return Validation
	}
	return Other
}

// taggedField is a field error of go-playground/validator.
type taggedField interface {
	Field() string
	Tag() string
}

// reasonedField is a field error of protoc-gen-validate.
type reasonedField interface {
	Field() string
	Reason() string
}

// isMalformed reports whether errors of the type are about malformed input. It
// compares the names of packages, so that no program links a parser for it.
func isMalformed(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		t = t.Elem()
	case reflect.Slice: // go-playground/validator's, for several fields
		e := t.Elem()
		if e.Implements(reflect.TypeFor[taggedField]()) || e.Implements(reflect.TypeFor[reasonedField]()) {
			return true
		}
	}
	switch t.PkgPath() {
	// The latter two with GOEXPERIMENT=jsonv2.
	case "encoding/json", "encoding/json/jsontext", "encoding/json/v2",
		"encoding/xml", "go/scanner", "net/url", "strconv", "time":
		return true
	}
	return false
}
