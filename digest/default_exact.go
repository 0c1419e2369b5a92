//go:build !nodemetrics_tdigest

package digest

// Default is Exact(); a build with -tags nodemetrics_tdigest makes it TDigest(100).
func Default() Strategy { return Exact() }
