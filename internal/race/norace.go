//go:build !race

// Package race tells tests that measure memory whether the race detector, which
// allocates on its own, is there.
package race

// Enabled tells whether this build has the race detector.
const Enabled = false
