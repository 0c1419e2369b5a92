//go:build !nodemetrics_step

package step

// Enabled tells whether this build has steps.
const Enabled = false

// At is where a test may hold a goroutine up, in a build with the tag.
func At(Step) {}

// Core is id, unless a test, in a build with the tag, says that the caller runs
// on another core.
func Core(id int) int { return id }
