package peer

import (
	"time"

	"github.com/influxdata/tdigest"
)

// newTDigestMutex has a digest of compression 100, as nodemetrics-tdigest has.
// The digest keeps all samples since the start, because it cannot forget.
func newTDigestMutex() Registry {
	return newSketches(func() sketch { return td{tdigest.NewWithCompression(100)} })
}

type td struct{ t *tdigest.TDigest }

func (s td) add(d time.Duration) { s.t.Add(float64(d), 1) }

func (s td) count() uint64 { return uint64(s.t.Count()) }

func (s td) median() time.Duration { return time.Duration(s.t.Quantile(0.5)) }
