// Package peer has what nodemetrics is measured against: an adapter for each library, in a file of its own, all behind
// the same few methods. nodemetrics itself is one of them.
package peer

import "time"

// Node records the executions of one node by handle. Its methods are safe for concurrent use.
type Node interface {
	RecordSuccess(d time.Duration)
	RecordFailure(d time.Duration, err error)
}

// Named records the executions of nodes by name: i is the index of a name in the list that it was made for. An adapter
// builds the names of its metrics from that list beforehand, where its library takes a name; what it looks up, and how
// often, is the library's way.
type Named interface {
	RecordSuccess(i int, d time.Duration)
	RecordFailure(i int, d time.Duration, err error)
}

// Retrier is a Node that counts retries too.
type Retrier interface {
	RecordRetry(attempt int)
}

// Registry is where nodes are registered and read. What a library can do beyond reading is in the interfaces below.
type Registry interface {
	// Read returns what the library itself says about a node.
	Read(name string) Reading
}

// Handles is a Registry that gives out handles. The handle of a name is the same every time.
type Handles interface {
	Node(name string) Node
}

// ByName is a Registry that takes records by name.
type ByName interface {
	Named(names []string) Named
}

// Timers is a Registry with a way of its own to time an execution: the function times one that does nothing, and records
// it as a success.
type Timers interface {
	Timer(name string) func()
}

// Snapshotter is a Registry that can be read as a whole: Snapshot reads the figures of all nodes, percentiles or what
// the library has in their place included, and returns how many nodes there were.
type Snapshotter interface {
	Snapshot() int
}

// JSON is a Registry that writes all its figures as JSON.
type JSON interface {
	MarshalJSON() ([]byte, error)
}

// Reading is what a library says about one node.
type Reading struct {
	Successes, Failures uint64

	// Durations is how many durations there are that percentiles can be read from, or of which those are a sample.
	Durations uint64

	// Median is the library's own p50, or the upper bound of the bucket where it lies; 0 where there is none.
	Median time.Duration
}

// Impl is an implementation by its name in benchmarks.
type Impl struct {
	Name string

	// New makes a registry of its own, which shares nothing with others.
	New func() Registry

	// NoPercentiles: it keeps no duration that percentiles could be read from, so it does less than the others.
	NoPercentiles bool
}

// All has every implementation but the yardstick, in the order of the tables.
var All = []Impl{
	{Name: "nodemetrics", New: newNodemetrics},
	{Name: "nodemetrics-tdigest", New: newNodemetricsTDigest},
	{Name: "mutex-ring", New: newMutexRing},
	{Name: "xsync-mutex-ring", New: newXsyncMutexRing},
	{Name: "monkit-durationval", New: newMonkitDurationVal},
	{Name: "monkit-task", New: newMonkitTask},
	{Name: "prometheus-histogram", New: newPrometheusHistogram},
	{Name: "prometheus-native", New: newPrometheusNative},
	{Name: "prometheus-summary", New: newPrometheusSummary},
	{Name: "victoria-histogram", New: newVictoriaHistogram},
	{Name: "victoria-summary", New: newVictoriaSummary},
	{Name: "gometrics-timer", New: newGometricsTimer},
	{Name: "gometrics-histogram", New: newGometricsHistogram},
	{Name: "otel", New: newOtel},
	{Name: "hashicorp", New: newHashicorp, NoPercentiles: true},
	{Name: "tally", New: newTally},
	{Name: "hdr-mutex", New: newHDRMutex},
	{Name: "ddsketch-mutex", New: newDDSketchMutex},
	{Name: "tdigest-mutex", New: newTDigestMutex},
	{Name: "failsafe-breaker", New: newFailsafeBreaker, NoPercentiles: true},
}

// must is for what cannot fail: a registry of constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
