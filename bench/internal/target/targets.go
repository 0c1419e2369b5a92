package target

import "fmt"

// Published are the implementations that somebody has published, that keep percentiles and that have handles. The
// others are ours, mutex-ring, which everybody writes by hand, failsafe-breaker, which keeps no durations, hashicorp and
// monkit-task, which have no handles, and add, the yardstick.
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

func thresholds(state string, window int) Value {
	return Value{fmt.Sprintf("Thresholds/state=%s/strategy=exact/window=%d/impl=nodemetrics/g=1/work=0", state, window), "ns/op"}
}

func latency(impl, g, unit string) Value {
	return Value{fmt.Sprintf("Latency/by=handle/op=success/impl=%s/g=%s/work=0", impl, g), unit}
}

func snapshot(nodes int) Value {
	return Value{fmt.Sprintf("Snapshot/nodes=%d/form=values/recorders=0/impl=nodemetrics", nodes), "ns/op"}
}

func scaling(g int) Value {
	return Value{fmt.Sprintf("Scaling/by=handle/op=success/impl=nodemetrics/g=%d/work=0", g), "ns/op"}
}

// Figures of a round: the first value, and its ratio to the second.
func itself(v []float64) float64 { return v[0] }
func over(v []float64) float64   { return v[0] / v[1] }

// aboveTwoClocks is what a call costs beyond two readings of the clock, from the cost of the call and the same as a
// number of readings.
func aboveTwoClocks(v []float64) float64 { return v[0] - 2*v[0]/v[1] }

// perNode is the ratio of the costs of a node, in ten times as many nodes.
func perNode(v []float64) float64 { return v[0] / 10 / v[1] }

// Rows returns the targets, for a machine with so many cores.
func Rows(cores int) []Row {
	ours := "nodemetrics"
	large := "nodemetrics-tdigest"
	wrapped := "Wrap/impl=nodemetrics/g=1/work=0"
	rows := []Row{
		{What: "record on a handle, over one atomic.Add", Limit: 5,
			Of: []Value{handle(ours, "1"), handle("add", "1")}, Figure: over},
		{What: "record on a handle, over mutex-ring", Shown: true,
			Of: []Value{handle(ours, "1"), handle("mutex-ring", "1")}, Figure: over},
		{What: "record on a handle, over the fastest published peer", Limit: 1,
			Of: append([]Value{handle(ours, "1")}, handles(Published, "1")...), Rivals: true, Figure: over},
		{What: "record by name, 64 in turn, over victoria-histogram", Limit: 0.4,
			Of: []Value{byName(ours, 64), byName("victoria-histogram", 64)}, Figure: over},
		{What: "record on one handle, all cores, over mutex-ring", Shown: true,
			Of: []Value{handle(ours, "cores"), handle("mutex-ring", "cores")}, Figure: over},
		// The limit is 0.8 where the order of samples comes from a raw time-stamp counter. Ours comes from the monotonic
		// clock of Go (internal/clock).
		{What: "record on one handle, all cores, over the fastest published peer", Limit: 1.3,
			Of: append([]Value{handle(ours, "cores")}, handles(Published, "cores")...), Rivals: true, Figure: over},
	}
	if cores > 1 {
		// That it falls means from two cores on: one core alone has no contention and needs no clock.
		rows = append(rows, Row{What: fmt.Sprintf("record on one handle, %d cores over %d", cores, min(2, cores-1)), Limit: 1,
			Shown: cores == 2, Of: []Value{scaling(cores), scaling(min(2, cores-1))}, Figure: over})
	}
	return append(rows,
		Row{What: "what a record adds on its core, 1 µs of work between records", Kind: Time, Limit: 40,
			Of:     []Value{{"Record/by=handle/op=success/impl=nodemetrics/g=cores/work=1us", "added-ns/record"}},
			Figure: itself},
		Row{What: "wrapped call over a bare one, beyond two readings of the clock", Kind: Time, Limit: 15,
			Of: []Value{{wrapped, "added-ns/call"}, {wrapped, "clockreads/call"}}, Figure: aboveTwoClocks},
		Row{What: "wrapped call, allocations", Kind: Allocs, Limit: 0,
			Of: []Value{{wrapped, "allocs/op"}}, Figure: itself},
		Row{What: "wrapped call, over monkit-task", Limit: 0.2,
			Of: []Value{{wrapped, "added-ns/call"}, {"Wrap/impl=monkit-task/g=1/work=0", "added-ns/call"}}, Figure: over},
		Row{What: "record with healthy thresholds, over none", Limit: 1.15,
			Of: []Value{thresholds("healthy", 100), thresholds("none", 100)}, Figure: over},
		Row{What: "record in breach, window 100", Kind: Time, Limit: 250,
			Of: []Value{thresholds("breached", 100)}, Figure: itself},
		Row{What: "record in breach, window 50,000", Kind: Time, Limit: 1000,
			Of: []Value{thresholds("breached", 50_000)}, Figure: itself},
		// A record's own latency leaves the reader a core. With a recorder on every core the reader takes one away from time
		// to time, and the p99.99 is how long it does so: the empty measurement beside it has the same.
		Row{What: "single record beside a reader, p99.9", Kind: Time, Limit: 250,
			Of: []Value{latency(ours, "1", "p99.9-ns")}, Figure: itself},
		Row{What: "single record beside a reader, p99.99", Kind: Time, Limit: 1000,
			Of: []Value{latency(ours, "1", "p99.99-ns")}, Figure: itself},
		Row{What: "the same with a recorder on every core, p99.9", Kind: Time, Limit: 250,
			Of: []Value{latency(ours, "cores", "p99.9-ns")}, Figure: itself},
		Row{What: "the same with a recorder on every core, p99.99", Kind: Time, Shown: true,
			Of: []Value{latency(ours, "cores", "p99.99-ns")}, Figure: itself},
		Row{What: "an empty measurement there, p99.99", Kind: Time, Shown: true,
			Of: []Value{latency(ours, "cores", "clock-p99.99-ns")}, Figure: itself},
		Row{What: "record with TDigest(100), window a million", Kind: Time, Limit: 80,
			Of: []Value{handle(large, "1")}, Figure: itself},
		Row{What: "single record with TDigest(100) beside a reader, p99.9", Kind: Time, Limit: 1000,
			Of: []Value{latency(large, "1", "p99.9-ns")}, Figure: itself},
		Row{What: "memory of a contended node with TDigest(100)", Kind: Bytes, Limit: 64 << 10,
			Of:     []Value{{"Memory/state=contended/strategy=tdigest/window=1000000/impl=nodemetrics", "bytes/node"}},
			Figure: itself},
		Row{What: "memory of an uncontended node, full window of 100", Kind: Bytes, Limit: 1300,
			Of:     []Value{{"Memory/state=one/strategy=exact/window=100/impl=nodemetrics", "bytes/node"}},
			Figure: itself},
		Row{What: "snapshot of 10,000 nodes, full windows", Kind: Time, Limit: 15e6,
			Of: []Value{snapshot(10_000)}, Figure: itself},
		// The design says linear. A node in ten times as many may cost half as much again: cache misses.
		Row{What: "a node in a snapshot, of 10,000 over of 1,000", Limit: 1.5,
			Of: []Value{snapshot(10_000), snapshot(1000)}, Figure: perNode},
		Row{What: "record by name, 100,000 in turn over 100", Limit: 5,
			Of: []Value{byName(ours, 100_000), byName(ours, 100)}, Figure: over},
	)
}
