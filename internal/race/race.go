//go:build race

package race

// Enabled tells whether this build has the race detector.
const Enabled = true
