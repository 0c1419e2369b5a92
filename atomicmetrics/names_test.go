package atomicmetrics_test

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

func TestAnyStringIsAName(t *testing.T) {
	names := []string{
		"", " ", "\x00", "resize", "Größe", "图像", "\"\\\n</script>", "\uFFFD", "\u2028", "\U0010FFFF",
		strings.Repeat("long ", 20_000),
	}
	c := newCollector(t)
	for _, name := range names {
		c.RecordSuccess(name, 1)
		equal(t, fmt.Sprintf("Name of %.20q", name), c.Node(name).Name(), name)
		equal(t, fmt.Sprintf("executions of %.20q", name), c.NodeMetrics(name).TotalExecutions, 1)
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(c.AllNodeMetrics())); !slices.Equal(got, names) {
		t.Errorf("AllNodeMetrics: names %.100q, want %.100q", got, names)
	}
	parsed, err := atomicmetrics.ParseSnapshot([]byte(c.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(parsed.Nodes)); !slices.Equal(got, names) {
		t.Errorf("JSON: names %.100q, want %.100q", got, names)
	}
}

// A name may be a part of something large, a request say, which must not live as long as the collector.
func TestNameIsCopied(t *testing.T) {
	const names, size = 64, 1 << 20
	for _, name := range []string{"valid%d;", "invalid\xff%d;"} {
		c := newCollector(t)
		before := heap()
		for i := range names {
			request := append(fmt.Appendf(nil, name, i), make([]byte, size)...)
			part, _, _ := strings.Cut(string(request), ";")
			c.RecordSuccess(part, 1)
		}
		if kept := heap() - before; kept > names*size/4 {
			t.Errorf("%q: %d nodes keep %d bytes", name, names, kept)
		}
		runtime.KeepAlive(c)
	}
}

// heap returns how many bytes are reachable.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool keeps is gone after two
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// invalidNames are names that are not valid UTF-8, and what they are made.
var invalidNames = []struct{ name, valid string }{
	{"\xff", "\uFFFD"},
	{"a\xffb", "a\uFFFDb"},
	{"\xff\xfe\xfdab", "\uFFFDab"}, // a run of bad bytes is one U+FFFD
	{"\xffa\xfe", "\uFFFDa\uFFFD"},
	{"a\xed\xa0\x80", "a\uFFFD"}, // half a surrogate pair
	{"图\xe5\x9b", "图\uFFFD"},     // cut in the middle of a character
	{"\xc0\x80", "\uFFFD"},       // an overlong zero
}

func TestInvalidNameIsMadeValidOnEveryWriteAndRead(t *testing.T) {
	for _, row := range invalidNames {
		c := newCollector(t)
		for _, name := range []string{row.name, row.valid, row.name} {
			for _, r := range []recorder{byName{c, name}, c.Node(name)} {
				r.RecordSuccess(1)
				r.RecordFailure(1, errRefused)
				r.RecordFailureAs(1, atomicmetrics.CategoryTimeout)
				r.RecordRetry(1)
			}
			equal(t, fmt.Sprintf("Name of %q", name), c.Node(name).Name(), row.valid)
		}
		if c.Node(row.name) != c.Node(row.valid) {
			t.Errorf("%q and %q are two nodes", row.name, row.valid)
		}

		m := c.Node(row.valid).Metrics()
		equal(t, "executions", m.TotalExecutions, 18)
		equal(t, "retries", m.RetryCount, 6)
		equal(t, fmt.Sprintf("NodeMetrics of %q", row.name), c.NodeMetrics(row.name), m)
		equal(t, fmt.Sprintf("NodeMetrics of %q", row.valid), c.NodeMetrics(row.valid), m)

		want := map[string]atomicmetrics.NodeMetrics{row.valid: m}
		if got := c.AllNodeMetrics(); !maps.Equal(got, want) {
			t.Errorf("AllNodeMetrics: %v, want %v", got, want)
		}
		turns := 0
		for range c.All() {
			turns++
		}
		equal(t, "nodes that All yields", turns, 1)
		parsed, err := atomicmetrics.ParseSnapshot([]byte(c.String()))
		if err != nil || !utf8.ValidString(c.String()) || !maps.Equal(parsed.Nodes, want) {
			t.Errorf("JSON: %v, %v, want %v", parsed.Nodes, err, want)
		}

		equal(t, fmt.Sprintf("ResetNode of %q", row.name), c.ResetNode(row.name), m)
		equal(t, "what is left", c.NodeMetrics(row.valid), atomicmetrics.NodeMetrics{})
	}
}

func TestInvalidNameIsReadWhenOnlyTheValidOneWasWritten(t *testing.T) {
	for _, row := range invalidNames {
		c := newCollector(t)
		c.RecordSuccess(row.valid, 1)
		equal(t, fmt.Sprintf("executions of %q", row.name), c.NodeMetrics(row.name).TotalExecutions, 1)
		equal(t, fmt.Sprintf("reset of %q", row.name), c.ResetNode(row.name).TotalExecutions, 1)
	}
}

func TestAllSpellingsOfANameTakeOnePlace(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithMaxNodes(2))
	for _, name := range []string{"a\xff", "a\xfe", "a\xff\xff", "a\xfd", "a\uFFFD"} {
		c.RecordSuccess(name, 1)
	}
	c.RecordSuccess("b", 1)
	equal(t, "executions of a", c.NodeMetrics("a\uFFFD").TotalExecutions, 5)
	equal(t, "executions of b", c.NodeMetrics("b").TotalExecutions, 1)
	equal(t, "active nodes", len(c.AllNodeMetrics()), 2)
}

func TestNodeThresholdsOfAnInvalidNameAreOfTheValidOne(t *testing.T) {
	rate := atomicmetrics.Thresholds{FailureRate: 0.5}
	c := newCollector(t, atomicmetrics.WithNodeThresholds("a\xff", rate))
	c.RecordFailure("a\uFFFD", 1, errRefused)
	equal(t, "breached", c.NodeMetrics("a\uFFFD").FailureRateBreached, true)
}

func TestReadOfAnUnknownNodeCreatesNothing(t *testing.T) {
	c := newCollector(t, atomicmetrics.WithMaxNodes(1))
	for _, unknown := range []string{"", "x", "\xff"} {
		equal(t, "NodeMetrics", c.NodeMetrics(unknown), atomicmetrics.NodeMetrics{})
		equal(t, "ResetNode", c.ResetNode(unknown), atomicmetrics.NodeMetrics{})
	}
	equal(t, "name of the first node", c.Node("a").Name(), "a") // the only place was still there
}

func TestThresholdsOfANodeTakeNoPlace(t *testing.T) {
	rate := atomicmetrics.Thresholds{FailureRate: 0.5}
	c := newCollector(t, atomicmetrics.WithMaxNodes(1), atomicmetrics.WithNodeThresholds("b", rate))
	equal(t, "name of the first node", c.Node("a").Name(), "a")
}

// overflow returns a collector whose two places are taken by "a" and "b", and its log.
func overflow(t *testing.T, opts ...atomicmetrics.Option) (*atomicmetrics.Collector, *warningLog) {
	t.Helper()
	log := new(warningLog)
	c := newCollector(t, append(opts, atomicmetrics.WithMaxNodes(2), log.option())...)
	c.RecordSuccess("a", 1)
	c.RecordSuccess("b", 1)
	return c, log
}

func TestRecordsOfNewNamesPastMaxNodesGoToTheOverflowNode(t *testing.T) {
	c, _ := overflow(t)
	for i, name := range []string{"c", "d", "c", "", "\xff"} {
		c.RecordSuccess(name, 1)
		c.RecordFailure(name, 1, errRefused)
		c.RecordFailureAs(name, 1, atomicmetrics.CategoryTimeout)
		c.RecordRetry(name, 1)
		m := c.NodeMetrics(atomicmetrics.OverflowNode)
		equal(t, "executions of the overflow node", m.TotalExecutions, uint64(3*(i+1)))
		equal(t, "retries of the overflow node", m.RetryCount, uint64(i+1))
		equal(t, fmt.Sprintf("NodeMetrics of %q", name), c.NodeMetrics(name), atomicmetrics.NodeMetrics{})
		equal(t, fmt.Sprintf("ResetNode of %q", name), c.ResetNode(name), atomicmetrics.NodeMetrics{})
	}
	want := []string{atomicmetrics.OverflowNode, "a", "b"}
	if got := slices.Sorted(maps.Keys(c.AllNodeMetrics())); !slices.Equal(got, want) {
		t.Errorf("active nodes %q, want %q", got, want)
	}
}

func TestHandlePastMaxNodesSaysSoInItsName(t *testing.T) {
	c, _ := overflow(t)
	for _, name := range []string{"c", "", "\xff"} {
		equal(t, fmt.Sprintf("Name of %q", name), c.Node(name).Name(), atomicmetrics.OverflowNode)
	}
}

func TestKnownNodesAreUnaffectedByOverflow(t *testing.T) {
	c, _ := overflow(t)
	handle := c.Node("a")
	c.RecordSuccess("c", 1)
	c.RecordSuccess("a", 1)
	handle.RecordSuccess(1)
	c.RecordSuccess("b\xff", 1) // new, though it looks like b
	equal(t, "executions of a", c.NodeMetrics("a").TotalExecutions, 3)
	equal(t, "executions of b", c.NodeMetrics("b").TotalExecutions, 1)
	equal(t, "name of b", c.Node("b").Name(), "b")
}

func TestOverflowLogsOneWarning(t *testing.T) {
	c, log := overflow(t)
	if got := log.warnings(t, c); len(got) != 0 {
		t.Errorf("logged %+v before there were too many", got)
	}
	for _, name := range []string{"c", "d", "c", "a"} {
		c.RecordSuccess(name, 1)
	}
	c.Node("e")
	c.Reset()
	c.RecordSuccess("f", 1)
	if got, want := log.warnings(t, c), []warning{{Node: "c"}}; !slices.Equal(got, want) {
		t.Errorf("logged %+v, want %+v", got, want)
	}
}

func TestResetKeepsTheNodesPlace(t *testing.T) {
	for name, reset := range map[string]func(c *atomicmetrics.Collector){
		"Reset":      func(c *atomicmetrics.Collector) { c.Reset() },
		"ResetNode":  func(c *atomicmetrics.Collector) { c.ResetNode("a") },
		"Node.Reset": func(c *atomicmetrics.Collector) { c.Node("a").Reset() },
	} {
		c, _ := overflow(t)
		reset(c)
		equal(t, name+": name of a new node", c.Node("c").Name(), atomicmetrics.OverflowNode)
		equal(t, name+": name of the old one", c.Node("a").Name(), "a")
		c.RecordSuccess("a", 1)
		equal(t, name+": executions of the old one", c.NodeMetrics("a").TotalExecutions, 1)
	}
}

func TestOverflowNodeHasThresholds(t *testing.T) {
	rate, off := atomicmetrics.Thresholds{FailureRate: 0.5}, atomicmetrics.Thresholds{}
	const overflowNode = atomicmetrics.OverflowNode
	for name, opts := range map[string][]atomicmetrics.Option{
		"of all nodes": {atomicmetrics.WithThresholds(rate)},
		"of its own":   {atomicmetrics.WithNodeThresholds(overflowNode, rate)},
		"off for others": {
			atomicmetrics.WithThresholds(off), atomicmetrics.WithNodeThresholds(overflowNode, rate),
		},
	} {
		var events eventList
		c, _ := overflow(t, append(opts, atomicmetrics.OnEvent(events.add))...)
		c.RecordFailure("c", 1, errRefused)
		flush(t, c)
		equal(t, name+": breached", c.NodeMetrics(overflowNode).FailureRateBreached, true)
		if len(events) != 1 || events[0].Node != overflowNode || !events[0].Breached {
			t.Errorf("%s: events %+v, want a breach of the overflow node", name, events)
		}
	}
}

func TestOverflowNodeByItsOwnNameTakesNoPlaceAndIsNoOverflow(t *testing.T) {
	var log warningLog
	c := newCollector(t, atomicmetrics.WithMaxNodes(1), log.option())
	c.RecordSuccess(atomicmetrics.OverflowNode, 1)
	equal(t, "its name", c.Node(atomicmetrics.OverflowNode).Name(), atomicmetrics.OverflowNode)
	equal(t, "its executions", c.NodeMetrics("(overflow)").TotalExecutions, 1)
	equal(t, "name of a first node", c.Node("a").Name(), "a")
	if got := log.warnings(t, c); len(got) != 0 {
		t.Errorf("logged %+v", got)
	}
	if c.Node("b") != c.Node(atomicmetrics.OverflowNode) {
		t.Error("the overflow node is another one than that of its name")
	}
}

func TestRacingFirstRecordsOfANameTakeOnePlace(t *testing.T) {
	const recorders, rounds = 4, 500
	for range rounds {
		c := newCollector(t, atomicmetrics.WithMaxNodes(3))
		for _, name := range []string{"a", "\xff", "b"} {
			together(recorders, func(int) { c.RecordSuccess(name, 1) })
			equal(t, fmt.Sprintf("executions of %q", name), c.NodeMetrics(name).TotalExecutions, recorders)
		}
		equal(t, "overflow", c.NodeMetrics(atomicmetrics.OverflowNode).TotalExecutions, 0)
		equal(t, "name of one more", c.Node("c").Name(), atomicmetrics.OverflowNode)
		if t.Failed() {
			return
		}
	}
}

func TestRacingFirstRecordsOfManyNamesTakeAllPlacesAndNoMore(t *testing.T) {
	const recorders, places, names, rounds = 4, 2, 4, 2000
	for range rounds {
		c := newCollector(t, atomicmetrics.WithMaxNodes(places))
		together(recorders, func(i int) {
			for j := range names { // each begins with another
				c.RecordSuccess(fmt.Sprint((i+j)%names), 1)
			}
		})
		all := c.AllNodeMetrics()
		equal(t, "nodes", len(all), places+1)
		var sum uint64
		for name, m := range all {
			sum += m.TotalExecutions
			if name != atomicmetrics.OverflowNode && m.TotalExecutions != recorders {
				t.Errorf("node %s has %d executions of %d", name, m.TotalExecutions, recorders)
			}
		}
		equal(t, "executions in all", sum, recorders*names)

		for name := range all {
			c.Forget(name)
		}
		for i := range places {
			equal(t, "name in a place given back", c.Node(fmt.Sprint("new ", i)).Name(), fmt.Sprint("new ", i))
		}
		equal(t, "name of one more", c.Node("one more").Name(), atomicmetrics.OverflowNode)
		if t.Failed() {
			return
		}
	}
}

// together calls f(0) … f(n-1) at the same time, as far as there are processors, and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	var ready atomic.Int64
	for i := range n {
		wg.Go(func() {
			for ready.Add(1); ready.Load() < int64(n); {
				runtime.Gosched()
			}
			f(i)
		})
	}
	wg.Wait()
}

func TestDefaultMaxNodesIsTenThousand(t *testing.T) {
	c := newCollector(t)
	for i := range 10_000 {
		c.Node(fmt.Sprint(i))
	}
	equal(t, "name of the last", c.Node("9999").Name(), "9999")
	equal(t, "name of one more", c.Node("10000").Name(), atomicmetrics.OverflowNode)
}

func TestNodesAreTheSameForEveryCall(t *testing.T) {
	c := newCollector(t)
	handle := c.Node("a")
	if name := string(bytes.Clone([]byte{'a'})); c.Node(name) != handle {
		t.Error("two handles of one node differ")
	}
	if c.Node("b") == handle {
		t.Error("two nodes have one handle")
	}
}
