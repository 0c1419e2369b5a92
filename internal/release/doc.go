// Package release stores words that one goroutine at a time writes, and that any goroutine loads atomically.
package release
