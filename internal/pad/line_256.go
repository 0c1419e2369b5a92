//go:build s390x

package pad

// Line is the width of a cache line in bytes.
const Line = 256
