package classify_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/classify"
)

// A tree of errors, with cycles, is built from bytes and classified as the model does it: rule after rule, each over
// the list of all its errors. Of a cycle no more than a thousand errors are looked at.
func FuzzClassify(f *testing.F) {
	kinds := byte(len(errorKinds))
	for kind := range kinds {
		f.Add([]byte{kindURL, kind, 3, 0, kindWrap, kind})                        // with something in it, in a *url.Error
		f.Add([]byte{kindWrap, kindSeveral, 3, kind, 0, kindBack, 0, kind, 1, 5}) // beside others, and in a cycle
		f.Add([]byte{kindOp, kind, kindURL, kindOp, kind, kindBack, 200})         // inside a *net.OpError
	}
	f.Add([]byte{kindWrap, kindBack, 0})
	f.Add([]byte{kindSeveral, 2, kindWrap, kindBack, 0, kinds - 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := treeBuilder{data: data[:min(len(data), 4096)]}
		root := b.build(0)
		want := root.classify()
		got := of(root.err)
		if got != want {
			t.Errorf("%v is %v, want %v", root, got, want)
		}
		if b.unwraps > 1000 {
			t.Errorf("%d calls of Unwrap", b.unwraps)
		}
		if b.cyclic || b.overruled || len(b.trees) > 500 {
			return
		}
		var malformed *strconv.NumError
		switch {
		case errors.Is(root.err, context.DeadlineExceeded):
			if got != classify.Timeout {
				t.Errorf("%v is %v, and is context.DeadlineExceeded", root, got)
			}
		case errors.As(root.err, &malformed) && got == classify.Other:
			t.Errorf("%v is other, and has a *strconv.NumError", root)
		}
	})
}

// The kinds that the seeds name.
const (
	kindWrap = iota
	kindBack
	kindSeveral
	kindURL
	kindOp
)

// errorKind is a sort of error and what the rules say of one, whatever it wraps.
type errorKind struct {
	name     string
	make     func(children []error) error
	category classify.Kind
	children int  // how many it wraps; -1: any number
	carries  bool // it carries the category itself
	panics   bool
	url      bool // it is a *url.Error
	atEnd    bool // it is of the network inside a *url.Error
}

const (
	isOther      = classify.Other
	isTimeout    = classify.Timeout
	isNetwork    = classify.Network
	isValidation = classify.Validation
)

// leaf is an error that wraps nothing.
func leaf(name string, err error, category classify.Kind) errorKind {
	return errorKind{name: name, make: func([]error) error { return err }, category: category}
}

func carrying(name string, err error, category classify.Kind) errorKind {
	k := leaf(name, err, category)
	k.carries = true
	return k
}

func panicking(name string, err error) errorKind {
	k := leaf(name, err, isOther)
	k.panics = true
	return k
}

// around is an error that wraps one other.
func around(name string, category classify.Kind, wrap func(error) error) errorKind {
	return errorKind{name: name, make: func(of []error) error { return wrap(of[0]) }, category: category, children: 1}
}

func inURL(op string, category classify.Kind) errorKind {
	k := around(op, category, func(err error) error { return &url.Error{Op: op, Err: err} })
	k.url = true
	return k
}

func atEnd(name string, err error) errorKind {
	k := leaf(name, err, isOther)
	k.atEnd = true
	return k
}

var errorKinds = []errorKind{
	kindWrap:    {name: "wrap", children: 1}, // a countedError, which the builder makes
	kindBack:    {name: "back"},              // one of the countedErrors that there are, or nil
	kindSeveral: {name: "several", make: func(of []error) error { return treeError(of) }, children: -1},
	kindURL:     inURL("Get", isOther),
	kindOp:      around("op", isNetwork, func(err error) error { return &net.OpError{Op: "read", Err: err} }),

	leaf("text", errors.New("text"), isOther),
	leaf("canceled", context.Canceled, isOther),
	leaf("context", context.DeadlineExceeded, isTimeout),
	leaf("os", os.ErrDeadlineExceeded, isTimeout),
	leaf("is", isError{context.DeadlineExceeded}, isTimeout),
	leaf("is not", isError{io.ErrShortWrite}, isOther),
	leaf("dns", &net.DNSError{}, isNetwork),
	leaf("dns in time", &net.DNSError{IsTimeout: true}, isTimeout),
	leaf("closed", net.ErrClosed, isNetwork),
	leaf("net", netError{}, isNetwork),
	atEnd("eof", io.EOF),
	atEnd("unexpected", io.ErrUnexpectedEOF),
	leaf("syntax", strconv.ErrSyntax, isValidation),
	leaf("json", &json.SyntaxError{}, isValidation),
	leaf("valid", validationError(false), isOther),
	leaf("invalid", validationError(true), isValidation),
	leaf("field", taggedField{}, isValidation),
	leaf("fields", taggedFields{}, isValidation),
	carrying("carries other", categoryError(200), isOther),
	carrying("carries timeout", categoryError(isTimeout), isTimeout),
	carrying("carries network", categoryOver{categoryError(isNetwork), context.DeadlineExceeded}, isNetwork),
	carrying("carries validation", categoryOver{categoryError(isValidation), io.EOF}, isValidation),
	panicking("panics carrying", panicErrorCategory{}),
	panicking("panics in time", panicTimeout{}),
	panicking("panics being", panicIs{}),
	panicking("panics validating", panicValidation{}),
	panicking("panics unwrapping", panicUnwrap{}),
	panicking("panics unwrapping several", panicUnwrapSeveral{}),
	panicking("panics with all", panicAllErrors{}),
	inURL("parse", isValidation),
	around("number", isValidation, func(err error) error { return &strconv.NumError{Err: err} }),
	around("late", isTimeout, func(err error) error { return timeoutError{true, err} }),
	around("in time", isOther, func(err error) error { return timeoutError{false, err} }),
	around("uncomparable", isOther, func(err error) error { return uncomparableError{err: err} }),
	{name: "all", make: func(of []error) error { return reasonedFields(of) }, children: -1},
}

// countedError counts how often it is asked what it wraps.
type countedError struct {
	unwraps *int
	next    error
}

func (e *countedError) Error() string { return "counted" }
func (e *countedError) Unwrap() error {
	*e.unwraps++
	return e.next
}

// errorTree is an error as the model sees it. With cycles it is no tree.
type errorTree struct {
	*errorKind // nil: a nil error
	err        error
	children   []*errorTree
}

// treeBuilder makes errors of bytes.
type treeBuilder struct {
	data      []byte
	trees     []*errorTree
	counted   []*errorTree
	unwraps   int
	cyclic    bool // perhaps
	overruled bool // perhaps: an error carries its category, or panics
}

func (b *treeBuilder) next() (n int) {
	if len(b.data) > 0 {
		n, b.data = int(b.data[0]), b.data[1:]
	}
	return n
}

func (b *treeBuilder) build(depth int) *errorTree {
	if len(b.data) == 0 || depth == 100 {
		return &errorTree{}
	}
	e := &errorTree{errorKind: &errorKinds[b.next()%len(errorKinds)]}
	b.trees = append(b.trees, e)
	b.overruled = b.overruled || e.carries || e.panics
	switch kind := e.errorKind; kind {
	case &errorKinds[kindBack]:
		b.cyclic = true
		if len(b.counted) == 0 {
			return &errorTree{}
		}
		return b.counted[b.next()%len(b.counted)]
	case &errorKinds[kindWrap]:
		wrap := &countedError{unwraps: &b.unwraps}
		e.err = wrap // before its child, which may lead back to it
		b.counted = append(b.counted, e)
		e.children = []*errorTree{b.build(depth + 1)}
		wrap.next = e.children[0].err
		return e
	}
	children := e.errorKind.children
	if children < 0 {
		children = b.next() % 5
	}
	var errs []error
	for range children {
		child := b.build(depth + 1)
		e.children, errs = append(e.children, child), append(errs, child.err)
	}
	e.err = e.make(errs)
	return e
}

// visited is an error where the walk meets it.
type visited struct {
	*errorTree
	inURL bool
}

// visit appends the error and all that it wraps, outermost first and depth-first, a thousand at most.
func (e *errorTree) visit(list []visited, inURL bool) []visited {
	if len(list) == 1000 {
		return list
	}
	list = append(list, visited{e, inURL})
	for _, child := range e.children {
		list = child.visit(list, inURL || e.url)
	}
	return list
}

// alone returns the category of one error, whatever it wraps, and whether asking it panics.
func (v visited) alone() (category classify.Kind, panics bool) {
	switch {
	case v.errorKind == nil:
		return isOther, false
	case v.inURL && v.atEnd:
		return isNetwork, false
	case v.errorKind == &errorKinds[kindOp]: // its method Timeout asks the error it wraps
		defer func() { panics = recover() != nil }()
		if v.err.(*net.OpError).Timeout() {
			return isTimeout, false
		}
	}
	return v.category, v.panics
}

// classify is what the comment of Classify says.
func (e *errorTree) classify() classify.Kind {
	var found [4]bool
	for _, v := range e.visit(nil, false) {
		category, panics := v.alone()
		if panics {
			return isOther
		}
		if v.errorKind != nil && v.carries {
			return category
		}
		found[category] = true
	}
	for _, category := range []classify.Kind{isTimeout, isNetwork, isValidation} {
		if found[category] {
			return category
		}
	}
	return isOther
}

// String returns the outline of the tree, down to a few levels.
func (e *errorTree) String() string { return e.outline(6) }

func (e *errorTree) outline(levels int) string {
	switch {
	case e.errorKind == nil:
		return "nil"
	case len(e.children) == 0:
		return e.name
	case levels == 0:
		return "…"
	}
	var children []string
	for _, child := range e.children {
		children = append(children, child.outline(levels-1))
	}
	return e.name + "(" + strings.Join(children, " ") + ")"
}
