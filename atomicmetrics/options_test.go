package atomicmetrics_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// refusals returns the lines of New's error.
func refusals(t *testing.T, opts ...atomicmetrics.Option) []string {
	t.Helper()
	c, err := atomicmetrics.New(opts...)
	if err == nil {
		t.Error("New: no error")
		return nil
	}
	if c != nil {
		t.Error("New: a collector with an error")
	}
	return strings.Split(err.Error(), "\n")
}

// badOption is an option that New refuses, and what the line about it must hold.
type badOption struct {
	atomicmetrics.Option
	names []string
}

// checkRefused checks that the lines are about these options, one each, in any order.
func checkRefused(t *testing.T, lines []string, bad ...badOption) {
	t.Helper()
	equal(t, fmt.Sprintf("lines of %q", lines), len(lines), len(bad))
	for _, b := range bad {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(b.names, func(name string) bool { return !strings.Contains(line, name) })
		}) {
			t.Errorf("no line of %q has all of %q", lines, b.names)
		}
	}
}

func TestBadOptionIsRefusedWithItsNameAndValue(t *testing.T) {
	size := func(n int) badOption {
		return badOption{atomicmetrics.WithWindowSize(n), []string{"WithWindowSize", fmt.Sprint(" ", n, " ")}}
	}
	maxNodes := func(n int) badOption {
		return badOption{atomicmetrics.WithMaxNodes(n), []string{"WithMaxNodes", fmt.Sprint(" ", n, " ")}}
	}
	exact, tdigest := atomicmetrics.WithPercentiles(digest.Exact()), atomicmetrics.WithPercentiles(digest.TDigest(100))
	for _, row := range []struct {
		bad  badOption
		with atomicmetrics.Option
	}{
		{size(0), nil},
		{size(-7), nil},
		{size(math.MinInt), nil},
		{size(1<<30 + 1), nil},
		{size(0), exact},
		{size(65_537), exact},
		{size(0), tdigest},
		{size(1<<30 + 1), tdigest},
		{size(math.MaxInt), tdigest},
		{maxNodes(0), nil},
		{maxNodes(-3), nil},
		{maxNodes(math.MinInt), nil},
	} {
		checkRefused(t, refusals(t, row.bad.Option, row.with), row.bad)
	}
	for _, compression := range []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), -100, 0, 19.99, 1000.01, math.MaxFloat64,
	} {
		for _, window := range []int{100, 100_000} { // also where the digest would not be used
			bad := badOption{
				atomicmetrics.WithPercentiles(digest.TDigest(compression)),
				[]string{"WithPercentiles", fmt.Sprint(" ", compression, " ")},
			}
			checkRefused(t, refusals(t, bad.Option, atomicmetrics.WithWindowSize(window)), bad)
		}
	}
}

func TestBadThresholdsAreRefusedWithFieldAndValue(t *testing.T) {
	type thresholds = atomicmetrics.Thresholds
	const window = 50
	for _, row := range []struct {
		thresholds thresholds
		names      []string
	}{
		{thresholds{FailureRate: math.NaN()}, []string{"FailureRate", "NaN"}},
		{thresholds{FailureRate: -0.25}, []string{"FailureRate", "-0.25"}},
		{thresholds{FailureRate: 1}, []string{"FailureRate", " 1 "}},
		{thresholds{FailureRate: 1.5}, []string{"FailureRate", "1.5"}},
		{thresholds{FailureRate: math.Inf(1)}, []string{"FailureRate", "+Inf"}},
		{thresholds{FailureRate: math.Inf(-1)}, []string{"FailureRate", "-Inf"}},
		{thresholds{Latency: -1}, []string{"Latency", "-1ns"}},
		{thresholds{Latency: math.MinInt64}, []string{"Latency", time.Duration(math.MinInt64).String()}},
		{thresholds{MinSamples: -1}, []string{"MinSamples", "-1"}},
		{thresholds{FailureRate: 0.5, MinSamples: window + 1}, []string{"MinSamples", "51", "50"}},
		{thresholds{FailureRate: 0.5, Recovery: math.NaN()}, []string{"Recovery", "NaN"}},
		{thresholds{FailureRate: 0.5, Recovery: -0.5}, []string{"Recovery", "-0.5"}},
		{thresholds{FailureRate: 0.5, Recovery: 1.01}, []string{"Recovery", "1.01"}},
		{thresholds{FailureRate: 0.5, Recovery: math.Inf(1)}, []string{"Recovery", "+Inf"}},
	} {
		size := atomicmetrics.WithWindowSize(window)
		ofAll := badOption{atomicmetrics.WithThresholds(row.thresholds), append(row.names, "WithThresholds")}
		checkRefused(t, refusals(t, size, ofAll.Option), ofAll)
		ofOne := badOption{
			atomicmetrics.WithNodeThresholds("resize", row.thresholds),
			append(row.names, "WithNodeThresholds", "resize"),
		}
		checkRefused(t, refusals(t, size, ofOne.Option), ofOne)
	}
}

func TestThresholdsUpToTheirLimitsAreAccepted(t *testing.T) {
	for _, thresholds := range []atomicmetrics.Thresholds{
		{},
		{FailureRate: math.SmallestNonzeroFloat64},
		{FailureRate: math.Nextafter(1, 0)},
		{Latency: 1},
		{Latency: math.MaxInt64},
		{FailureRate: 0.5, MinSamples: 1},
		{FailureRate: 0.5, MinSamples: 50},
		{FailureRate: 0.5, Recovery: math.SmallestNonzeroFloat64},
		{FailureRate: 0.5, Recovery: 1},
		{MinSamples: 50, Recovery: 0.5}, // with both off
	} {
		size := atomicmetrics.WithWindowSize(50)
		newCollector(t, size, atomicmetrics.WithThresholds(thresholds))
		newCollector(t, size, atomicmetrics.WithNodeThresholds("n", thresholds))
	}
}

// severalBad are options of which none is to blame for another.
var severalBad = []badOption{
	{atomicmetrics.WithMaxNodes(-1), []string{"WithMaxNodes", "-1"}},
	{atomicmetrics.WithWindowSize(-2), []string{"WithWindowSize", "-2"}},
	{atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 3}), []string{"WithThresholds", "3"}},
	{atomicmetrics.WithNodeThresholds("b", atomicmetrics.Thresholds{Latency: -4}),
		[]string{"WithNodeThresholds", "b", "-4ns"}},
	{atomicmetrics.WithNodeThresholds("a", atomicmetrics.Thresholds{Recovery: 5}),
		[]string{"WithNodeThresholds", "a", "5"}},
}

func TestEachOfSeveralBadOptionsHasALine(t *testing.T) {
	for subset := 1; subset < 1<<len(severalBad); subset++ {
		var bad []badOption
		var opts []atomicmetrics.Option
		for i, b := range severalBad {
			if subset>>i&1 != 0 {
				bad, opts = append(bad, b), append(opts, b.Option)
			}
		}
		checkRefused(t, refusals(t, opts...), bad...)
	}
}

func TestBadWindowSizeAndBadCompressionHaveALineEach(t *testing.T) {
	bad := []badOption{
		{atomicmetrics.WithWindowSize(-2), []string{"WithWindowSize", "-2"}},
		{atomicmetrics.WithPercentiles(digest.TDigest(7)), []string{"WithPercentiles", "7"}},
	}
	checkRefused(t, refusals(t, bad[0].Option, bad[1].Option), bad...)
}

func TestThresholdsAreNotBlamedForABadWindowSize(t *testing.T) {
	bad := badOption{atomicmetrics.WithWindowSize(-2), []string{"WithWindowSize", "-2"}}
	thresholds := atomicmetrics.Thresholds{FailureRate: 0.5, MinSamples: 10}
	checkRefused(t, refusals(t, bad.Option, atomicmetrics.WithThresholds(thresholds)), bad)
}

// permutations calls f with the options in every order, until the test has failed.
func permutations(t *testing.T, opts []atomicmetrics.Option, f func(opts []atomicmetrics.Option)) {
	var permute func(n int)
	permute = func(n int) {
		if t.Failed() {
			return // the other orders would say the same
		}
		if n == len(opts) {
			f(opts)
			return
		}
		for i := n; i < len(opts); i++ {
			opts[n], opts[i] = opts[i], opts[n]
			permute(n + 1)
			opts[n], opts[i] = opts[i], opts[n]
		}
	}
	permute(0)
}

func TestOptionsMayComeInAnyOrder(t *testing.T) {
	var events eventList
	orders := 0
	permutations(t, []atomicmetrics.Option{
		atomicmetrics.WithWindowSize(100_000), // only with TDigest
		atomicmetrics.WithPercentiles(digest.TDigest(50)),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, MinSamples: 70_000}), // only with the window
		atomicmetrics.WithNodeThresholds("own", atomicmetrics.Thresholds{Latency: millis(5)}),
		atomicmetrics.WithMaxNodes(1),
		atomicmetrics.OnEvent(events.add),
	}, func(opts []atomicmetrics.Option) {
		orders++
		c := newCollector(t, opts...)
		s := c.Snapshot()
		equal(t, "window size", s.WindowSize, 100_000)
		equal(t, "percentiles", s.Percentiles, "tdigest")
	})
	equal(t, "orders", orders, 720)

	permutations(t, []atomicmetrics.Option{
		atomicmetrics.WithWindowSize(2),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, MinSamples: 2}),
		atomicmetrics.WithNodeThresholds("own", atomicmetrics.Thresholds{Latency: millis(5)}),
		atomicmetrics.WithMaxNodes(1),
		atomicmetrics.OnEvent(events.add),
	}, func(opts []atomicmetrics.Option) {
		events = nil
		c := newCollector(t, opts...)
		c.RecordFailure("own", millis(6), errRefused)
		c.RecordFailure("own", millis(6), errRefused)
		c.RecordFailure("x", millis(6), errRefused)
		c.RecordFailure("y", millis(6), errRefused)
		flush(t, c)
		equal(t, "events", len(events), 2)
		equal(t, "latency of own", c.NodeMetrics("own").LatencyBreached, true)
		equal(t, "failure rate of own", c.NodeMetrics("own").FailureRateBreached, false)
		equal(t, "failure rate of the rest", c.NodeMetrics(atomicmetrics.OverflowNode).FailureRateBreached, true)
	})

	var bad []atomicmetrics.Option
	for _, b := range severalBad {
		bad = append(bad, b.Option)
	}
	permutations(t, bad, func(opts []atomicmetrics.Option) { checkRefused(t, refusals(t, opts...), severalBad...) })
}

func TestTheLaterOfTwoEqualOptionsCounts(t *testing.T) {
	off, rate := atomicmetrics.Thresholds{}, atomicmetrics.Thresholds{FailureRate: 0.5}
	c := newCollector(t,
		atomicmetrics.WithWindowSize(-1), atomicmetrics.WithWindowSize(2),
		atomicmetrics.WithMaxNodes(-1), atomicmetrics.WithMaxNodes(2),
		atomicmetrics.WithThresholds(off), atomicmetrics.WithThresholds(rate),
		atomicmetrics.WithNodeThresholds("off", rate), atomicmetrics.WithNodeThresholds("off", off),
	)
	equal(t, "window size", c.Snapshot().WindowSize, 2)
	for _, node := range []string{"off", "on"} {
		c.RecordFailure(node, 1, errRefused)
		equal(t, node, c.NodeMetrics(node).FailureRateBreached, node == "on")
	}
}

func TestNilOptionsAndCallbacksAreIgnored(t *testing.T) {
	var log warningLog
	called := 0
	c := newCollector(t,
		nil,
		atomicmetrics.WithWindowSize(1),
		atomicmetrics.WithThresholds(atomicmetrics.Thresholds{FailureRate: 0.5, Latency: 1}),
		atomicmetrics.OnEvent(nil),
		atomicmetrics.OnFailureRateThreshold(nil),
		atomicmetrics.OnLatencyThreshold(nil),
		atomicmetrics.OnEvent(func(atomicmetrics.Event) { called++ }),
		log.option(),
		nil,
	)
	c.RecordFailure("n", 2, errRefused)
	if got := log.warnings(t, c); len(got) != 0 { // of a callback that panics
		t.Errorf("logged %+v", got)
	}
	equal(t, "calls", called, 2)
}

func TestNilClassifierIsClassify(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithClassifier(nil))
	c.RecordFailure("n", 1, atomicmetrics.Categorize(errRefused, atomicmetrics.CategoryValidation))
	equal(t, "counts", countsOf(c.NodeMetrics("n")), oneValidation)
}

func TestWindowSizesUpToTheLimitOfTheStrategyAreAccepted(t *testing.T) {
	for _, row := range []struct {
		strategy digest.Strategy
		sizes    []int
	}{
		{digest.Exact(), []int{1, 2, 100, 65_535, 65_536}},
		{digest.TDigest(20), []int{1, 8192, 8193, 65_537, 1 << 30}},
		{digest.TDigest(100), []int{1, 8192, 8193, 65_537, 1 << 30}},
		{digest.TDigest(1000), []int{1, 8192, 8193, 65_537, 1 << 30}},
	} {
		for _, size := range row.sizes {
			c := newCollector(t, atomicmetrics.WithWindowSize(size), atomicmetrics.WithPercentiles(row.strategy))
			equal(t, "window size", c.Snapshot().WindowSize, size)
		}
	}
}

func TestDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	c := newCollector(t)
	equal(t, "window size", c.Snapshot().WindowSize, 100)
	for range 101 {
		c.RecordFailure("n", time.Hour, errRefused)
	}
	m := c.NodeMetrics("n")
	equal(t, "samples", m.WindowSamples, 100)
	equal(t, "breached", m.FailureRateBreached || m.LatencyBreached, false)
}

func TestZeroStrategyIsDefault(t *testing.T) {
	percentiles := func(s digest.Strategy) string {
		c := newCollector(t, atomicmetrics.WithWindowSize(10_000), atomicmetrics.WithPercentiles(s))
		return c.Snapshot().Percentiles
	}
	equal(t, "exact", percentiles(digest.Exact()), "exact")
	equal(t, "tdigest", percentiles(digest.TDigest(100)), "tdigest")
	equal(t, "zero", percentiles(digest.Strategy{}), percentiles(digest.Default()))
	c := newCollector(t, atomicmetrics.WithWindowSize(10_000))
	equal(t, "without the option", c.Snapshot().Percentiles, percentiles(digest.Default()))
}

func TestTDigestOfASmallWindowIsExact(t *testing.T) {
	for size, want := range map[int]string{1: "exact", 8192: "exact", 8193: "tdigest"} {
		c := newCollector(t, atomicmetrics.WithWindowSize(size), atomicmetrics.WithPercentiles(digest.TDigest(100)))
		equal(t, fmt.Sprintf("percentiles of a window of %d", size), c.Snapshot().Percentiles, want)
	}
}

func TestNodeThresholdsAreInPlaceOfThoseOfAll(t *testing.T) {
	rate, latency := atomicmetrics.Thresholds{FailureRate: 0.5}, atomicmetrics.Thresholds{Latency: millis(5)}
	c := newCollector(t,
		atomicmetrics.WithThresholds(rate),
		atomicmetrics.WithNodeThresholds("latency", latency),
		atomicmetrics.WithNodeThresholds("off", atomicmetrics.Thresholds{}),
	)
	for _, row := range []struct {
		node                 string
		failureRate, latency bool
	}{
		{"rate", true, false},
		{"latency", false, true},
		{"off", false, false},
	} {
		c.RecordFailure(row.node, millis(6), errRefused)
		m := c.NodeMetrics(row.node)
		equal(t, row.node+": failure rate", m.FailureRateBreached, row.failureRate)
		equal(t, row.node+": latency", m.LatencyBreached, row.latency)
	}
}

func TestOptionsServeSeveralCollectors(t *testing.T) {
	var events eventList
	opts := append([]atomicmetrics.Option{
		atomicmetrics.OnEvent(events.add), atomicmetrics.WithNodeThresholds("off", atomicmetrics.Thresholds{}),
	}, edgy...)
	for range 2 {
		events = nil
		c := newCollector(t, opts...)
		c.RecordFailure("n", 1, errRefused)
		c.RecordFailure("off", 1, errRefused)
		flush(t, c)
		equal(t, "events", len(events), 1)
	}
}

func TestDefaultLoggerIsTheGlobalOneOfZerolog(t *testing.T) {
	var written warningLog
	global := log.Logger
	defer func() { log.Logger = global }()
	log.Logger = zerolog.New(&written)
	c, err := atomicmetrics.New()
	if err != nil {
		t.Fatal(err)
	}
	c.RecordSuccess("n", -1)
	equal(t, "warnings", len(written.warnings(t, c)), 1)
}
