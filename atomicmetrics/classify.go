package atomicmetrics

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"reflect"
	"strconv"
)

// maxVisited is how many errors of one tree Classify looks at. It ends a cycle of Unwrap methods, and bounds the stack
// and the time that a huge join can take. Errors that people wrapped on purpose are nowhere near it.
const maxVisited = 1000

// Classify says why an execution failed: it returns the category of err by the rules below. A collector uses it unless
// [WithClassifier] says otherwise.
//
// It looks at err and at everything err wraps, by a method Unwrap() error, Unwrap() []error or AllErrors() []error,
// outermost first and depth-first. The first of these rules that fits any of these errors decides, so a timeout that is
// joined to a validation error is a timeout:
//
//  1. The category that an error carries itself: one from [Categorize], or from a method ErrorCategory() [Category]. Of
//     several the first one met counts. A value that is no category is [CategoryOther].
//  2. [CategoryTimeout]: [context.DeadlineExceeded] and [os.ErrDeadlineExceeded]; a method Is(error) bool that says yes
//     to one of them; a method Timeout() bool that says yes, which the error numbers ETIMEDOUT and EAGAIN do.
//  3. [CategoryNetwork]: every [net.Error], hence [*net.OpError], [*net.DNSError], [net.ErrClosed] and the errors of
//     package net about malformed addresses; an error number of the system that speaks of a connection, such as
//     ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, EHOSTUNREACH and ENETUNREACH; [io.EOF] and [io.ErrUnexpectedEOF]
//     inside a [*url.Error], which is how an HTTP client says that the server hung up. The other error numbers and
//     *url.Error are a net.Error too, but do not count as one: a missing file is no network error, and a *url.Error is
//     judged by its cause.
//  4. [CategoryValidation]: every error type of the packages encoding/json, encoding/xml, go/scanner, strconv and time,
//     with [strconv.ErrSyntax] and [strconv.ErrRange]; [url.EscapeError], [url.InvalidHostError] and a *url.Error whose
//     Op is "parse"; a method Validation() bool that says yes; the field error of a validator, which is one that has
//     the methods Field() string and either Tag() string or Reason() string, and a slice type of such errors.
//  5. [CategoryOther]: everything else, [context.Canceled] and a nil error.
//
// An error that is mere text is other whatever the text says. Such are a bad argument of [time.ParseDuration] and an
// unknown field met by a [encoding/json.Decoder].
//
// At most 1,000 errors are looked at; what lies beyond is as if it were not there. When a method of one of them
// panics, as it may on a typed nil pointer, the result is CategoryOther: a panic never leaves Classify. It does not
// allocate, and is safe for concurrent use, as far as these methods are.
func Classify(err error) (category Category) {
	// Nothing but the return sets the result. After a panic it is still the zero value, CategoryOther.
	defer func() { _ = recover() }()
	s := search{left: maxVisited}
	s.visit(err, false)
	return s.best
}

// Categorize wraps err so that [Classify] answers category, whatever err is and wraps. The text is the same, and Unwrap
// gives err, so that [errors.Is] and [errors.As] see through it. A nil err gives nil. A category that does not exist
// counts as [CategoryOther]. When an error is categorized twice the outer category counts.
func Categorize(err error, category Category) error {
	if err == nil {
		return nil
	}
	return &categorized{err, category.orOther()}
}

// categorized is an error that carries a category. Its methods are on the pointer so that two of them can be compared
// whatever err is.
type categorized struct {
	err      error
	category Category // a valid one
}

func (e *categorized) Error() string           { return e.err.Error() }
func (e *categorized) Unwrap() error           { return e.err }
func (e *categorized) ErrorCategory() Category { return e.category }

// orOther returns c, or CategoryOther when c is not a category.
func (c Category) orOther() Category {
	if c >= categories {
		return CategoryOther
	}
	return c
}

// search is one walk over the tree of an error.
type search struct {
	left int      // errors that may still be visited
	best Category // the one of the highest rank that was met
}

// rank orders what Classify finds by looking, the strongest highest.
var rank = [categories]uint8{CategoryTimeout: 3, CategoryNetwork: 2, CategoryValidation: 1}

// visit looks at err and at everything it wraps. It reports whether the search is over: an error carried its category,
// or no more may be visited. inURL says that err is inside a *url.Error.
func (s *search) visit(err error, inURL bool) (over bool) {
	for s.left > 0 {
		s.left-- // for a nil as well: a slice may hold any number of them
		if err == nil {
			return false
		}
		if e, ok := err.(interface{ ErrorCategory() Category }); ok {
			s.best = e.ErrorCategory().orOther()
			return true
		}
		if c := categoryOf(err, inURL); rank[c] > rank[s.best] {
			s.best = c
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
		case interface{ AllErrors() []error }: // protoc-gen-validate's, for several fields
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

// categoryOf returns the category of err alone: not of what it wraps, and not one that it carries.
func categoryOf(err error, inURL bool) Category {
	// These comparisons cannot panic, though err may be of an uncomparable type: theirs are all comparable ones.
	switch err {
	case context.DeadlineExceeded, os.ErrDeadlineExceeded: // the quick way: their methods Timeout say so as well
		return CategoryTimeout
	case io.EOF, io.ErrUnexpectedEOF:
		if inURL {
			return CategoryNetwork
		}
		return CategoryOther
	case strconv.ErrSyntax, strconv.ErrRange:
		return CategoryValidation
	}

	// Before net.Error, which it is: its methods repeat what its cause says.
	if e, ok := err.(*url.Error); ok {
		if e.Op == "parse" {
			return CategoryValidation
		}
		return CategoryOther
	}
	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		return CategoryTimeout
	}
	if category, ok := errnoCategory(err); ok { // before net.Error too: every error number is one
		return category
	}
	if e, ok := err.(interface{ Is(error) bool }); ok {
		if e.Is(context.DeadlineExceeded) || e.Is(os.ErrDeadlineExceeded) {
			return CategoryTimeout
		}
	}
	if _, ok := err.(net.Error); ok {
		return CategoryNetwork
	}
	switch e := err.(type) {
	case taggedField, reasonedField:
		return CategoryValidation
	case interface{ Validation() bool }:
		if e.Validation() {
			return CategoryValidation
		}
	}
	if isMalformed(reflect.TypeOf(err)) {
		return CategoryValidation
	}
	return CategoryOther
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

// isMalformed tells by its type alone whether an error is about malformed input. The packages are named rather than
// imported: a program that reads no XML should not have to link the parser.
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
	case "encoding/json", "encoding/json/jsontext", "encoding/json/v2", // the latter two with GOEXPERIMENT=jsonv2
		"encoding/xml", "go/scanner", "net/url", "strconv", "time":
		return true
	}
	return false
}
