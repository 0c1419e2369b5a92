// Package conformance holds tests of the library against outside judges: what others have written that says whether the
// library keeps its word. It is a module of its own, so that nobody who uses the library gets the judges' modules too.
//
//	cd internal/conformance && go test ./...
package conformance
