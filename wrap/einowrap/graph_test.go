package einowrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/einowrap"
)

// newCollector returns a collector.
func newCollector(tb testing.TB, opts ...atomicmetrics.Option) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, network, validation, other, retries uint64 }

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors, m.RetryCount}
}

// want checks that the nodes have recorded these, and that there are no others. It waits for the records of streams,
// whose end a goroutine of the handler may see a moment after the one who reads the graph's.
func want(t *testing.T, c *atomicmetrics.Collector, want map[string]outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // against a hang
	defer cancel()
	for name, w := range want {
		sum := w.successes + w.timeouts + w.network + w.validation + w.other
		for c.NodeMetrics(name).TotalExecutions < sum && ctx.Err() == nil {
			runtime.Gosched()
		}
	}
	got := map[string]outcome{}
	for name, m := range c.All() {
		got[name] = read(m)
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("node %q: %+v, want %+v", name, got[name], w)
		}
		delete(got, name)
	}
	for name, g := range got {
		t.Errorf("node %q: %+v, want nothing", name, g)
	}
}

// lambda is a node that takes d and returns its input or err.
func lambda(d time.Duration, err error) *compose.Lambda {
	return compose.InvokableLambda(func(_ context.Context, in string) (string, error) {
		time.Sleep(d)
		return in, err
	})
}

// panicking is a node that panics after d.
func panicking(d time.Duration) *compose.Lambda {
	return compose.InvokableLambda(func(context.Context, string) (string, error) {
		time.Sleep(d)
		panic("node")
	})
}

// streaming is a node that sends its input three times, and then err.
func streaming(err error) *compose.Lambda {
	return compose.StreamableLambda(func(_ context.Context, in string) (*schema.StreamReader[string], error) {
		out, send := schema.Pipe[string](0)
		go func() {
			defer send.Close()
			for range 3 {
				if send.Send(in, nil) {
					return
				}
			}
			if err != nil {
				send.Send("", err)
			}
		}()
		return out, nil
	})
}

// transforming is a node that passes a stream on, in capitals.
func transforming() *compose.Lambda {
	return compose.TransformableLambda(func(_ context.Context, in *schema.StreamReader[string]) (*schema.StreamReader[string], error) {
		return schema.StreamReaderWithConvert(in, func(s string) (string, error) { return strings.ToUpper(s), nil }), nil
	})
}

// flaky returns a function that fails twice and then succeeds, each time after d.
func flaky(d time.Duration) wrap.Func[string, string] {
	calls := 0
	return func(_ context.Context, in string) (string, error) {
		time.Sleep(d)
		if calls++; calls < 3 {
			return "", errors.New("not yet")
		}
		return in, nil
	}
}

// retrying is a Config for three attempts, with d between them.
func retrying(name string, c *atomicmetrics.Collector, d time.Duration) wrap.Config {
	policy := func() backoff.BackOff { return backoff.NewConstantBackOff(d) }
	return wrap.Config{Name: name, Collector: c, Retry: &wrap.Retry{MaxAttempts: 3, Backoff: policy}}
}

// build compiles a graph of these nodes: after "route" a branch chooses the node that the input is the name of, and
// "finish" is the last.
func build(t *testing.T, nodes map[string]*compose.Lambda, opts ...compose.GraphCompileOption) compose.Runnable[string, string] {
	t.Helper()
	g := compose.NewGraph[string, string]()
	ends := map[string]bool{}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(g.AddLambdaNode("route", lambda(0, nil)))
	check(g.AddLambdaNode("finish", transforming()))
	check(g.AddEdge(compose.START, "route"))
	for key, node := range nodes {
		ends[key] = true
		check(g.AddLambdaNode(key, node))
		check(g.AddEdge(key, "finish"))
	}
	check(g.AddBranch("route", compose.NewGraphBranch(func(_ context.Context, in string) (string, error) { return in, nil }, ends)))
	check(g.AddEdge("finish", compose.END))
	run, err := g.Compile(t.Context(), opts...)
	check(err)
	return run
}

// modes are the ways in which eino runs a graph: step by step, and every node as soon as it can.
var modes = map[string]compose.GraphCompileOption{
	"pregel": compose.WithNodeTriggerMode(compose.AnyPredecessor),
	"eager":  compose.WithNodeTriggerMode(compose.AllPredecessor),
}

// drain reads a stream to its end or to an error.
func drain(s *schema.StreamReader[string], err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer s.Close()
	all := ""
	for {
		chunk, err := s.Recv()
		if err != nil {
			return all, strip(err)
		}
		all += chunk
	}
}

// strip makes the end of a stream no error.
func strip(err error) error {
	if err.Error() == "EOF" {
		return nil
	}
	return err
}

func TestGraphIsRecordedNodeByNode(t *testing.T) {
	for mode, trigger := range modes {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%t", mode, stream), func(t *testing.T) {
				m := newCollector(t)
				_, invalid := strconv.Atoi("x")
				run := build(t, map[string]*compose.Lambda{
					"plain":   lambda(0, nil),
					"refuse":  lambda(0, invalid),
					"late":    lambda(0, context.DeadlineExceeded),
					"explode": panicking(0),
					"stream":  streaming(nil),
					"broken":  streaming(errors.New("broken")),
					"retry":   compose.InvokableLambda(einowrap.MustNode(retrying("retry", m, 0), flaky(0))),
				}, trigger, compose.WithGraphName("graph"))
				for _, in := range []string{"plain", "plain", "refuse", "late", "explode", "stream", "broken", "retry"} {
					out, err := call(t, run, stream, in, einowrap.Config{Collector: m})
					text := strings.ToUpper(in)
					if in == "stream" {
						text = strings.Repeat(text, 3)
					}
					fails := in == "refuse" || in == "late" || in == "explode" || in == "broken"
					if (err != nil) != fails || !fails && out != text {
						t.Errorf("%s: %q, error %v", in, out, err)
					}
				}
				table := map[string]outcome{
					"route":   {successes: 8},
					"plain":   {successes: 2},
					"refuse":  {validation: 1},
					"late":    {timeouts: 1},
					"explode": {other: 1},
					"stream":  {successes: 1},
					"broken":  {other: 1},
					"retry":   {successes: 1, retries: 2},
					"finish":  {successes: 4},
					"graph":   {successes: 4, timeouts: 1, validation: 1, other: 2},
				}
				if stream { // then the stream that breaks has come as far as the last node, and is its output too
					table["finish"] = outcome{successes: 4, other: 1}
				}
				want(t, m, table)
			})
		}
	}
}

func TestDurations(t *testing.T) {
	for mode, trigger := range modes {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				run := build(t, map[string]*compose.Lambda{
					"plain":   lambda(5*time.Second, nil),
					"fail":    lambda(3*time.Second, errors.New("failed")),
					"explode": panicking(4 * time.Second),
					"retry":   compose.InvokableLambda(einowrap.MustNode(retrying("retry", m, time.Minute), flaky(time.Second))),
				}, trigger, compose.WithGraphName("graph"))
				for _, in := range []string{"plain", "fail", "explode", "retry"} {
					_, _ = run.Invoke(t.Context(), in, compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
				}
				for name, d := range map[string]time.Duration{
					"plain": 5 * time.Second, "fail": 3 * time.Second, "explode": 4 * time.Second, "retry": 2*time.Minute + 3*time.Second,
					"graph": 2*time.Minute + 15*time.Second,
				} {
					if got := m.NodeMetrics(name).TotalDuration; got != d {
						t.Errorf("%s took %v, want %v", name, got, d)
					}
				}
			})
		})
	}
}

func TestStreamTakesUntilItsEnd(t *testing.T) {
	m := newCollector(t)
	goOn, took := make(chan struct{}), make(chan time.Duration, 1)
	run := build(t, map[string]*compose.Lambda{
		"stream": compose.StreamableLambda(func(context.Context, string) (*schema.StreamReader[string], error) {
			start := time.Now()
			out, send := schema.Pipe[string](0)
			go func() {
				defer send.Close()
				send.Send("begun", nil)
				<-goOn
				took <- time.Since(start)
			}()
			return out, nil
		}),
	})
	out, err := run.Stream(t.Context(), "stream", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
	if err != nil {
		t.Fatal(err)
	}
	if first, err := out.Recv(); first != "BEGUN" || err != nil {
		t.Fatalf("%q, error %v", first, err)
	}
	want(t, m, map[string]outcome{"route": {successes: 1}})
	out.Close() // nobody reads on: the node is measured to its end all the same
	close(goOn)
	least := <-took
	want(t, m, map[string]outcome{"route": {successes: 1}, "stream": {successes: 1}, "finish": {successes: 1}})
	if got := m.NodeMetrics("stream").TotalDuration; got < least {
		t.Errorf("took %v, want at least %v, as long as it sent", got, least)
	}
}

func TestNodeIsInFlightUntilItIsRecorded(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%t", stream), func(t *testing.T) {
			m := newCollector(t, atomicmetrics.WithInFlight())
			var retry func(context.Context, string) (string, error)
			during := map[string]int{}
			run := build(t, map[string]*compose.Lambda{
				"plain": compose.InvokableLambda(func(_ context.Context, in string) (string, error) {
					during["plain"], during["graph"] = m.Node("plain").InFlight().Running, m.Node("graph").InFlight().Running
					return in, nil
				}),
				"explode": panicking(0),
				"stream":  streaming(nil),
				"broken":  streaming(errors.New("broken")),
				"retry": compose.InvokableLambda(func(ctx context.Context, in string) (string, error) {
					return retry(ctx, in)
				}),
			}, compose.WithGraphName("graph"))
			retry = einowrap.MustNode(wrap.Config{Name: "retry", Collector: m}, func(_ context.Context, in string) (string, error) {
				during["retry"] = m.Node("retry").InFlight().Running
				return in, nil
			})
			for _, in := range []string{"plain", "explode", "stream", "broken", "retry"} {
				_, _ = call(t, run, stream, in, einowrap.Config{Collector: m})
			}
			table := map[string]outcome{
				"route": {successes: 5}, "plain": {successes: 1}, "explode": {other: 1}, "stream": {successes: 1}, "broken": {other: 1},
				"retry": {successes: 1}, "finish": {successes: 3}, "graph": {successes: 3, other: 2},
			}
			graph := 1
			if stream {
				table["finish"] = outcome{successes: 3, other: 1}
				graph = 0 // eino may never tell of the graph's end
			}
			want(t, m, table)
			for name, n := range map[string]int{"plain": 1, "graph": graph, "retry": 1} {
				if during[name] != n {
					t.Errorf("%s: %d in flight while it ran, want %d", name, during[name], n)
				}
			}
			nothingInFlight(t, m)
		})
	}
}

// call runs a graph once with a handler.
func call(t *testing.T, run compose.Runnable[string, string], stream bool, in string, cfg einowrap.Config) (string, error) {
	handler := compose.WithCallbacks(einowrap.Handler(cfg))
	if stream {
		return drain(run.Stream(t.Context(), in, handler))
	}
	return run.Invoke(t.Context(), in, handler)
}

// nothingInFlight checks that no execution of m is in flight.
func nothingInFlight(t *testing.T, m *atomicmetrics.Collector) {
	t.Helper()
	for name, f := range m.Snapshot().InFlight {
		if f.Running != 0 {
			t.Errorf("%s: %d in flight afterwards, want 0", name, f.Running)
		}
	}
}
