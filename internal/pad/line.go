//go:build !(arm64 || ppc64 || ppc64le || s390x)

// Package pad knows how wide a cache line is, so that words which different
// cores write can be kept apart. The widths are the largest of each platform's
// machines, as golang.org/x/sys/cpu has them.
package pad

// Line is the width of a cache line in bytes.
const Line = 64
