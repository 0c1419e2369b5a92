package atomicmetrics_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

const maxDuration = atomicmetrics.MaxDuration

func TestDurationOutOfRangeCountsAsTheNearestKept(t *testing.T) {
	records := map[string]func(r recorder, d time.Duration){
		"RecordSuccess":   func(r recorder, d time.Duration) { r.RecordSuccess(d) },
		"RecordFailure":   func(r recorder, d time.Duration) { r.RecordFailure(d, errRefused) },
		"RecordFailureAs": func(r recorder, d time.Duration) { r.RecordFailureAs(d, atomicmetrics.CategoryTimeout) },
	}
	rows := []struct{ d, want time.Duration }{
		{math.MinInt64, 0},
		{-1, 0},
		{0, 0},
		{maxDuration, maxDuration},
		{maxDuration + 1, maxDuration},
		{math.MaxInt64, maxDuration},
	}
	check := func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		for name, record := range records {
			for _, row := range rows {
				record(r, row.d)
				m := c.ResetNode("n")
				got := []time.Duration{m.LastExecution, m.AvgExecution, m.TotalDuration, m.P50, m.WindowMin, m.WindowMax}
				if want := slices.Repeat([]time.Duration{row.want}, len(got)); !slices.Equal(got, want) {
					t.Errorf("%s of %d ns: last, average, total, p50, min, max are %d, want %d",
						name, row.d, got, row.want)
				}
				equal(t, name+": executions", m.TotalExecutions, 1)
			}
		}
	}
	bothWays(t, check)
	bothWays(t, check, atomicmetrics.WithLastFailure())
}

func TestDurationOutOfRangeIsLoggedWithNodeAndValue(t *testing.T) {
	for _, d := range []time.Duration{math.MinInt64, -1, maxDuration + 1, math.MaxInt64} {
		for how, logged := range loggedOf(t, "resize", d) {
			if want := []warning{{Node: "resize", DurationNs: int64(d)}}; !slices.Equal(logged, want) {
				t.Errorf("%s of %d ns: logged %+v, want %+v", how, d, logged, want)
			}
		}
	}
}

func TestDurationInRangeIsNotLogged(t *testing.T) {
	for _, d := range []time.Duration{0, 1, maxDuration - 1, maxDuration} {
		for how, logged := range loggedOf(t, "n", d) {
			if len(logged) != 0 {
				t.Errorf("%s of %d ns: logged %+v", how, d, logged)
			}
		}
	}
}

// loggedOf returns what is logged of one record, by what it is a record of.
func loggedOf(t *testing.T, node string, d time.Duration) map[string][]warning {
	var success, failure warningLog
	plain := newCollector(t, success.option())
	plain.RecordSuccess(node, d)
	noting := newCollector(t, failure.option(), atomicmetrics.WithLastFailure())
	noting.RecordFailure(node, d, errRefused)
	return map[string][]warning{"a success": success.warnings(t, plain), "a failure that is noted": failure.warnings(t, noting)}
}

func TestDurationWarningsAreAtMostOneASecondWithTheNumberSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log warningLog
		c := newCollector(t, log.option())
		steps := []struct {
			after time.Duration // the step before
			node  string
			d     time.Duration
			want  []warning
		}{
			{0, "a", -1, []warning{{Node: "a", DurationNs: -1}}},
			{0, "a", -2, nil},
			{0, "b", -3, nil}, // another node of the same collector
			{time.Second - 1, "b", maxDuration + 1, nil},
			{1, "b", -4, []warning{{Node: "b", DurationNs: -4, Suppressed: 3}}},
			{time.Second - 1, "a", -5, nil},
			{1, "a", -6, []warning{{Node: "a", DurationNs: -6, Suppressed: 1}}},
			{time.Hour, "a", -7, []warning{{Node: "a", DurationNs: -7}}},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			c.RecordSuccess(step.node, step.d)
			if got := log.warnings(t, c); !slices.Equal(got, step.want) {
				t.Errorf("step %d: logged %+v, want %+v", i, got, step.want)
			}
		}
	})
}

func TestDurationWarningsOfTwoCollectorsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 2 {
			var log warningLog
			c := newCollector(t, log.option())
			c.RecordSuccess("n", -1)
			equal(t, "warnings", len(log.warnings(t, c)), 1)
		}
	})
}

func TestDurationWarningsCountEachSuppressedRecordOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const recorders, each = 4, 20_000
		var log warningLog
		c := newCollector(t, log.option())
		together(recorders, func(int) {
			for range each {
				c.RecordSuccess("n", -1)
			}
		})
		time.Sleep(time.Second)
		c.RecordSuccess("n", -1)
		got := log.warnings(t, c)
		if len(got) != 2 || got[0].Suppressed+got[1].Suppressed != recorders*each-1 {
			t.Errorf("of %d records in one second and one after it: %+v", recorders*each, got)
		}
	})
}

func TestEveryDurationIsKeptToTheNanosecond(t *testing.T) {
	var durations []time.Duration
	for d := time.Duration(1); d <= maxDuration; d *= 2 {
		durations = append(durations, d-1, d, d+1)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		durations = append(durations, time.Duration(r.Int64N(int64(maxDuration)+1)>>r.IntN(56)))
	}
	durations = append(durations, maxDuration-1, maxDuration)

	c := newCollector(t)
	for _, d := range durations {
		c.RecordSuccess("n", d)
		m := c.ResetNode("n")
		for _, got := range []time.Duration{
			m.LastExecution, m.AvgExecution, m.TotalDuration, m.P50, m.P90, m.P99, m.WindowMin, m.WindowMax,
		} {
			if got != d {
				t.Fatalf("%d ns is read as %d ns: %+v", d, got, m)
			}
		}
	}
}

// checkSum compares a node's average and total with an exact sum.
func checkSum(t *testing.T, m atomicmetrics.NodeMetrics, sum *big.Int, n int) {
	t.Helper()
	avg := new(big.Int).Div(sum, big.NewInt(int64(n)))
	total := int64(math.MaxInt64)
	if sum.IsInt64() {
		total = sum.Int64()
	}
	if int64(m.AvgExecution) != avg.Int64() || int64(m.TotalDuration) != total {
		t.Fatalf("after %d records: average %d, total %d; want %d, %d", n, m.AvgExecution, m.TotalDuration, avg, total)
	}
}

func TestAverageStaysExactAndTotalStopsWhenTheSumIsBeyond64Bits(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithWindowSize(1))
	n, sum := c.Node("n"), new(big.Int)
	for i := range 4000 { // 2^64 ns are reached after 257
		n.RecordSuccess(maxDuration)
		checkSum(t, n.Metrics(), sum.Add(sum, big.NewInt(int64(maxDuration))), i+1)
	}
	if sum.BitLen() <= 64 {
		t.Fatalf("the sum has %d bits: too few to prove anything", sum.BitLen())
	}
}

func TestSumsOfMixedDurationsAreExact(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithWindowSize(1))
	n, sum, r := c.Node("n"), new(big.Int), rand.New(rand.NewPCG(3, 4))
	for i := range 10_000 {
		d := r.Int64N(int64(maxDuration) + 1)
		if i%3 == 0 {
			d >>= r.IntN(56)
		}
		if i%2 == 0 {
			n.RecordSuccess(time.Duration(d))
		} else {
			n.RecordFailureAs(time.Duration(d), atomicmetrics.CategoryNetwork)
		}
		checkSum(t, n.Metrics(), sum.Add(sum, big.NewInt(d)), i+1)
	}
}

func TestSumsOfManyRecordersAreExact(t *testing.T) {
	const recorders, each, rounds = 4, 500, 2000
	n, sum := newCollector(t).Node("n"), new(big.Int)
	for i := range recorders {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(maxDuration)-int64(i)), big.NewInt(each)))
	}
	for range rounds { // they meet for a moment only, before the node is spread over the cores
		together(recorders, func(i int) {
			for range each {
				n.RecordSuccess(maxDuration - time.Duration(i))
			}
		})
		checkSum(t, n.Reset(), sum, recorders*each)
	}
}

// counts are the counters of executions.
type counts struct {
	executions, successes, failures     uint64
	timeout, validation, network, other uint64
}

func countsOf(m atomicmetrics.NodeMetrics) counts {
	return counts{
		m.TotalExecutions, m.SuccessCount, m.FailureCount,
		m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors,
	}
}

var (
	oneTimeout    = counts{executions: 1, failures: 1, timeout: 1}
	oneValidation = counts{executions: 1, failures: 1, validation: 1}
	oneNetwork    = counts{executions: 1, failures: 1, network: 1}
	oneOther      = counts{executions: 1, failures: 1, other: 1}
)

func TestSuccessIsCountedAsOne(t *testing.T) {
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		r.RecordSuccess(1)
		equal(t, "counts", countsOf(c.NodeMetrics("n")), counts{executions: 1, successes: 1})
		equal(t, "failures of the window", c.NodeMetrics("n").WindowFailures, 0)
	})
}

func TestFailureIsCountedInTheCategoryOfItsError(t *testing.T) {
	_, notANumber := strconv.Atoi("x")
	rows := []struct {
		err  error
		want counts
	}{
		{context.DeadlineExceeded, oneTimeout},
		{fmt.Errorf("load: %w", notANumber), oneValidation},
		{fmt.Errorf("dial: %w", syscall.ECONNREFUSED), oneNetwork},
		{errRefused, oneOther},
		{nil, oneOther},
		{atomicmetrics.Categorize(errRefused, atomicmetrics.CategoryNetwork), oneNetwork},
	}
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		for _, row := range rows {
			r.RecordFailure(1, row.err)
			m := c.ResetNode("n")
			equal(t, fmt.Sprintf("counts of %v", row.err), countsOf(m), row.want)
			equal(t, "failures of the window", m.WindowFailures, 1)
		}
	})
}

func TestFailureAsIsCountedInItsCategory(t *testing.T) {
	rows := []struct {
		category atomicmetrics.Category
		want     counts
	}{
		{atomicmetrics.CategoryTimeout, oneTimeout},
		{atomicmetrics.CategoryValidation, oneValidation},
		{atomicmetrics.CategoryNetwork, oneNetwork},
		{atomicmetrics.CategoryOther, oneOther},
		{atomicmetrics.CategoryNetwork + 1, oneOther}, // the first that does not exist
		{math.MaxUint8, oneOther},
	}
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		for _, row := range rows {
			r.RecordFailureAs(1, row.category)
			m := c.ResetNode("n")
			equal(t, fmt.Sprintf("counts of %v", row.category), countsOf(m), row.want)
			equal(t, "failures of the window", m.WindowFailures, 1)
		}
	})
}

func TestNoCategoryOfTheClassifierCountsAsOther(t *testing.T) {
	for _, none := range []atomicmetrics.Category{atomicmetrics.CategoryNetwork + 1, math.MaxUint8} {
		c := newCollector(t, atomicmetrics.WithClassifier(func(error) atomicmetrics.Category { return none }))
		c.RecordFailure("n", 1, context.DeadlineExceeded)
		equal(t, fmt.Sprintf("counts of %v", none), countsOf(c.NodeMetrics("n")), oneOther)
	}
}

func TestNilErrorIsOtherWhateverTheClassifierSays(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		return atomicmetrics.CategoryTimeout
	}))
	c.RecordFailure("n", 1, nil)
	equal(t, "counts of nil", countsOf(c.ResetNode("n")), oneOther)
	c.RecordFailure("n", 1, errRefused)
	equal(t, "counts of an error", countsOf(c.ResetNode("n")), oneTimeout)
}

func TestClassifierIsGivenTheErrorAsItWas(t *testing.T) {
	given := errors.Join(errRefused, context.Canceled)
	var got error
	c := newCollector(t, atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
		got = err
		return atomicmetrics.CategoryOther
	}))
	c.RecordFailure("n", 1, given)
	equal(t, "error", got, given)
}

func TestRetriesAreCountedByAttempt(t *testing.T) {
	rows := []struct{ attempt, index int }{
		{math.MinInt, 0}, {-1, 0}, {0, 0},
		{1, 0}, {2, 1}, {3, 2}, {4, 3}, {5, 4}, {6, 5}, {7, 6}, {8, 7},
		{9, 7}, {100, 7}, {math.MaxInt, 7},
	}
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		for _, row := range rows {
			r.RecordRetry(row.attempt)
			want := atomicmetrics.NodeMetrics{RetryCount: 1}
			want.RetriesByAttempt[row.index] = 1
			equal(t, fmt.Sprintf("after a retry of attempt %d", row.attempt), c.ResetNode("n"), want)
		}
	})
}

func TestRetryAloneMakesANodeActiveAndIsNoExecution(t *testing.T) {
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		r.RecordRetry(1)
		all := c.AllNodeMetrics()
		equal(t, "active nodes", len(all), 1)
		equal(t, "retries", all["n"].RetryCount, 1)
		equal(t, "executions", all["n"].TotalExecutions, 0)
		equal(t, "samples", all["n"].WindowSamples, 0)
		if got := c.Node("n").Quantiles(0.5); got != nil {
			t.Errorf("quantiles: %v of an empty window", got)
		}
	})
}

func TestLastExecutionIsTheNewest(t *testing.T) {
	bothWays(t, func(t *testing.T, c *atomicmetrics.Collector, r recorder) {
		equal(t, "before any", c.NodeMetrics("n").LastExecution, 0)
		for i := range 10 { // two windows and a half
			d := millis(100 - 7*i%10)
			if i%3 == 0 {
				r.RecordFailureAs(d, atomicmetrics.CategoryTimeout)
			} else {
				r.RecordSuccess(d)
			}
			r.RecordRetry(1)
			equal(t, fmt.Sprintf("after record %d", i), c.NodeMetrics("n").LastExecution, d)
		}
	}, atomicmetrics.WithWindowSize(4))
}
