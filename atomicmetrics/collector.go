package atomicmetrics

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/puzpuzpuz/xsync/v3"

	"github.com/nodemetrics/nodemetrics/internal/helper"
)

// OverflowNode is the node that takes the records of names beyond WithMaxNodes. It has thresholds like any other.
const OverflowNode = "(overflow)"

// Collector keeps the metrics of nodes by name. Make one with New; there may be any number in a process. A nil
// Collector is valid: it records nothing and reads as empty. All methods are safe for concurrent use. A collector needs
// no Close, and has no goroutine while there is no event and no warning to deliver.
type Collector struct {
	config
	percentiles string

	nodes    *xsync.MapOf[string, *Node] // by name; also by names that are not valid UTF-8, for the node they mean
	overflow *Node                       // in nodes too
	names    places                      // nodes in the map, but for overflow
	aliases  places                      // names in the map that are not their node's

	events   *helper.Queue[*delivery] // nil without callbacks
	warnings *helper.Queue[func()]

	clamped, misclassified, dropping limiter
	toldDropped                      atomic.Uint64 // of the events that the queue dropped
	toldUnwritten                    uint64        // of the warnings that the queue dropped; for their goroutine alone
	overflowed                       atomic.Bool

	clampings       atomic.Uint64 // durations out of range, the warnings that were held back among them
	overflowCleared atomic.Uint64 // records that resets of the overflow node took

	departed atomic.Pointer[departed] // nil when nothing has
	sweeping sync.Mutex               // held by who looks for idle nodes; nobody waits for it
}

// New returns a collector. The error has a line for each bad option, with its name and value.
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
	c.logger = c.logger.With().Str("component", "nodemetrics").Logger()
	c.warnings = helper.New(maxWaiting, c.write, nil)
	if len(c.onEvent) > 0 {
		c.events = helper.New(maxWaiting, c.deliver, nil)
	}
	c.nodes = xsync.NewMapOf[string, *Node]()
	c.overflow = c.newNode(OverflowNode)
	c.nodes.Store(OverflowNode, c.overflow)
	return c, nil
}

// MustNew is [New] for package variables. It panics with New's error.
func MustNew(opts ...Option) *Collector {
	c, err := New(opts...)
	if err != nil {
		panic(err)
	}
	return c
}

func (c *Collector) newNode(name string) *Node {
	n := &Node{name: name, collector: c}
	if c.lastFailure || c.forgetsIdle || c.inFlight {
		n.extras = new(extras)
	}
	t, own := c.nodeThresholds[name]
	if !own {
		t = c.thresholds
	}
	if !t.off() {
		n.watch = newWatch(newRule(t, c.windowSize))
	}
	return n
}

// Node returns the handle of a node, and registers the name on first use: then it may wait for others that register
// names. Beyond WithMaxNodes it returns the handle of OverflowNode. A name that is not valid UTF-8 is made so, with
// U+FFFD for each run of bad bytes. The handle of a nil collector is nil.
func (c *Collector) Node(name string) *Node {
	if c == nil {
		return nil
	}
	if n, ok := c.nodes.Load(name); ok {
		return n
	}
	return c.register(name)
}

// register adds a name that is not in the map.
func (c *Collector) register(name string) *Node {
	if valid := validName(name); valid != name {
		n := c.Node(valid)
		c.add(name, &c.aliases, func(string) *Node { return n }) // so that the next record need not repair it
		if n == c.overflow && c.names.settled.Load() < int64(c.maxNodes) {
			c.dropAliases() // a place was given back meanwhile, by one who may not have seen this alias
		}
		return n
	}
	if n := c.add(name, &c.names, c.newNode); n != nil {
		return n
	}
	c.warnOverflow(name)
	return c.overflow
}

// places counts entries of the map, at most maxNodes of them.
type places struct {
	taken   atomic.Int64 // by entries that are in the map, about to be, or just taken out
	settled atomic.Int64 // by entries that are in the map, as soon as who put them there or took them out has come to it
}

// add puts a new entry into the map, unless all places are taken: then it returns nil, without a lock once the map has
// them all. Of goroutines that add one name at the same time one takes a place, and all get its node.
func (c *Collector) add(name string, p *places, entry func(name string) *Node) *Node {
	if p.settled.Load() >= int64(c.maxNodes) {
		n, _ := c.nodes.Load(name)
		return n
	}
	name = strings.Clone(name)
	added := false
	n, _ := c.nodes.Compute(name, func(n *Node, found bool) (*Node, bool) {
		if found {
			return n, false
		}
		if p.taken.Add(1) > int64(c.maxNodes) {
			p.taken.Add(-1)
			return nil, true
		}
		added = true
		return entry(name), false
	})
	if added {
		p.settled.Add(1)
	}
	return n
}

// lookup returns the node of a name, nil if there is none.
func (c *Collector) lookup(name string) *Node {
	if c == nil {
		return nil
	}
	n, ok := c.nodes.Load(name)
	if !ok && !utf8.ValidString(name) {
		n, _ = c.nodes.Load(validName(name))
	}
	if n != nil && n == c.overflow && validName(name) != OverflowNode {
		return nil // its records went to the overflow node: it has none of its own
	}
	return n
}

func validName(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// categorize returns the category of err.
func (c *Collector) categorize(err error) (category Category) {
	if err == nil {
		return CategoryOther
	}
	if c.classify == nil {
		return Classify(err)
	}
	returned := false
	defer func() {
		if !returned {
			c.warnClassifier(recover())
			category = CategoryOther
		}
	}()
	category = c.classify(err)
	returned = true
	return category
}

// RecordSuccess is Node(node).RecordSuccess(d).
func (c *Collector) RecordSuccess(node string, d time.Duration) { c.Node(node).RecordSuccess(d) }

// RecordFailure is Node(node).RecordFailure(d, err).
func (c *Collector) RecordFailure(node string, d time.Duration, err error) {
	c.Node(node).RecordFailure(d, err)
}

// RecordFailureAs is Node(node).RecordFailureAs(d, category).
func (c *Collector) RecordFailureAs(node string, d time.Duration, category Category) {
	c.Node(node).RecordFailureAs(d, category)
}

// RecordRetry is Node(node).RecordRetry(attempt).
func (c *Collector) RecordRetry(node string, attempt int) { c.Node(node).RecordRetry(attempt) }

// NodeMetrics returns the metrics of a node; the zero value for one that is not known, which is not created by it.
func (c *Collector) NodeMetrics(node string) NodeMetrics { return c.lookup(node).Metrics() }

// AllNodeMetrics returns the metrics of all nodes with activity since their last reset, by name. Each node is read on
// its own: it is not one instant for all.
func (c *Collector) AllNodeMetrics() map[string]NodeMetrics { return maps.Collect(c.All()) }

// All yields what AllNodeMetrics returns, in the order of names. Each node is read when its turn comes. Nodes that are
// first used after the iteration began are not among them.
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

// all returns the nodes that there are, in no order.
func (c *Collector) all() []*Node {
	if c == nil {
		return nil
	}
	nodes := make([]*Node, 0, c.names.settled.Load()+1)
	c.nodes.Range(func(name string, n *Node) bool {
		if n.name == name {
			nodes = append(nodes, n)
		}
		return true
	})
	return nodes
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Snapshot returns the metrics of all nodes with activity since their last reset. It forgets idle nodes if the collector
// was made WithIdleForget.
func (c *Collector) Snapshot() Snapshot {
	defer c.forgetIdle()
	return c.snapshot((*Node).metrics)
}

// ResetNode resets a node, as Node.Reset does, and returns what it cleared; the zero value for one that is not known.
func (c *Collector) ResetNode(node string) NodeMetrics { return c.lookup(node).Reset() }

// Reset resets every node in turn, as Node.Reset does, and returns what was cleared: one step for each node, not one
// for all. The nodes keep their places, and give up their memory until their next record.
// Idle nodes are then forgotten if the collector was made WithIdleForget.
func (c *Collector) Reset() Snapshot {
	defer c.forgetIdle()
	return c.snapshot((*Node).reset)
}

// snapshot takes what read returns of each node, and the details that are wanted.
func (c *Collector) snapshot(read func(*Node, *details) NodeMetrics) Snapshot {
	s := Snapshot{TakenAt: time.Now().UTC().Round(0), WindowSize: DefaultWindowSize, Percentiles: exactPercentiles}
	if c != nil {
		s.WindowSize, s.Percentiles = c.windowSize, c.percentiles
		if c.sketches {
			s.Sketches = map[string]Sketch{}
		}
		if c.lastFailure {
			s.LastFailures = map[string]LastFailure{}
		}
		if c.inFlight {
			s.InFlight = map[string]InFlight{}
		}
	}
	nodes := c.all()
	s.Nodes = make(map[string]NodeMetrics, len(nodes))
	var d details
	for _, n := range nodes {
		d = details{}
		if s.Sketches != nil {
			d.sketch = &Sketch{} // of an empty window
		}
		m := read(n, &d)
		if d.inFlight.Highest > 0 {
			s.InFlight[n.name] = d.inFlight
		}
		if !m.active() {
			continue
		}
		s.Nodes[n.name] = m
		if d.sketch != nil {
			s.Sketches[n.name] = *d.sketch
		}
		if d.lastFailure != (LastFailure{}) {
			s.LastFailures[n.name] = d.lastFailure
		}
	}
	return s
}

// MarshalJSON returns the JSON of Snapshot.
func (c *Collector) MarshalJSON() ([]byte, error) { return c.Snapshot().MarshalJSON() }

// String returns the JSON of Snapshot, so that a Collector is an expvar.Var.
func (c *Collector) String() string {
	data, err := c.MarshalJSON()
	if err != nil { // no snapshot of a collector has what JSON cannot hold, but for a clock outside the years 0 to 9999
		return "{}"
	}
	return string(data)
}

// Flush waits until every event and every warning raised before the call has been delivered or dropped, or until ctx
// ends; then it returns the error of ctx. What the callbacks did happens before it returns nil. Called from a callback
// it waits for that callback, and so until ctx ends. With digest.TDigest above digest.SmallWindow it first judges every
// node by all of its records.
func (c *Collector) Flush(ctx context.Context) error {
	if c == nil {
		return nil
	}
	if c.digests() {
		for _, n := range c.all() {
			n.settle()
		}
	}
	if c.events != nil {
		if err := c.events.Flush(ctx); err != nil {
			return err
		}
	}
	return c.warnings.Flush(ctx)
}
