// Package conformance holds tests of the library against outside judges: what others have written that says whether the
// library keeps its word. It is a module of its own, so that nobody who uses the library gets the judges' modules too.
//
//	cd internal/conformance && go test ./...
//	cd internal/conformance && go test -tags nodemetrics_step .
//
// With the tag, porcupine judges histories of a node that were recorded while goroutines stopped at any of its atomic
// steps. Command soak mixes everything at full speed.
package conformance
