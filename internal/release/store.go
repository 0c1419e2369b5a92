//go:build !amd64 || race || nodemetrics_portable

package release

import "sync/atomic"

// Store stores v in at. The caller is the only writer of the word until another
// goroutine acquires the structure around the word. Until then the caller
// stores the word only once. A goroutine that loads v atomically sees
// everything that the caller stored before.
func Store(at *atomic.Uint64, v uint64) { at.Store(v) }
