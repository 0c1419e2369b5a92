package grpcwrap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/subprocess"
	"github.com/nodemetrics/nodemetrics/wrap/grpcwrap"
)

// role is the environment variable that makes this binary a server or a client,
// which calls the servers with the addresses behind it.
const role = "NODEMETRICS_GRPC_ROLE"

func TestMain(m *testing.M) {
	part, addresses, _ := strings.Cut(os.Getenv(role), " ")
	switch part {
	case "server":
		serve()
	case "client":
		call(strings.Fields(addresses))
	default:
		os.Exit(m.Run())
	}
}

// report is what a process writes when it ends.
type report struct {
	Snapshot atomicmetrics.Snapshot
	Handled  map[string]uint64            // by a server's handlers
	Ended    map[string]map[string]uint64 // by gRPC's own statistics of the process, by method and code
	Wrong    []string                     // calls that ended otherwise than they should
}

// ended is a stats.Handler that counts the calls that end.
type ended struct {
	mu sync.Mutex
	by map[string]map[string]uint64
}

type methodKey struct{}

func (e *ended) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, methodKey{}, strings.TrimPrefix(info.FullMethodName, service))
}

func (e *ended) HandleRPC(ctx context.Context, event stats.RPCStats) {
	end, ok := event.(*stats.End)
	if !ok {
		return
	}
	method := ctx.Value(methodKey{}).(string)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.by == nil {
		e.by = map[string]map[string]uint64{}
	}
	if e.by[method] == nil {
		e.by[method] = map[string]uint64{}
	}
	e.by[method][status.Code(end.Error).String()]++
}

func (e *ended) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (e *ended) HandleConn(context.Context, stats.ConnStats)                       {}

// must ends a process other than that of the tests, whose standard error the
// tests show.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// serve is a server's process. It writes its address, and when its standard
// input is closed, its report. The kernel closes the input also if the tests
// are killed.
func serve() {
	var e ended
	b := newBackend()
	metrics := atomicmetrics.MustNew(atomicmetrics.WithSketches(), atomicmetrics.WithInFlight())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	server := newServer(b, append(measuredServer(grpcwrap.Config{Collector: metrics}), grpc.StatsHandler(&e))...)
	fmt.Println(listener.Addr())
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
	close(b.closing)
	server.GracefulStop()
	must(<-served)
	must(json.NewEncoder(os.Stdout).Encode(report{Snapshot: metrics.Snapshot(), Handled: b.by, Ended: e.by}))
}

// callsEach is how often a client's process calls each scenario at each server.
const callsEach = 5

// call is a client's process, which calls all servers and writes its report.
func call(addresses []string) {
	var (
		e     ended
		wrong []string
	)
	metrics := atomicmetrics.MustNew(atomicmetrics.WithSketches(), atomicmetrics.WithInFlight())
	for _, address := range addresses {
		cc, err := grpc.NewClient(address, append(measuredClient(grpcwrap.Config{Collector: metrics}), grpc.WithStatsHandler(&e))...)
		must(err)
		wrong = append(wrong, makeCalls(cc, callsEach)...)
		for number := range 300 {
			must(callRetried(context.Background(), cc, number))
		}
		must(cc.Close())
	}
	must(json.NewEncoder(os.Stdout).Encode(report{Snapshot: metrics.Snapshot(), Ended: e.by, Wrong: wrong}))
}

// process is a server or a client.
type process struct{ *subprocess.Process }

// startProcess starts this binary with a role.
func startProcess(t *testing.T, as string) *process {
	t.Helper()
	return &process{subprocess.ForTest(t, role+"="+as)}
}

// address returns the address that a server has written.
func (p *process) address(t *testing.T) string {
	t.Helper()
	line, err := p.Output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// end waits for a process and returns its report.
func (p *process) end(t *testing.T) (r report) {
	t.Helper()
	p.Input.Close()
	if err := json.NewDecoder(p.Output).Decode(&r); err != nil {
		t.Error(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return r
}

// merge returns the report of several processes.
func merge(t *testing.T, reports []report) report {
	t.Helper()
	all := report{Handled: map[string]uint64{}, Ended: map[string]map[string]uint64{}}
	var snapshots []atomicmetrics.Snapshot
	for _, r := range reports {
		snapshots = append(snapshots, r.Snapshot)
		for method, n := range r.Handled {
			all.Handled[method] += n
		}
		for method, codes := range r.Ended {
			if all.Ended[method] == nil {
				all.Ended[method] = map[string]uint64{}
			}
			for code, n := range codes {
				all.Ended[method][code] += n
			}
		}
		all.Wrong = append(all.Wrong, r.Wrong...)
	}
	var err error
	if all.Snapshot, err = atomicmetrics.Merge(snapshots...); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOutcomesInSeveralProcesses(t *testing.T) {
	const servers, clients = 2, 3
	var serving, calling []*process
	as := "client"
	for range servers {
		p := startProcess(t, "server")
		serving = append(serving, p)
		as += " " + p.address(t)
	}
	for range clients {
		calling = append(calling, startProcess(t, as))
	}
	var reports [2][]report
	for i, side := range [][]*process{calling, serving} { // the clients first
		for _, p := range side {
			reports[i] = append(reports[i], p.end(t))
		}
	}
	client, server := merge(t, reports[0]), merge(t, reports[1])
	for _, wrong := range client.Wrong {
		t.Error(wrong)
	}

	t.Logf("%-14s | %-34s | %-44s | %-34s | %s", "scenario", "gRPC's count, clients", "clients' nodes", "gRPC's count, servers", "servers' nodes")
	const calls = servers * clients * callsEach
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		s := scenarios[name]
		ours, theirs := client.Snapshot.Nodes[service+name], server.Snapshot.Nodes[service+name]
		t.Logf("%-14s | %-34s | %-44s | %-34s | %s", name, counts(client.Ended[name]), text(ours), counts(server.Ended[name]), text(theirs))
		if got, want := read(ours), s.client.times(calls); got != want {
			t.Errorf("%s: the clients recorded %+v, want %+v", name, got, want)
		}
		if got := client.Ended[name]; len(got) != 1 || got[s.code.String()] != calls {
			t.Errorf("%s: gRPC counts %v at the clients, want %d of %v", name, got, calls, s.code)
		}
		if got, want := read(theirs), s.server.times(server.Handled[name]); got != want {
			t.Errorf("%s: the servers recorded %+v, want %+v", name, got, want)
		}
		if server.Handled[name] != calls && s.code != codes.DeadlineExceeded && name != "unknown" {
			t.Errorf("%s: %d handlers ran, want %d", name, server.Handled[name], calls)
		}
	}
	ours, theirs := client.Snapshot.Nodes[service+"retried"], server.Snapshot.Nodes[service+"retried"]
	t.Logf("%-14s | %-34s | %-44s | %-34s | %s", "retried", counts(client.Ended["retried"]), text(ours), counts(server.Ended["retried"]), text(theirs))
	const pairs = servers * clients
	if read(ours) != success.times(300*pairs) || ours.RetryCount != 0 {
		t.Errorf("retried: the clients recorded %+v and %d retries, want %d successes", read(ours), ours.RetryCount, 300*pairs)
	}
	if read(theirs) != (outcome{successes: 300 * pairs, network: 94 * pairs}) || theirs.RetriesByAttempt != [8]uint64{60 * pairs, 34 * pairs} {
		t.Errorf("retried: the servers recorded %+v and retries %v", read(theirs), theirs.RetriesByAttempt)
	}
	for side, ended := range map[string]map[string]uint64{"clients": client.Ended["retried"], "servers": server.Ended["retried"]} {
		if want := map[string]uint64{"OK": 300 * pairs, "Unavailable": 94 * pairs}; !maps.Equal(ended, want) {
			t.Errorf("retried: gRPC counts %v at the %s, want %v", ended, side, want)
		}
	}
}

// counts returns counts as text, in the order of their names.
func counts(by map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprint(by[name], " ", name))
	}
	return strings.Join(parts, ", ")
}

// text returns what a node has counted, in the same form.
func text(m atomicmetrics.NodeMetrics) string {
	by := map[string]uint64{"success": m.SuccessCount, "timeout": m.TimeoutErrors, "network": m.NetworkErrors,
		"validation": m.ValidationErrors, "other": m.OtherErrors, "retries": m.RetryCount}
	maps.DeleteFunc(by, func(_ string, n uint64) bool { return n == 0 })
	return counts(by)
}

// A server that dies in the middle of a stream is Unavailable to its client.
func TestServerThatIsKilled(t *testing.T) {
	p := startProcess(t, "server")
	metrics := newCollector(t)
	cc, err := grpc.NewClient(p.address(t), measuredClient(grpcwrap.Config{Collector: metrics})...)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	stream, err := open(t.Context(), cc, service+"streamCanceled")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(wrapperspb.Int64(0)); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.Int64Value)); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.Int64Value)); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
	_ = p.Wait() // its status is that of the kill
	if err := unary(t.Context(), cc, service+"ok"); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
	for _, name := range []string{"streamCanceled", "ok"} {
		if got := read(metrics.NodeMetrics(service + name)); got != network {
			t.Errorf("%s: recorded %+v, want one network failure", name, got)
		}
	}
}
