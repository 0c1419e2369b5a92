// Package lastfailure keeps the last failure of each of several owners, and how
// many failures each had. A node's owners are its present state, and the states
// that a reset took and has not read yet. So the first failure after a reset
// never meets the failures of before.
//
// A recorder counts a failure in its state first, and adds it to the [List]
// right after. So a reader that finds a failure in the list finds it counted
// too. When a state is closed and quiet, a reset waits until the list has as
// many failures as the state has counted. Then the entry is final, because no
// further failure can be counted. The wait ends, because a recorder that has
// counted a failure adds it without waiting for anybody.
package lastfailure

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// A Failure is a failure that was recorded. Its time has a monotonic reading,
// so setting the clock changes no order.
type Failure struct {
	At       time.Time
	Category uint8
	Text     string
}

// A List has an entry for each owner. The zero List is empty. A List is
// lock-free and safe for concurrent use.
type List[Owner comparable] struct {
	first atomic.Pointer[entry[Owner]]
}

// An entry never changes. A new entry replaces it.
type entry[Owner comparable] struct {
	last  Failure
	of    Owner
	count uint64
	next  *entry[Owner] // of another owner; rare
}

// Add adds a failure of an owner. The failure with the latest time is the last
// failure. Of two failures of the same time, the last is the one added later.
func (l *List[Owner]) Add(of Owner, f Failure) {
	for {
		old := l.first.Load()
		if l.first.CompareAndSwap(old, old.with(of, f)) {
			return
		}
	}
}

// with returns the list with a further failure of an owner.
func (e *entry[Owner]) with(of Owner, f Failure) *entry[Owner] {
	if e == nil {
		return &entry[Owner]{last: f, of: of, count: 1}
	}
	changed := *e
	if e.of != of {
		changed.next = e.next.with(of, f)
		return &changed
	}
	changed.count++
	if !f.At.Before(e.last.At) {
		changed.last = f
	}
	return &changed
}

// Last returns an owner's last failure, and how many were added.
func (l *List[Owner]) Last(of Owner) (last Failure, count uint64) {
	if e := l.first.Load().find(of); e != nil {
		return e.last, e.count
	}
	return Failure{}, 0
}

func (e *entry[Owner]) find(of Owner) *entry[Owner] {
	for e != nil && e.of != of {
		e = e.next
	}
	return e
}

// Remove removes the failures of an owner.
func (l *List[Owner]) Remove(of Owner) {
	for {
		old := l.first.Load()
		if old.find(of) == nil || l.first.CompareAndSwap(old, old.without(of)) {
			return
		}
	}
}

// without returns the list without the owner, which is in it.
func (e *entry[Owner]) without(of Owner) *entry[Owner] {
	if e.of == of {
		return e.next
	}
	changed := *e
	changed.next = e.next.without(of)
	return &changed
}

// Size returns how many bytes the entries take.
func (l *List[Owner]) Size() (bytes int) {
	for e := l.first.Load(); e != nil; e = e.next {
		bytes += int(unsafe.Sizeof(*e)) + len(e.last.Text)
	}
	return bytes
}
