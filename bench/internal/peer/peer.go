// Package peer has the implementations that the benchmarks compare. Each
// library has an adapter in a file of its own, behind the same few methods.
// nodemetrics has such an adapter too.
package peer

import "time"

// Node records the executions of a node by handle. Its methods are safe for
// concurrent use.
type Node interface {
	RecordSuccess(d time.Duration)
	RecordFailure(d time.Duration, err error)
}

// Named records the executions of nodes by name. The index i is that of a name
// in the list of the Named. If a library takes a name for each metric, the
// adapter builds these names beforehand. The adapter looks names up in the
// library's own way.
type Named interface {
	RecordSuccess(i int, d time.Duration)
	RecordFailure(i int, d time.Duration, err error)
}

// Retrier is a Node that counts retries too.
type Retrier interface {
	RecordRetry(attempt int)
}

// Registry registers and reads nodes. The interfaces that follow have the
// further abilities of a library.
type Registry interface {
	// Read returns the library's own figures of a node.
	Read(name string) Reading
}

// Handles is a Registry that gives out handles. The handle of a name is the
// same every time.
type Handles interface {
	Node(name string) Node
}

// ByName is a Registry that takes records by name.
type ByName interface {
	Named(names []string) Named
}

// Timers is a Registry with a way of its own to time an execution. The function
// times an execution that does nothing, and records a success.
type Timers interface {
	Timer(name string) func()
}

// Snapshotter is a Registry that can be read as a whole. Snapshot reads the
// figures of all nodes and returns the number of nodes. The figures include
// percentiles, or the library's substitute for them.
type Snapshotter interface {
	Snapshot() int
}

// JSON is a Registry that writes all its figures as JSON.
type JSON interface {
	MarshalJSON() ([]byte, error)
}

// Reading has a library's figures of a node.
type Reading struct {
	Successes, Failures uint64

	// Durations is how many durations stand behind the percentiles.
	Durations uint64

	// Median is the library's own p50, or the upper bound of its bucket. A
	// library without percentiles has 0.
	Median time.Duration
}

// Impl is an implementation by its name in benchmarks.
type Impl struct {
	Name string

	// New makes a registry of its own, which shares nothing with others.
	New func() Registry

	// NoPercentiles says that the library keeps no durations for percentiles,
	// so it does less than the rest.
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

// must panics with the error. It is for registries of constants, which cannot
// fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
