package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
)

// TestMain prints the verdict over what the benchmarks of the run have noted, if any did.
func TestMain(m *testing.M) {
	code := m.Run()
	if line := noted.line(); line != "" {
		fmt.Println(line)
	}
	os.Exit(code)
}

// limit is the library's first requirement, for the average of records and for the p99.9 of single ones.
const limit = time.Microsecond

// enough is how many iterations a run has at least for its average, and how many single records there are at least for
// their p99.9, to say anything.
const (
	enoughRecords = 1000
	enoughSingle  = 100_000
)

// notes are the figures of this library that the verdict is about.
type notes struct {
	mu       sync.Mutex
	averages map[string][]average       // by benchmark, a figure for each of its runs
	latency  map[string]measure.Latency // by implementation, of all runs together
}

// average is the last figure of one run: a run begins with b.N = 1 and is repeated with more.
type average struct {
	n  int
	ns float64
}

var noted = notes{averages: map[string][]average{}, latency: map[string]measure.Latency{}}

// noteAverage notes what one record took on its core on average, if it is ours.
func noteAverage(b *testing.B, impl string, ns float64) {
	if !ours(impl) {
		return
	}
	noted.mu.Lock()
	defer noted.mu.Unlock()
	all := noted.averages[b.Name()]
	if b.N > 1 && len(all) > 0 {
		all = all[:len(all)-1]
	}
	noted.averages[b.Name()] = append(all, average{b.N, ns})
}

// noteLatency notes single records, if they are ours.
func noteLatency(impl string, l measure.Latency) {
	if !ours(impl) {
		return
	}
	noted.mu.Lock()
	defer noted.mu.Unlock()
	if _, ok := noted.latency[impl]; !ok {
		noted.latency[impl] = measure.NewLatency()
	}
	noted.latency[impl].Merge(l)
}

// line is the verdict: "" where nothing was noted.
func (n *notes) line() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.averages) == 0 && len(n.latency) == 0 {
		return ""
	}
	var worst float64
	var at string
	judged, short := 0, 0
	for name, runs := range n.averages {
		var ns []float64
		for _, run := range runs {
			if run.n >= enoughRecords {
				ns = append(ns, run.ns)
			}
		}
		if len(ns) == 0 {
			short++
			continue
		}
		judged++
		if m := measure.Median(ns); m >= worst {
			worst, at = m, strings.TrimPrefix(name, "Benchmark")
		}
	}
	holds := short == 0 && judged > 0 && worst < float64(limit)
	var parts []string
	if judged > 0 {
		parts = append(parts, fmt.Sprintf("averages of %d benchmarks at most %.0f ns (%s)", judged, worst, at))
	}
	if short > 0 {
		parts = append(parts, fmt.Sprintf("%d benchmarks too short to say", short))
	}
	impls := []string{"nodemetrics", "nodemetrics-tdigest"}
	for _, impl := range impls {
		l, ok := n.latency[impl]
		if !ok {
			continue
		}
		count := l.Calls.TotalCount()
		if count < enoughSingle {
			parts = append(parts, fmt.Sprintf("too few single records of %s to say: %d", impl, count))
			holds = false
			continue
		}
		parts = append(parts, fmt.Sprintf("p99.9 of %d single records of %s %d ns (the empty measurement's %d ns)",
			count, impl, l.Percentile(99.9), l.ClockPercentile(99.9)))
		holds = holds && l.Percentile(99.9) < int64(limit)
	}
	verdict := "not shown"
	switch {
	case holds && len(n.latency) == len(impls):
		verdict = "holds"
	case slices.ContainsFunc(impls, func(impl string) bool {
		l, ok := n.latency[impl]
		return ok && l.Calls.TotalCount() >= enoughSingle && l.Percentile(99.9) >= int64(limit)
	}) || worst >= float64(limit):
		verdict = "MISSED"
	}
	return fmt.Sprintf("less than %v a record: %s; %s", limit, verdict, strings.Join(parts, "; "))
}
