//go:build nodemetrics_tdigest

package digest

// Default returns TDigest(100), because this build has -tags
// nodemetrics_tdigest. Without the tag it returns Exact().
func Default() Strategy { return TDigest(100) }
