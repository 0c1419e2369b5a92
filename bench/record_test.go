package bench

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/bench/internal/measure"
	"github.com/nodemetrics/nodemetrics/bench/internal/peer"
)

// The bodies below are loops of their own, so that a record is one call through
// an interface and nothing else.

func successes(n peer.Node, turns int) measure.Body {
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			n.RecordSuccess(measure.Duration(i))
		}
		own.Spend()
	}
}

func failures(n peer.Node, turns int) measure.Body {
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			n.RecordFailure(measure.Duration(i), errTimeout)
		}
		own.Spend()
	}
}

func failuresAs(n peer.Node, turns int) measure.Body {
	handle := n.(*atomicmetrics.Node)
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			handle.RecordFailureAs(measure.Duration(i), atomicmetrics.CategoryTimeout)
		}
		own.Spend()
	}
}

func retries(n peer.Node, turns int) measure.Body {
	retrier := n.(peer.Retrier)
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			retrier.RecordRetry(1)
		}
		own.Spend()
	}
}

// alone is the work without the record.
func alone(turns int) measure.Body {
	return func(_, from, to int) {
		var own measure.Work
		for range to - from {
			own.Do(turns)
		}
		own.Spend()
	}
}

// run measures a body. With work it is measured against the work alone.
func run(b *testing.B, g, work string, body func(turns int) measure.Body) {
	n := goroutines(g)
	turns := turns(work)
	with := body(turns)
	b.ReportAllocs()
	b.ResetTimer()
	if turns == 0 {
		measure.Spread(b.N, n, with)
		b.StopTimer()
		return
	}
	without := alone(turns)
	each := func(body measure.Body) func(from, to int) float64 {
		return func(from, to int) float64 {
			took := measure.Spread(to-from, n, func(worker, f, t int) { body(worker, from+f, from+t) })
			return measure.OnCore(took, to-from, n, cores())
		}
	}
	rounds := measure.Interleave(b.N, 4000, each(without), each(with))
	b.StopTimer()
	no(b, "ns/op")
	b.ReportMetric(rounds.Over[1], "added-ns/record")
	b.ReportMetric(rounds.Of[0], "work-ns/record")
}

func BenchmarkRecord(b *testing.B) {
	handle := func(impl peer.Impl, op, g, work string, body func(n peer.Node, turns int) measure.Body) {
		r := registry(impl)
		b.Run(fmt.Sprintf("by=handle/op=%s/impl=%s/g=%s/work=%s", op, impl.Name, g, work), func(b *testing.B) {
			n := r().(peer.Handles).Node("node")
			run(b, g, work, func(turns int) measure.Body { return body(n, turns) })
		})
	}
	all, some := implsOf[peer.Handles](), implsOf[peer.Handles](rivals...)
	for _, c := range []struct {
		op, g, work string
		impls       []peer.Impl
		body        func(n peer.Node, turns int) measure.Body
	}{
		{"success", "1", "0", all, successes},
		{"success", "cores", "0", all, successes},
		{"success", "8xcores", "0", some, successes},
		{"success", "64xcores", "0", some, successes},
		{"success", "1", "1us", some, successes},
		{"success", "cores", "1us", all, successes},
		{"success", "8xcores", "1us", some, successes},
		{"success", "64xcores", "1us", some, successes},
		{"failure", "1", "0", all, failures},
		{"failure", "cores", "0", some, failures},
		{"failureAs", "1", "0", implsOf[peer.Nodemetrics](), failuresAs},
		{"retry", "1", "0", implsOf[peer.Handles](rivals[:3]...), retries},
		{"retry", "cores", "0", implsOf[peer.Handles](rivals[:3]...), retries},
	} {
		if c.work == "0" && c.op != "failureAs" {
			yardstick(b, c.op, c.g)
		}
		for _, impl := range c.impls {
			handle(impl, c.op, c.g, c.work, c.body)
		}
	}
	for _, g := range []string{"1", "cores"} {
		for _, impl := range implsOf[peer.Timers]() {
			b.Run(fmt.Sprintf("by=handle/op=timer/impl=%s/g=%s/work=0", impl.Name, g), func(b *testing.B) {
				timed(b, g, impl.New().(peer.Timers).Timer("node"))
			})
		}
	}
	onSpread(b)
	byName(b)
	byHandles(b)
}

// timed measures executions that do nothing, against two readings of the clock.
func timed(b *testing.B, g string, execute func()) {
	n := goroutines(g)
	wall := func(body func()) func(from, to int) float64 {
		return func(from, to int) float64 {
			took := measure.Spread(to-from, n, func(_, from, to int) {
				for range to - from {
					body()
				}
			})
			return float64(took) / float64(to-from)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	rounds := measure.Interleave(b.N, 20_000, wall(readClockTwice), wall(execute))
	b.StopTimer()
	b.ReportMetric(rounds.Of[1], "ns/op")
	b.ReportMetric(rounds.Over[1], "beyond-clock-ns/op")
}

func readClockTwice() {
	start := measure.Now()
	if measure.Now() < start {
		panic("the clock went back")
	}
}

// onSpread measures one goroutine alone on nodes that all cores contended for.
func onSpread(b *testing.B) {
	for _, c := range []struct {
		op, work string
		body     func(n peer.Node, turns int) measure.Body
	}{
		{"success", "0", successes}, {"success", "1us", successes}, {"failure", "0", failures},
		{"failureAs", "0", failuresAs}, {"retry", "0", retries}, {"timer", "0", nil},
	} {
		spread := spreadRegistry("node")
		b.Run(fmt.Sprintf("by=handle/op=%s/node=spread/impl=nodemetrics/g=1/work=%s", c.op, c.work), func(b *testing.B) {
			r, err := spread()
			if err != nil {
				b.Fatal(err)
			}
			if c.op == "timer" {
				timed(b, "1", r.Timer("node"))
				return
			}
			run(b, "1", c.work, func(turns int) measure.Body { return c.body(r.Node("node"), turns) })
		})
	}
	for _, names := range []int{1, 64} {
		order, spread := measure.NewOrder(names), spreadRegistry(nodeNames(names)...)
		b.Run(fmt.Sprintf("by=name/op=success/node=spread/names=%d/impl=nodemetrics/g=1/work=0", names), func(b *testing.B) {
			r, err := spread()
			if err != nil {
				b.Fatal(err)
			}
			n := r.Named(nodeNames(names))
			run(b, "1", "0", func(turns int) measure.Body { return successesNamed(n, order, turns) })
		})
	}
}

// yardstick is one atomic.Add for each record, in a loop of nothing else.
func yardstick(b *testing.B, op, g string) {
	b.Run(fmt.Sprintf("by=handle/op=%s/impl=add/g=%s/work=0", op, g), func(b *testing.B) {
		var add peer.Add
		run(b, g, "0", func(int) measure.Body {
			return func(_, from, to int) { add.Loop(to - from) }
		})
	})
}

// byName measures records by name, the names in random order.
func byName(b *testing.B) {
	all, some := implsOf[peer.ByName](), implsOf[peer.ByName](rivals...)
	few := implsOf[peer.ByName]("nodemetrics", "mutex-ring", "xsync-mutex-ring", "victoria-histogram")
	for _, c := range []struct {
		op      string
		names   int
		g, work string
		impls   []peer.Impl
	}{
		{"success", 1, "1", "0", some},
		{"success", 64, "1", "0", all},
		{"success", 1024, "1", "0", few},
		{"success", 10_000, "1", "0", without(some, "nodemetrics-tdigest")},
		{"success", 100_000, "1", "0", few},
		{"success", 64, "cores", "0", some},
		{"success", 64, "cores", "1us", some},
		{"failure", 64, "1", "0", some},
	} {
		order := measure.NewOrder(c.names)
		for _, impl := range c.impls {
			// Windows are not filled by so many records as a t-digest's takes:
			// that is what by=handle is for.
			names := named(impl, c.names)
			b.Run(fmt.Sprintf("by=name/op=%s/names=%d/impl=%s/g=%s/work=%s", c.op, c.names, impl.Name, c.g, c.work),
				func(b *testing.B) {
					n := names()
					run(b, c.g, c.work, func(turns int) measure.Body {
						if c.op == "failure" {
							return failuresNamed(n, order, turns)
						}
						return successesNamed(n, order, turns)
					})
				})
		}
	}
}

// byHandles measures records on many handles in random order, and the memory of
// a node after them.
func byHandles(b *testing.B) {
	for _, c := range []struct {
		names int
		g     string
	}{{64, "1"}, {1024, "1"}, {10_000, "1"}, {100_000, "1"}, {10_000, "cores"}} {
		order := measure.NewOrder(c.names)
		for _, impl := range implsOf[peer.Handles]("nodemetrics", "mutex-ring", "victoria-histogram") {
			var before uint64
			handles := sync.OnceValues(func() (peer.Registry, []peer.Node) {
				names := nodeNames(c.names)
				nodes := make([]peer.Node, len(names))
				before = heap()
				r := impl.New()
				for i, name := range names {
					nodes[i] = r.(peer.Handles).Node(name)
					nodes[i].RecordSuccess(measure.Duration(i))
				}
				return r, nodes
			})
			b.Run(fmt.Sprintf("by=handle/op=success/names=%d/impl=%s/g=%s/work=0", c.names, impl.Name, c.g), func(b *testing.B) {
				r, nodes := handles()
				run(b, c.g, "0", func(int) measure.Body { return successesAt(nodes, order) })
				b.ReportMetric((float64(heap())-float64(before))/float64(c.names), "bytes/node")
				runtime.KeepAlive(r)
			})
		}
	}
}

func successesAt(nodes []peer.Node, order measure.Order) measure.Body {
	return func(_, from, to int) {
		for i := from; i < to; i++ {
			nodes[order.At(i)].RecordSuccess(measure.Duration(i))
		}
	}
}

// without leaves one out: the t-digests of ten thousand nodes are half a
// gigabyte.
func without(impls []peer.Impl, name string) []peer.Impl {
	var rest []peer.Impl
	for _, impl := range impls {
		if impl.Name != name {
			rest = append(rest, impl)
		}
	}
	return rest
}

// named is a registry that knows its names, each of which has some records,
// made on first use.
func named(impl peer.Impl, names int) func() peer.Named {
	return sync.OnceValue(func() peer.Named {
		n := impl.New().(peer.ByName).Named(nodeNames(names))
		for i := range 2 * names {
			n.RecordSuccess(i%names, measure.Duration(i))
		}
		return n
	})
}

// nodeNames returns n names of the usual kind.
func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("workflow/step-%d", i)
	}
	return names
}

func successesNamed(n peer.Named, order measure.Order, turns int) measure.Body {
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			n.RecordSuccess(order.At(i), measure.Duration(i))
		}
		own.Spend()
	}
}

func failuresNamed(n peer.Named, order measure.Order, turns int) measure.Body {
	return func(_, from, to int) {
		var own measure.Work
		for i := from; i < to; i++ {
			own.Do(turns)
			n.RecordFailure(order.At(i), measure.Duration(i), errTimeout)
		}
		own.Spend()
	}
}
