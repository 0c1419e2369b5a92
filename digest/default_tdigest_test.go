//go:build nodemetrics_tdigest

package digest_test

const defaultName = "tdigest"
