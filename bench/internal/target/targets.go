package target

import "fmt"

// Published are the published implementations that keep percentiles and have
// handles. It leaves out ours, mutex-ring, which is written by hand, and add,
// the yardstick. It also leaves out failsafe-breaker, which keeps no durations,
// and hashicorp and monkit-task, which have no handles.
var Published = []string{
	"monkit-durationval", "prometheus-histogram", "prometheus-native", "prometheus-summary",
	"victoria-histogram", "victoria-summary", "gometrics-timer", "gometrics-histogram", "otel", "tally",
	"hdr-mutex", "ddsketch-mutex", "tdigest-mutex",
}

func handle(impl, g string) Value {
	return Value{fmt.Sprintf("Record/by=handle/op=success/impl=%s/g=%s/work=0", impl, g), "ns/op"}
}

func handles(impls []string, g string) []Value {
	values := make([]Value, len(impls))
	for i, impl := range impls {
		values[i] = handle(impl, g)
	}
	return values
}

func byName(impl string, names int) Value {
	return Value{fmt.Sprintf("Record/by=name/op=success/names=%d/impl=%s/g=1/work=0", names, impl), "ns/op"}
}

func thresholds(state string) Value {
	return Value{fmt.Sprintf("Thresholds/state=%s/strategy=exact/window=100/impl=nodemetrics/g=1/work=0", state), "ns/op"}
}

func timer(node, g string) Value {
	return Value{fmt.Sprintf("Record/by=handle/op=timer%s/impl=nodemetrics/g=%s/work=0", node, g), "beyond-clock-ns/op"}
}

func timed(impl string) Value {
	return Value{fmt.Sprintf("Record/by=handle/op=timer/impl=%s/g=1/work=0", impl), "ns/op"}
}

func latency(impl, g, unit string) Value {
	return Value{fmt.Sprintf("Latency/by=handle/op=success/impl=%s/g=%s/work=0", impl, g), unit}
}

func snapshot(nodes int, impl string) Value {
	return Value{fmt.Sprintf("Snapshot/nodes=%d/form=values/recorders=0/impl=%s", nodes, impl), "ns/op"}
}

func scaling(g int) Value {
	return Value{fmt.Sprintf("Scaling/by=handle/op=success/impl=nodemetrics/g=%d/work=0", g), "ns/op"}
}

// These return a figure of a round, which is the first value, or its ratio to
// the second.
func itself(v []float64) float64 { return v[0] }
func over(v []float64) float64   { return v[0] / v[1] }

// aboveTwoClocks returns the cost of a call beyond two readings of the clock.
// The values are the cost in nanoseconds and in readings.
func aboveTwoClocks(v []float64) float64 { return v[0] - 2*v[0]/v[1] }

// perNode returns the ratio of the costs of a node, among ten times the nodes.
func perNode(v []float64) float64 { return v[0] / 10 / v[1] }

// Rows returns the targets of the design, for a machine with so many cores.
func Rows(cores int) []Row {
	const (
		ours    = "nodemetrics"
		large   = "nodemetrics-tdigest"
		byHand  = "mutex-ring"
		mapped  = "xsync-mutex-ring"
		wrapped = "Wrap/impl=nodemetrics/g=1/work=0"
		many    = "Record/by=handle/op=success/names=10000/impl=nodemetrics/g=cores/work=0"
	)
	ratio := func(what string, limit float64, of, base Value) Row {
		return Row{What: what, Limit: limit, Of: []Value{of, base}, Figure: over}
	}
	fastest := func(what string, limit float64, g string) Row {
		return Row{What: what + ", over the fastest published peer", Limit: limit,
			Of: append([]Value{handle(ours, g)}, handles(Published, g)...), Rivals: true, Figure: over}
	}
	figure := func(what string, kind Kind, limit float64, of Value) Row {
		return Row{What: what, Kind: kind, Limit: limit, Of: []Value{of}, Figure: itself}
	}
	shown := func(r Row) Row {
		r.Shown = true
		return r
	}
	rows := []Row{
		shown(ratio("record on a handle, over one atomic.Add", 0, handle(ours, "1"), handle("add", "1"))),
		ratio("record on a handle, over mutex-ring", 0.95, handle(ours, "1"), handle(byHand, "1")),
		fastest("record on a handle", 0.75, "1"),
		ratio("record with healthy thresholds, over mutex-ring", 1.15, thresholds("healthy"), handle(byHand, "1")),
		ratio("record by name, one name, over xsync-mutex-ring", 1.1, byName(ours, 1), byName(mapped, 1)),
		ratio("record by name, 64 in random order, over xsync-mutex-ring", 1.1, byName(ours, 64), byName(mapped, 64)),
		ratio("record by name, one name, over victoria-histogram", 0.4, byName(ours, 1), byName("victoria-histogram", 1)),
		ratio("record by name, 64 in random order, over victoria-histogram", 0.4, byName(ours, 64), byName("victoria-histogram", 64)),
		ratio("record by name, 100,000 in random order, over xsync-mutex-ring", 1.25, byName(ours, 100_000), byName(mapped, 100_000)),
		figure("timed execution beyond two readings of the clock", Time, 6, timer("", "1")),
		{What: "wrapped call over a bare one, beyond two readings of the clock", Kind: Time, Limit: 10,
			Of: []Value{{wrapped, "added-ns/call"}, {wrapped, "clockreads/call"}}, Figure: aboveTwoClocks},
		figure("wrapped call, allocations", Allocs, 0, Value{wrapped, "allocs/op"}),
		ratio("wrapped call, over monkit-task", 0.2,
			Value{wrapped, "added-ns/call"}, Value{"Wrap/impl=monkit-task/g=1/work=0", "added-ns/call"}),
		ratio("timed execution, over monkit-task", 0.2, timed(ours), timed("monkit-task")),
		figure("timed execution on one node, all cores, beyond two readings of the clock", Time, 12, timer("", "cores")),
		figure("one goroutine alone on a node that was spread", Time, 15,
			Value{"Record/by=handle/op=success/node=spread/impl=nodemetrics/g=1/work=0", "ns/op"}),
		figure("timed execution there, beyond two readings of the clock", Time, 15, timer("/node=spread", "1")),
		shown(ratio("record on one handle, all cores, over mutex-ring", 0, handle(ours, "cores"), handle(byHand, "cores"))),
		fastest("record on one handle, all cores", 2, "cores"),
		figure("what a record adds on its core, 1 µs of work between records", Time, 45,
			Value{"Record/by=handle/op=success/impl=nodemetrics/g=cores/work=1us", "added-ns/record"}),
	}
	if cores > 1 {
		// A single core has no contention, so the comparison needs two.
		rows = append(rows, shown(ratio(fmt.Sprintf("record on one handle, %d cores over %d", cores, min(2, cores-1)), 0,
			scaling(cores), scaling(min(2, cores-1)))))
	}
	rows = append(rows, nearThresholds(cores)...)
	// The design's target of reads is a multiple of what an earlier version
	// read, which is not here to be measured beside them.
	for _, node := range []string{"unspread", "spread"} {
		for _, window := range []int{100, 1000} {
			rows = append(rows, shown(figure(fmt.Sprintf("read of a node beside a recorder at full speed, window %d, %s", window, node), Time, 0,
				Value{fmt.Sprintf("Read/strategy=exact/window=%d/node=%s/recorders=rest/impl=nodemetrics", window, node), "ns/op"})))
		}
	}
	return append(rows,
		// The latency of a single recorder leaves the reader a core. With a
		// recorder on every core the reader takes a core away from time to
		// time. The p99.99 is then how long it does so, and the empty
		// measurement has the same.
		figure("single record beside a reader, p99.9", Time, 250, latency(ours, "1", "p99.9-ns")),
		figure("single record beside a reader, p99.99", Time, 1000, latency(ours, "1", "p99.99-ns")),
		figure("the same with a recorder on every core, p99.9", Time, 250, latency(ours, "cores", "p99.9-ns")),
		shown(figure("the same with a recorder on every core, p99.99", Time, 0, latency(ours, "cores", "p99.99-ns"))),
		shown(figure("an empty measurement there, p99.99", Time, 0, latency(ours, "cores", "clock-p99.99-ns"))),
		figure("record with TDigest(100), window a million", Time, 80, handle(large, "1")),
		figure("single record with TDigest(100) beside a reader, p99.8", Time, 1000, latency(large, "1", "p99.8-ns")),
		figure("memory of a contended node with TDigest(100)", Bytes, 64<<10,
			Value{"Memory/state=contended/strategy=tdigest/window=1000000/impl=nodemetrics", "bytes/node"}),
		figure("memory of an uncontended node, full window of 100", Bytes, 1300,
			Value{"Memory/state=one/strategy=exact/window=100/impl=nodemetrics", "bytes/node"}),
		shown(figure("memory of one of 10,000 nodes that all cores use in random order", Bytes, 0, Value{many, "bytes/node"})),
		shown(figure("record on one of them", Time, 0, Value{many, "ns/op"})),
		ratio("snapshot of 10,000 nodes, full windows, over mutex-ring", 0.6, snapshot(10_000, ours), snapshot(10_000, byHand)),
		// The design says linear. A node among ten times the nodes may cost
		// half as much again, because of cache misses.
		Row{What: "a node in a snapshot, of 10,000 over of 1,000", Limit: 1.5,
			Of: []Value{snapshot(10_000, ours), snapshot(1000, ours)}, Figure: perNode},
	)
}

// nearThresholds returns the targets of nodes one failure below their
// threshold, at it, and beyond it. An average is time on a core.
func nearThresholds(cores int) []Row {
	var rows []Row
	for _, c := range []struct {
		node, g, text string
		onCore        func(round []float64) float64
	}{
		{"unspread", "1", "unspread", itself},
		{"spread", "cores", "spread, all cores", func(v []float64) float64 { return v[0] * float64(cores) }},
	} {
		for _, window := range []int{100, 1000, 50_000} {
			for _, state := range []struct{ key, text string }{
				{"below", "one failure below its threshold"}, {"at", "at its threshold"}, {"beyond", "in breach"},
			} {
				name := fmt.Sprintf("Thresholds/state=%s/strategy=exact/window=%d/node=%s/impl=nodemetrics/g=%s/work=0",
					state.key, window, c.node, c.g)
				what := fmt.Sprintf("record of a node %s, window %d, %s", state.text, window, c.text)
				rows = append(rows,
					Row{What: what, Kind: Time, Limit: 50, Of: []Value{{name, "ns/op"}}, Figure: c.onCore},
					Row{What: what + ", p99.9", Kind: Time, Limit: 1000, Of: []Value{{name, "p99.9-ns"}}, Figure: itself})
			}
		}
	}
	return rows
}
