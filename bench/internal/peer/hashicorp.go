package peer

import (
	"time"

	"github.com/hashicorp/go-metrics"
)

// hashicorp has a sample and a counter for each outcome, by keys. It has no
// handles. Its sink in memory keeps sum, minimum and maximum of each ten
// seconds. It keeps no percentiles, so it does less than the rest.
type hashicorp struct {
	metrics *metrics.Metrics
	sink    *metrics.InmemSink
}

func newHashicorp() Registry {
	sink := metrics.NewInmemSink(10*time.Second, time.Minute) // as in the README
	config := metrics.DefaultConfig("bench")
	config.EnableHostname, config.EnableRuntimeMetrics = false, false // no goroutine, no clutter
	return &hashicorp{must(metrics.New(config, sink)), sink}
}

func (r *hashicorp) Timer(name string) func() {
	durations, success := []string{name, "seconds"}, []string{name, "success"}
	return func() {
		r.metrics.MeasureSince(durations, time.Now())
		r.metrics.IncrCounter(success, 1)
	}
}

// Named has keys made beforehand.
func (r *hashicorp) Named(names []string) Named {
	n := hashicorpNamed{r.metrics, make([][3][]string, len(names))}
	for i, name := range names {
		n.keys[i] = [3][]string{{name, "seconds"}, {name, "success"}, {name, "failure"}}
	}
	return n
}

type hashicorpNamed struct {
	metrics *metrics.Metrics
	keys    [][3][]string
}

func (n hashicorpNamed) RecordSuccess(i int, d time.Duration) {
	n.metrics.AddSample(n.keys[i][0], float32(d.Seconds()))
	n.metrics.IncrCounter(n.keys[i][1], 1)
}

func (n hashicorpNamed) RecordFailure(i int, d time.Duration, _ error) {
	n.metrics.AddSample(n.keys[i][0], float32(d.Seconds()))
	n.metrics.IncrCounter(n.keys[i][2], 1)
}

func (r *hashicorp) Read(name string) Reading {
	var reading Reading
	for _, interval := range r.sink.Data() {
		for key, counter := range interval.Counters {
			switch key {
			case "bench." + name + ".success":
				reading.Successes += uint64(counter.Sum)
			case "bench." + name + ".failure":
				reading.Failures += uint64(counter.Sum)
			}
		}
	}
	return reading
}
