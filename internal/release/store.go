//go:build !amd64 || race || nodemetrics_portable

package release

import "sync/atomic"

// Store stores v in at. The caller is the only writer of the word until somebody else acquires what it is part of, and
// stores it once in that time. Whoever loads v atomically sees all that the caller stored before.
func Store(at *atomic.Uint64, v uint64) { at.Store(v) }
