// Package registry maps names to handles, at most so many of them at a time.
//
// # Handles
//
// The program defines handles, which take the records of a name. The registry
// asks a handle whether it is forgotten and whether it is busy. A forgotten
// handle takes no more records, and stays forgotten. A recorder that finds its
// handle forgotten calls Register and goes to the returned handle.
//
// # Why a name has one handle
//
// Three rules hold for the handles in the map:
//
//   - Register puts a new handle into the map before the handle takes its first
//     record.
//   - A handle leaves the map only after it was forgotten. Register replaces a
//     forgotten handle by a new one. Remove takes a forgotten handle out.
//   - A forgotten handle never takes a record again.
//
// Register and Remove test a handle and change its entry in one Compute, which
// excludes others of the same name. So a handle that takes records is in the
// map under its name, and a name has at most one such handle. A read of the
// name finds the handle, and so does a read of all names. No record is missed.
//
// To forget a name, the caller first makes its handle forgotten, and waits for
// the records in flight. Then it calls Remove. A record made between the two
// goes to a successor, which Register puts in the same place. Remove leaves the
// successor alone.
//
// A forgotten handle may be busy, and reads must still see it. Remove leaves a
// busy handle in the map. The goroutine that makes the handle idle calls Remove
// again. A handle becomes busy first and then looks whether it is forgotten.
// Remove looks in the other order. So either the handle finds itself forgotten,
// or Remove finds it busy.
//
// # Why there are never too many names
//
// Register reserves a place before it puts a new name into the map. Remove
// returns the place after it has taken the name out. So reserved is at least
// the number of names, and it never exceeds the limit.
//
// If all places are taken, Register does not lock the map. Register may rely on
// the map only if no name is on its way into the map. The counter visible
// tells. Register counts a name in visible after it put the name into the map.
// Remove counts the name out before it returns the place. So visible is at most
// reserved. If visible is the limit, each reserved place has a name that the
// map shows.
//
// Between the map and visible another goroutine may remove the name. Then
// visible is too low for a while, and may be negative.
package registry

import (
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/puzpuzpuz/xsync/v3"

	"github.com/nodemetrics/nodemetrics/internal/step"
)

// EntrySize is the estimated size of a name's entry in the map, in bytes. An
// entry has a name, a pointer, and a part of a bucket of 64 bytes, which has 2
// to 4 entries.
const EntrySize = int(unsafe.Sizeof("")+unsafe.Sizeof(uintptr(0))) + 24

// Rules tell a Registry about its handles. Forgotten, Busy and Inherit are
// called with the map's lock for a name, and must not use the registry.
type Rules[H any] struct {
	// Limit is how many names may have a handle at a time.
	Limit int

	// Overflow is the handle of OverflowName. It takes no place, so it is not
	// counted and never removed. Names beyond Limit get it.
	Overflow     H
	OverflowName string

	// Create returns a new handle for a valid name. The registry calls Create
	// without a lock, on the goroutine that registers the name. If several
	// goroutines register one name, the registry keeps one of their handles.
	Create func(name string) H

	// Forgotten reports whether a handle takes no more records.
	Forgotten func(h H) bool

	// Busy reports whether a forgotten handle has to stay in the map.
	Busy func(h H) bool

	// Inherit is called before successor is put in the place of old, which is
	// forgotten.
	Inherit func(successor, old H)
}

// Registry maps names to handles. Init comes first. All other methods are safe
// for concurrent use.
type Registry[H any] struct {
	rules    Rules[H]
	handles  *xsync.MapOf[string, H] // by valid name; with the overflow handle
	reserved atomic.Int64            // places; at least the names in the map, at most the limit
	// Names put into the map, less names taken out; lags behind the map.
	visible atomic.Int64
}

// Init makes the registry ready for use. Its only handle is the overflow.
func (r *Registry[H]) Init(rules Rules[H]) {
	r.rules, r.handles = rules, xsync.NewMapOf[string, H]()
	r.handles.Store(rules.OverflowName, rules.Overflow)
}

// Load returns the handle of a name. A name that is not valid UTF-8 has no
// handle. Lookup takes such names. Load is small enough to be inlined in a
// record.
func (r *Registry[H]) Load(name string) (H, bool) { return r.handles.Load(name) }

// Lookup returns the handle of a name in any spelling.
func (r *Registry[H]) Lookup(name string) (H, bool) {
	if h, ok := r.handles.Load(name); ok || utf8.ValidString(name) {
		return h, ok
	}
	return r.loadValid(name)
}

// Register returns the handle of a name in any spelling. If the name has no
// handle or a forgotten one, Register makes a handle. If all places are taken,
// it returns the overflow handle and false. Register may wait for goroutines
// that register or remove names. It does not wait if the name has a handle or
// all places are taken.
func (r *Registry[H]) Register(name string) (h H, placed bool) {
	// Before the map, as the package's comment says.
	full := r.visible.Load() >= int64(r.rules.Limit)
	step.At(step.Aimed)
	switch h, found := r.Lookup(name); {
	case found && !r.rules.Forgotten(h):
		return h, true
	case !found && full:
		return r.rules.Overflow, false
	}
	name = strings.Clone(Valid(name))
	created := r.rules.Create(name)
	step.At(step.Made)
	return r.put(name, created)
}

// put puts a handle of Create into the map. It does not if the name has a
// handle that is not forgotten, or if no place is free.
func (r *Registry[H]) put(name string, created H) (h H, placed bool) {
	added := false
	h, placed = r.handles.Compute(name, func(old H, found bool) (_ H, remove bool) {
		switch {
		case found && !r.rules.Forgotten(old):
			return old, false
		case found: // in the place of old
			r.rules.Inherit(created, old)
			return created, false
		}
		added = r.reserve()
		return created, !added
	})
	step.At(step.Placed)
	if added {
		r.visible.Add(1)
	}
	if !placed {
		return r.rules.Overflow, false
	}
	return h, true
}

// reserve takes a place, if a place is free. It never takes one too many, even
// for a moment, because another goroutine would then find a free place taken.
func (r *Registry[H]) reserve() bool {
	for {
		n := r.reserved.Load()
		if n >= int64(r.rules.Limit) {
			return false
		}
		if r.reserved.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Remove removes the handle of a valid name and returns its place, if the
// handle is forgotten and not busy.
func (r *Registry[H]) Remove(name string) {
	removed := false
	r.handles.Compute(name, func(h H, found bool) (H, bool) {
		removed = found && r.rules.Forgotten(h) && !r.rules.Busy(h)
		return h, removed || !found
	})
	if !removed {
		return
	}
	step.At(step.Removed)
	r.visible.Add(-1)
	step.At(step.Removed)
	r.reserved.Add(-1)
}

// Len returns how many names have a handle, without the overflow. While
// goroutines register and remove names, Len is an estimate.
func (r *Registry[H]) Len() int { return int(max(r.visible.Load(), 0)) }

// All returns all handles in no order, the overflow handle included.
func (r *Registry[H]) All() []H {
	all := make([]H, 0, r.Len()+1)
	r.handles.Range(func(_ string, h H) bool {
		all = append(all, h)
		return true
	})
	return all
}
