//go:build arm64 || ppc64 || ppc64le

package pad

// Line is the width of a cache line in bytes.
const Line = 128
