// Package release stores words that one goroutine at a time writes, and that
// all goroutines load atomically.
package release
