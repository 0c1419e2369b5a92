package digest

import (
	"fmt"
	"math"
)

// Limits of the strategies.
const (
	MaxExactWindow   = 65_536  // the largest window of Exact
	MaxTDigestWindow = 1 << 30 // the largest window of TDigest
	// Up to this window TDigest is Exact, because a digest saves nothing.
	SmallWindow    = 8_192
	MinCompression = 20    // the smallest compression of TDigest
	MaxCompression = 1_000 // the largest
)

type kind uint8

const (
	kindDefault kind = iota
	kindExact
	kindTDigest
)

// Strategy is a way to compute percentiles from a window. A Strategy is a small
// immutable value, safe to copy and to share. The zero value is Default().
type Strategy struct {
	kind        kind
	compression float64
}

// Exact keeps every sample of the window and answers by nearest rank from a
// sorted copy.
func Exact() Strategy { return Strategy{kind: kindExact} }

// TDigest returns the strategy that answers windows above SmallWindow from
// t-digests. Their memory does not grow with the window. Smaller windows are
// answered exactly. Compression is about the number of centroids kept, from
// MinCompression to MaxCompression. More centroids are more exact and take more
// memory. A compression out of range is an error of Validate, and so of
// atomicmetrics.New.
func TDigest(compression float64) Strategy {
	return Strategy{kind: kindTDigest, compression: compression}
}

// resolved puts Default() in the place of the zero value.
func (s Strategy) resolved() Strategy {
	if s.kind == kindDefault {
		return Default()
	}
	return s
}

// String returns "exact" or "tdigest".
func (s Strategy) String() string {
	if s.resolved().kind == kindTDigest {
		return "tdigest"
	}
	return "exact"
}

// Validate returns an error when s has a compression that is out of range.
func (s Strategy) Validate() error {
	s = s.resolved()
	// This condition refuses NaN too.
	if s.kind == kindTDigest && !(s.compression >= MinCompression && s.compression <= MaxCompression) {
		return fmt.Errorf("compression %v must be from %d to %d", s.compression, MinCompression, MaxCompression)
	}
	return nil
}

// For returns the strategy that a collector with s uses for windows of
// windowSize samples. Up to SmallWindow that is Exact in the place of TDigest,
// and else s itself. If s cannot take such a window, the error says why, and
// names a way out.
func (s Strategy) For(windowSize int) (Strategy, error) {
	s = s.resolved()
	limit := MaxExactWindow
	if s.kind == kindTDigest {
		limit = MaxTDigestWindow
	}
	switch {
	case windowSize < 1:
		return s, fmt.Errorf("window size %d must be at least 1", windowSize)
	case windowSize > limit && s.kind == kindExact && windowSize <= MaxTDigestWindow:
		return s, fmt.Errorf("window size %d must be at most %d for Exact, and may be larger for digest.TDigest", windowSize, limit)
	case windowSize > limit:
		return s, fmt.Errorf("window size %d must be at most %d for %v", windowSize, limit, s)
	case s.kind == kindTDigest && windowSize <= SmallWindow:
		return Exact(), nil
	}
	return s, nil
}

// Compression returns the compression of a TDigest, and NaN for Exact, which
// has none.
func (s Strategy) Compression() float64 {
	if s = s.resolved(); s.kind == kindTDigest {
		return s.compression
	}
	return math.NaN()
}
