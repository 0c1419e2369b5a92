package atomicmetrics

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/callback"
	"github.com/nodemetrics/nodemetrics/internal/flight"
	"github.com/nodemetrics/nodemetrics/internal/life"
	"github.com/nodemetrics/nodemetrics/internal/order"
	"github.com/nodemetrics/nodemetrics/internal/registry"
	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/source"
	"github.com/nodemetrics/nodemetrics/internal/verdict"
	"github.com/nodemetrics/nodemetrics/internal/warn"
)

// OverflowNode is the node that takes the records of names beyond
// [WithMaxNodes]. It has thresholds like every node.
const OverflowNode = "(overflow)"

// Collector keeps the metrics of nodes by name. [New] makes a Collector, and a
// process may have any number. A nil Collector is valid, records nothing and
// reads as empty. All methods are safe for concurrent use. A collector needs no
// Close. It has a goroutine only while there is work for it, such as an event to
// deliver or a spread node to judge.
type Collector struct {
	config
	percentiles string
	rules       life.Rules

	names    registry.Registry[*Node]
	overflow *Node // in names too

	events   *callback.Queue[Event] // nil without callbacks
	warnings *warn.Log

	clamped, misclassified, misanswered warn.Limiter
	overflowed                          atomic.Bool

	clampings       atomic.Uint64 // durations out of range, warned of or not
	overflowCleared atomic.Uint64 // records that resets of the overflow node took

	intervals source.Clock

	forgotten        atomic.Pointer[nodeSum] // idle nodes' figures, never changed; nil if none
	forgottenIgnored atomic.Uint64           // idle nodes' ignored executions
	sweeping         sync.Mutex              // held while a goroutine looks for idle nodes
}

// New returns a collector. If options are bad, the error has a line for each,
// with its name and value.
func New(opts ...Option) (*Collector, error) {
	c := &Collector{config: defaults()}
	for _, o := range opts {
		if o != nil {
			o(&c.config)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.percentiles = c.strategy.String()
	c.rules = life.Rules{
		WindowSize: c.windowSize, Digest: c.percentiles == tdigestPercentiles, Compression: c.strategy.Compression(),
	}
	c.intervals.Start()
	c.warnings = warn.New(c.slog, c.logger, "nodemetrics", maxWaiting)
	c.events = callback.New(callback.Rules[Event]{
		Limit: maxWaiting, Calls: c.onEvent, Failed: c.warnCallback, Dropped: c.warnDropped,
	})
	c.overflow = c.newNode(OverflowNode)
	c.names.Init(registry.Rules[*Node]{
		Limit:        c.maxNodes,
		Overflow:     c.overflow,
		OverflowName: OverflowNode,
		Create:       c.newNode,
		Forgotten:    func(n *Node) bool { return n.life.Forgotten() },
		Busy:         func(n *Node) bool { return n.life.KeepsPlace() },
		Inherit:      func(successor, old *Node) { successor.life.Inherit(&old.life) },
	})
	return c, nil
}

// MustNew is shorthand for [New] that panics with the error. It is for package
// variables.
func MustNew(opts ...Option) *Collector {
	c, err := New(opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// newNode returns a node that is not registered yet.
func (c *Collector) newNode(name string) *Node {
	n, t := &Node{name: name, collector: c}, c.thresholdsOf(name)
	var running *flight.Set
	if c.inFlight {
		running = flight.New(c.runningRaiser(name), func() { c.names.Remove(name) })
		running.SetLimit(t.Running)
	}
	var v *verdict.Node
	if !t.windowOff() {
		v = verdict.NewNode(t.rule(), c.raiser(name))
	}
	n.life.Init(v, running, c.lastFailure, c.forgetsIdle)
	return n
}

// thresholdsOf returns the thresholds of a new node.
func (c *Collector) thresholdsOf(name string) Thresholds {
	if t, own := c.nodeThresholds[name]; own {
		return t
	}
	if c.thresholdsFor != nil && name != OverflowNode {
		return c.askThresholds(name)
	}
	return c.thresholds
}

// Node returns the handle of a node. On first use of a name it registers the
// name, and may wait for goroutines that register names. If all places of
// [WithMaxNodes] are taken, it returns the handle of OverflowNode. It replaces
// each run of bytes that are not valid UTF-8 by U+FFFD. Names of valid UTF-8
// are faster, because the collector keeps only valid spellings. The handle of a
// nil collector is nil.
func (c *Collector) Node(name string) *Node {
	if c == nil {
		return nil
	}
	if n, ok := c.names.Load(name); ok {
		return n
	}
	return c.register(name)
}

// register returns the node that takes the records of a name, and makes it if
// there is none.
func (c *Collector) register(name string) *Node {
	n, placed := c.names.Register(name)
	if !placed {
		c.warnOverflow(name)
	}
	return n
}

// lookup returns the node of a name, nil if there is none.
func (c *Collector) lookup(name string) *Node {
	if c == nil {
		return nil
	}
	n, _ := c.names.Lookup(name)
	return n
}

// categorize returns the category of err.
func (c *Collector) categorize(err error) Category {
	switch {
	case err == nil:
		return CategoryOther
	case c.classify == nil:
		return Classify(err)
	}
	return callback.Ask(c.classify, err, c.warnClassifier)
}

// RecordSuccess is [Node.RecordSuccess] by name.
func (c *Collector) RecordSuccess(node string, d time.Duration) {
	if c == nil {
		return
	}
	n, ok := c.names.Load(node) // as c.Node does, which is not inlined
	if !ok {
		n = c.register(node)
	}
	if !n.life.Try(ring.Success, uint64(d), 0) {
		n.recordAnyhow(ring.Success, d, 0)
	}
}

// RecordFailure is [Node.RecordFailure] by name.
func (c *Collector) RecordFailure(node string, d time.Duration, err error) {
	c.Node(node).RecordFailure(d, err)
}

// RecordFailureAs is [Node.RecordFailureAs] by name.
func (c *Collector) RecordFailureAs(node string, d time.Duration, category Category) {
	c.Node(node).RecordFailureAs(d, category)
}

// RecordRetry is [Node.RecordRetry] by name.
func (c *Collector) RecordRetry(node string, attempt int) { c.Node(node).RecordRetry(attempt) }

// NodeMetrics is [Node.Metrics] by name. For an unknown name it returns the zero
// value, and does not create the node.
func (c *Collector) NodeMetrics(node string) NodeMetrics { return c.lookup(node).Metrics() }

// AllNodeMetrics returns what [Collector.All] yields. Each node is read on its
// own, so the nodes are not of one instant.
func (c *Collector) AllNodeMetrics() map[string]NodeMetrics { return maps.Collect(c.All()) }

// All yields the metrics of all nodes with activity since their last reset, in
// the order of names. Each node is read when its turn comes. All does not yield
// nodes that are first used after the iteration began.
func (c *Collector) All() iter.Seq2[string, NodeMetrics] {
	return func(yield func(string, NodeMetrics) bool) {
		nodes := c.all()
		slices.SortFunc(nodes, func(a, b *Node) int { return cmp.Compare(a.name, b.name) })
		for _, n := range nodes {
			if m := n.Metrics(); m.active() && !yield(n.name, m) {
				return
			}
		}
	}
}

// all returns all nodes in no order.
func (c *Collector) all() []*Node {
	if c == nil {
		return nil
	}
	return c.names.All()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Snapshot returns the metrics of all nodes with activity since their last
// reset. It forgets idle nodes if the collector was made WithIdleForget.
func (c *Collector) Snapshot() Snapshot {
	if c == nil {
		return nilSnapshot()
	}
	defer c.forgetIdle()
	return c.snapshot(c.intervals.Read, (*Node).metrics)
}

// ResetNode is [Node.Reset] by name. For an unknown name it returns the zero
// value. It clears the count of ignored executions and does not return it.
func (c *Collector) ResetNode(node string) NodeMetrics { return c.lookup(node).Reset() }

// Reset resets every node in turn, as [Node.Reset] does, and returns the
// cleared figures. That is one step for each node, not one for all. The nodes
// keep their places, and give up their memory until their next record. Reset
// then forgets idle nodes if the collector was made WithIdleForget.
//
// Calls of Reset run one after the other. So their snapshots have adjacent
// [Source] values, and [Merge] adds them up to everything recorded. A snapshot
// that is read beside a Reset shows some nodes before and some after it. Merge
// refuses to add it to the result of this Reset or of the next.
func (c *Collector) Reset() Snapshot {
	if c == nil {
		return nilSnapshot()
	}
	defer c.forgetIdle()
	return c.snapshot(c.intervals.Reset, (*Node).reset)
}

func nilSnapshot() Snapshot {
	return Snapshot{
		TakenAt:     time.Now().UTC().Round(0),
		WindowSize:  DefaultWindowSize,
		Percentiles: exactPercentiles,
		Nodes:       map[string]NodeMetrics{},
	}
}

// snapshot has the metrics that read returns of each node, and the wanted
// details. during tells the source of the figures that are read meanwhile.
func (c *Collector) snapshot(
	during func(string, func()) source.Source, read func(*Node, *details) NodeMetrics,
) Snapshot {
	s := Snapshot{WindowSize: c.windowSize, Percentiles: c.percentiles}
	of := during(c.instance, func() { c.fill(&s, read) })
	s.TakenAt, s.Sources = of.TakenAt, []Source{Source(of)}
	return s
}

// fill reads all nodes into the snapshot.
func (c *Collector) fill(s *Snapshot, read func(*Node, *details) NodeMetrics) {
	snapshotDetails.Begin(s, &c.config)
	nodes := c.all()
	order.ByAddress(nodes)
	s.Nodes = make(map[string]NodeMetrics, len(nodes))
	var d details
	var m NodeMetrics // A single m for all nodes, because the details move it to the heap.
	for _, n := range nodes {
		d = details{}
		if s.Sketches != nil {
			d.sketch = &Sketch{} // of an empty window
		}
		m = read(n, &d)
		var in *NodeMetrics // nil if the snapshot does not have the node
		if m.active() {
			s.Nodes[n.name], in = m, &m
		}
		snapshotDetails.Take(s, n.name, &d, in)
	}
}

// MarshalJSON returns the JSON of [Collector.Snapshot].
func (c *Collector) MarshalJSON() ([]byte, error) { return c.Snapshot().MarshalJSON() }

// String returns the JSON of [Collector.Snapshot], so a Collector is an
// expvar.Var.
func (c *Collector) String() string {
	data, err := c.MarshalJSON()
	if err != nil { // only by a clock outside the years 0 to 9999
		return "{}"
	}
	return string(data)
}

// Flush waits until the collector has delivered or dropped every event and
// every warning that was raised before the call. If ctx ends first, Flush
// returns its error. The callbacks' effects happen before Flush returns nil. If
// a callback calls Flush, Flush waits for that callback, and so until ctx ends.
//
// Flush first judges the nodes whose records are spread over cores, and the
// nodes with large windows. While a reset of a node is under way, the reset
// judges the node in the place of Flush. Flush waits for a goroutine that is
// judging the executions in flight.
func (c *Collector) Flush(ctx context.Context) error {
	if c == nil {
		return nil
	}
	for _, n := range c.all() {
		n.life.Judge(func() bool { return ctx.Err() == nil })
	}
	if err := c.events.Flush(ctx); err != nil {
		return err
	}
	return c.warnings.Flush(ctx)
}
