//go:build !nodemetrics_tdigest

package digest

// Default returns Exact(). In a build with -tags nodemetrics_tdigest it returns
// TDigest(100).
func Default() Strategy { return Exact() }
