// Package conformance tests the library by outside judges. These are libraries
// and tools of other authors that say whether this library keeps its promises.
// The package is a module of its own, so users of the library do not get the
// judges' modules.
//
//	cd internal/conformance && go test ./...
//	cd internal/conformance && go test -tags nodemetrics_step .
//
// With the tag, goroutines stop at any atomic step of a node, and porcupine
// judges the history. Command soak mixes everything at full speed.
package conformance
