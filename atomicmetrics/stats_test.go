package atomicmetrics

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/race"
)

func statsCollector(t testing.TB, opts ...Option) *Collector {
	t.Helper()
	c, err := New(append(opts, WithLogger(zerolog.Nop()))...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkStats compares all but Bytes, which must not be 0.
func checkStats(t *testing.T, what string, c *Collector, want Stats) {
	t.Helper()
	got := c.Stats()
	if got.Bytes <= 0 {
		t.Errorf("%s: %d bytes", what, got.Bytes)
	}
	if got.Bytes = 0; got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestStatsCountPlacesTakenAndWhatHadNone(t *testing.T) {
	c := statsCollector(t, WithMaxNodes(2))
	checkStats(t, "new", c, Stats{})
	c.RecordSuccess("a", 1)
	c.RecordSuccess("b\xff", 1)
	c.Node("b\uFFFD")
	checkStats(t, "two names, one in two spellings", c, Stats{Nodes: 2})
	c.RecordSuccess("c", 1)
	c.RecordRetry("d", 1)
	checkStats(t, "overflow", c, Stats{Nodes: 2, OverflowRecords: 2})
	c.Reset()
	c.ResetNode(OverflowNode)
	checkStats(t, "after resets", c, Stats{Nodes: 2, OverflowRecords: 2})
	c.RecordFailureAs(OverflowNode, 1, CategoryOther)
	c.Node("e").RecordSuccess(1)
	checkStats(t, "by its name and by handle", c, Stats{Nodes: 2, OverflowRecords: 4})
}

func TestStatsCountEveryDurationOutOfRange(t *testing.T) {
	c := statsCollector(t)
	for range 10 { // of which one is logged
		c.RecordSuccess("a", -1)
		c.RecordFailureAs("a", MaxDuration+1, CategoryOther)
		c.RecordSuccess("a", MaxDuration)
	}
	c.Reset()
	checkStats(t, "clamped", c, Stats{Nodes: 1, DurationsClamped: 20})
}

func TestStatsCountEventsDropped(t *testing.T) {
	hang := make(chan struct{})
	c := statsCollector(t, WithWindowSize(1), WithThresholds(Thresholds{FailureRate: 0.5}), OnEvent(func(Event) { <-hang }))
	const events = maxWaiting + 100
	for i := range events {
		if i%2 == 0 {
			c.RecordFailureAs("a", 1, CategoryOther)
		} else {
			c.RecordSuccess("a", 1)
		}
	}
	got := c.Stats().EventsDropped // one may be in delivery
	close(hang)
	if got != events-maxWaiting && got != events-maxWaiting-1 {
		t.Errorf("%d events dropped of %d, want those that are more than %d", got, events, maxWaiting)
	}
}

func TestStatsCountShardedNodes(t *testing.T) {
	for name, opts := range map[string][]Option{
		"exact":   {WithPercentiles(digest.Exact())},
		"tdigest": {WithPercentiles(digest.TDigest(100)), WithWindowSize(100_000)},
	} {
		c := statsCollector(t, opts...)
		c.RecordSuccess("a", 1)
		c.RecordSuccess("b", 1)
		checkStats(t, name, c, Stats{Nodes: 2})
		c.Node("a").life.State().Ring.Spread(4)
		checkStats(t, name+", one sharded", c, Stats{Nodes: 2, ShardedNodes: 1})
		c.Reset()
		checkStats(t, name+", reset", c, Stats{Nodes: 2})
	}
}

// reachable returns the bytes of the heap that are in use.
func reachable() int {
	runtime.GC()
	runtime.GC() // what a sync.Pool keeps is gone after two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestStatsBytesAreWhatTheNodesHold(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	watched := WithThresholds(Thresholds{FailureRate: 0.5})
	fail := func(n *Node) { n.RecordFailure(1, fmt.Errorf("%0256d", 7)) }
	begin := func(n *Node) {
		for range 300 {
			n.Start()
		}
	}
	for _, row := range []struct {
		name           string
		nodes, records int
		spread         bool
		also           func(n *Node)
		opts           []Option
	}{
		{"many names, handles alone", 5000, 0, false, nil, nil},
		{"default window", 3000, 100, false, nil, nil},
		{"thresholds", 3000, 10, false, nil, []Option{watched}},
		{"large windows", 30, 100, false, nil, []Option{WithWindowSize(50_000)}},
		{"sharded", 500, 300, true, nil, []Option{WithWindowSize(1000)}},
		{"t-digests", 100, 60_000, false, nil, []Option{WithWindowSize(50_000), WithPercentiles(digest.TDigest(100))}},
		{"t-digests, sharded", 100, 20_000, true, nil, []Option{WithWindowSize(50_000), WithPercentiles(digest.TDigest(100))}},
		{"last failures", 3000, 0, false, fail, []Option{WithWindowSize(1), WithLastFailure()}},
		{"in flight", 1000, 0, false, begin, []Option{WithInFlight()}},
	} {
		names := make([]string, row.nodes)
		for i := range names {
			names[i] = fmt.Sprint("workflow.step.", i)
		}
		// Another test's goroutine may free memory meanwhile, so one try of ten is enough.
		ratio := 0.0
		for try := 0; try < 10 && !(ratio >= 0.8 && ratio <= 1.1); try++ {
			before := reachable()
			c := statsCollector(t, row.opts...)
			for _, name := range names {
				n := c.Node(name)
				for i := range row.records {
					n.RecordSuccess(time.Duration(i))
					if i == 0 && row.spread {
						n.life.State().Ring.Spread(2)
					}
				}
				if row.also != nil {
					row.also(n)
				}
			}
			if err := c.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			held := reachable() - before
			said := c.Stats().Bytes
			ratio = float64(said) / float64(held)
			t.Logf("%s: %.1f%% of %d bytes", row.name, 100*ratio, held)
			runtime.KeepAlive(c)
		}
		if ratio < 0.8 || ratio > 1.1 {
			t.Errorf("%s: Bytes is never near the growth of the heap", row.name)
		}
		runtime.KeepAlive(names)
	}
}
