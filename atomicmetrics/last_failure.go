package atomicmetrics

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// LastFailure is a node's newest failure since its last reset, of a collector made WithLastFailure. It is a plain value;
// the zero value stands for no failure.
type LastFailure struct {
	At       time.Time // when it was recorded, in UTC, without a monotonic reading
	Category Category
	Text     string // what the error's Error returned, made valid UTF-8, at most its first 256 bytes; "" without an error
}

// maxText is how many bytes of an error's text are kept.
const maxText = 256

// LastFailure returns the node's newest failure since its last reset: of failures that overlap, the one whose record
// began last. It is the zero LastFailure when there is none, and without WithLastFailure. It waits for nobody. To have
// it together with the counts that it belongs to, take a Snapshot.
func (n *Node) LastFailure() LastFailure {
	var d details
	n.metrics(&d)
	return d.lastFailure
}

// notes keeps the last failure of a node's states: of the present one, and of those that a reset took and has not read
// yet. A note is found by the state whose failures it is about, so the record after a reset never meets the note of
// before, and a reset takes no other note than that of what it clears.
//
// A failure is noted right after it was counted in its state, and counted by its note too. So who finds a note finds its
// failure counted. And a reset waits, when its state is quiet, until as many failures have been noted as counted: then
// the note is final. Each failure that was counted is noted by a recorder that is under way and waits for nobody; none
// can be counted any more.
type notes struct {
	newest atomic.Pointer[note]
}

// note is the newest failure of a state and how many there were. It never changes: another takes its place.
type note struct {
	LastFailure        // At with its monotonic reading, so that a clock that is set changes no order
	of          *state // whose failures these are
	failures    uint64
	next        *note // of another state: seldom there
}

// add notes a failure of a state.
func (t *notes) add(s *state, f LastFailure) {
	for {
		old := t.newest.Load()
		if t.newest.CompareAndSwap(old, old.with(s, f)) {
			return
		}
	}
}

// with returns the notes with one failure more of a state.
func (l *note) with(s *state, f LastFailure) *note {
	if l == nil {
		return &note{LastFailure: f, of: s, failures: 1}
	}
	changed := *l
	if l.of != s {
		changed.next = l.next.with(s, f)
		return &changed
	}
	changed.failures++
	if !f.At.Before(l.At) {
		changed.LastFailure = f
	}
	return &changed
}

// find returns the note of a state, nil if there is none.
func (l *note) find(s *state) *note {
	for l != nil && l.of != s {
		l = l.next
	}
	return l
}

// of returns the last failure of a state and how many were noted.
func (t *notes) of(s *state) (f LastFailure, failures uint64) {
	l := t.newest.Load().find(s)
	if l == nil {
		return f, 0
	}
	f = l.LastFailure
	f.At = f.At.UTC().Round(0)
	return f, l.failures
}

// forget removes the note of a state, which has been read for the last time.
func (t *notes) forget(s *state) {
	for {
		old := t.newest.Load()
		if old.find(s) == nil || t.newest.CompareAndSwap(old, old.without(s)) {
			return
		}
	}
}

func (l *note) without(s *state) *note {
	if l.of == s {
		return l.next
	}
	changed := *l
	changed.next = l.next.without(s)
	return &changed
}

// textOf returns the text of an error to be kept. Error is the user's code: what it panics with ends here.
func textOf(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = cut(fmt.Sprintf("the Error method of %T panicked", err))
		}
	}()
	return cut(err.Error())
}

// cut makes text valid UTF-8 and keeps at most maxText bytes of it, in whole characters.
func cut(text string) string {
	text = validName(text)
	if len(text) > maxText {
		end := maxText
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.Clone(text) // it may be a part of something large
}
