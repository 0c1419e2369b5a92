package registry

import (
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// Valid returns a name with U+FFFD in the place of each run of bytes that are
// not valid UTF-8.
func Valid(name string) string { return strings.ToValidUTF8(name, string(utf8.RuneError)) }

// appendValid appends Valid(name) to b.
func appendValid(b []byte, name string) []byte {
	bad := false
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		wrong := r == utf8.RuneError && size == 1
		if !wrong || !bad {
			b = utf8.AppendRune(b, r)
		}
		bad = wrong
		i += size
	}
	return b
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// loadValid is Load(Valid(name)) without an allocation. The registry keeps no
// invalid spelling, so each record by such a name makes the name valid again.
//
// The string shares the buffer's bytes. That is safe because Load keeps no key,
// and the buffer goes back to the pool after Load. A copy would cost each such
// record an allocation.
func (r *Registry[H]) loadValid(name string) (H, bool) {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	*b = appendValid((*b)[:0], name)
	return r.handles.Load(unsafe.String(unsafe.SliceData(*b), len(*b)))
}
