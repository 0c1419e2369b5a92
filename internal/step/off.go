//go:build !nodemetrics_step

package step

// Enabled tells whether this build has steps.
const Enabled = false

// At is where a test may hold a goroutine up, in a build with the tag.
func At(Step) {}
