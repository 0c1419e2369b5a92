//go:build nodemetrics_tdigest

package digest

// Default is TDigest(100), as this build has -tags nodemetrics_tdigest; without the tag it is Exact().
func Default() Strategy { return TDigest(100) }
