package einowrap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/components"
	"github.com/cloudwego/eino/components/tool"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/einowrap"
)

// watched returns a collector that keeps all that these tests look at.
func watched(t *testing.T) *atomicmetrics.Collector {
	return newCollector(t, atomicmetrics.WithInFlight(), atomicmetrics.WithLastFailure())
}

// attempt calls f on a goroutine of its own, which f may end by a panic or
// runtime.Goexit.
func attempt(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		f()
	}()
	<-done
}

// branching is a graph with the node "in" and a branch that calls end.
func branching(t *testing.T, end func(), beside ...*compose.Lambda) *compose.Graph[string, string] {
	t.Helper()
	g := compose.NewGraph[string, string]()
	branch := func(context.Context, string) (string, error) {
		end()
		return compose.END, nil
	}
	err := errors.Join(g.AddLambdaNode("in", lambda(0, nil)), g.AddEdge(compose.START, "in"),
		g.AddBranch("in", compose.NewGraphBranch(branch, map[string]bool{compose.END: true})))
	for i, node := range beside {
		key := fmt.Sprint("beside ", i)
		err = errors.Join(err, g.AddLambdaNode(key, node), g.AddEdge(compose.START, key), g.AddEdge(key, compose.END))
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBranchThatDoesNotReturn(t *testing.T) {
	success, failure := outcome{successes: 1}, outcome{other: 1}
	for _, c := range []struct {
		name           string
		nested, stream bool
		end            func()
		want           map[string]outcome
	}{
		{"panic", false, false, func() { panic("branch") }, map[string]outcome{"in": success, "graph": failure}},
		{"goexit", false, false, runtime.Goexit, map[string]outcome{"in": success, "graph": failure}},
		{"panic", false, true, func() { panic("branch") }, map[string]outcome{"in": success}}, // eino calls nothing
		{"panic", true, false, func() { panic("branch") }, map[string]outcome{"in": success, "sub": failure, "graph": failure}},
		{"panic", true, true, func() { panic("branch") }, map[string]outcome{"in": success, "sub": failure, "graph": failure}},
		{"goexit", true, false, runtime.Goexit, map[string]outcome{"in": success, "sub": failure, "graph": failure}},
	} {
		t.Run(fmt.Sprintf("%s/nested=%t/stream=%t", c.name, c.nested, c.stream), func(t *testing.T) {
			m := watched(t)
			g := branching(t, c.end)
			if c.nested {
				inner := g
				g = compose.NewGraph[string, string]()
				if err := errors.Join(g.AddGraphNode("sub", inner), g.AddEdge(compose.START, "sub"), g.AddEdge("sub", compose.END)); err != nil {
					t.Fatal(err)
				}
			}
			run, err := g.Compile(t.Context(), compose.WithGraphName("graph"))
			if err != nil {
				t.Fatal(err)
			}
			attempt(func() { _, _ = call(t, run, c.stream, "in", einowrap.Config{Collector: m}) })
			want(t, m, c.want)
			nothingInFlight(t, m)
		})
	}
}

func TestBranchThatPanicsBesideANodeThatRunsOn(t *testing.T) {
	m := watched(t)
	running, goOn := make(chan struct{}), make(chan struct{})
	inner := branching(t, func() { <-running; panic("branch") }, compose.InvokableLambda(func(_ context.Context, in string) (string, error) {
		close(running)
		<-goOn
		return in, nil
	}))
	run := compiled(t, func(g *compose.Graph[string, string]) error {
		return errors.Join(g.AddGraphNode("sub", inner, compose.WithGraphCompileOptions(modes["eager"])),
			g.AddEdge(compose.START, "sub"), g.AddEdge("sub", compose.END))
	})
	if _, err := call(t, run, true, "in", einowrap.Config{Collector: m}); err == nil {
		t.Error("no error")
	}
	table := map[string]outcome{"in": {successes: 1}, "sub": {other: 1}}
	want(t, m, table)
	nothingInFlight(t, m)
	close(goOn)
	table["beside 0"] = outcome{successes: 1}
	want(t, m, table)
	nothingInFlight(t, m)
}

func TestGraphThatReturnsNilIsASuccess(t *testing.T) {
	m := watched(t)
	run := compiled(t, func(g *compose.Graph[string, any]) error {
		return errors.Join(g.AddLambdaNode("nil", compose.InvokableLambda(func(context.Context, string) (any, error) { return nil, nil })),
			g.AddEdge(compose.START, "nil"), g.AddEdge("nil", compose.END))
	}, compose.WithGraphName("graph"))
	invoke := func() {
		if out, err := run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m}))); out != nil || err != nil {
			t.Errorf("%v, error %v; want nil, nil", out, err)
		}
	}
	invoke()
	attempt(func() {
		defer invoke() // while another function panics, which is not the graph
		panic("outside")
	})
	want(t, m, map[string]outcome{"nil": {successes: 2}, "graph": {successes: 2}})
}

func TestHandlerOfOneNode(t *testing.T) {
	for name, c := range map[string]struct {
		node func(m *atomicmetrics.Collector) *compose.Lambda
		want map[string]outcome
	}{
		"success": {func(*atomicmetrics.Collector) *compose.Lambda { return lambda(0, nil) }, map[string]outcome{"node": {successes: 3}}},
		"panic":   {func(*atomicmetrics.Collector) *compose.Lambda { return panicking(0) }, map[string]outcome{}}, // eino calls nothing
		"panic of what it calls": {func(*atomicmetrics.Collector) *compose.Lambda {
			return compose.InvokableLambda(func(ctx context.Context, _ string) (string, error) {
				ctx = callbacks.ReuseHandlers(ctx, &callbacks.RunInfo{Type: "Fake", Component: components.ComponentOfChatModel})
				callbacks.OnStart(ctx, "prompt")
				panic("model")
			})
		}, map[string]outcome{}},
		"panic of a Node": {func(m *atomicmetrics.Collector) *compose.Lambda {
			return compose.InvokableLambda(einowrap.MustNode(wrap.Config{Name: "node", Collector: m},
				func(context.Context, string) (string, error) { panic("node") }))
		}, map[string]outcome{"node": {other: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := watched(t)
			node := c.node(m)
			run := compiled(t, func(g *compose.Graph[string, string]) error {
				return errors.Join(g.AddLambdaNode("node", node), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
			})
			for range 3 {
				_, _ = run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})).DesignateNode("node"))
			}
			want(t, m, c.want)
			nothingInFlight(t, m)
		})
	}
}

func TestPanicBesideASlowNode(t *testing.T) {
	for name, c := range map[string]struct {
		node func(m *atomicmetrics.Collector) *compose.Lambda
		took time.Duration
	}{
		"by the handler": {func(*atomicmetrics.Collector) *compose.Lambda { return panicking(time.Second) }, 10 * time.Second}, // of the step
		"by Node": {func(m *atomicmetrics.Collector) *compose.Lambda {
			return compose.InvokableLambda(einowrap.MustNode(wrap.Config{Name: "explode", Collector: m},
				func(context.Context, string) (string, error) { time.Sleep(time.Second); panic("node") }))
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := watched(t)
				run := compiled(t, parallel(map[string]*compose.Lambda{"explode": c.node(m), "slow": lambda(10*time.Second, nil)}), modes["pregel"])
				_, _ = run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
				want(t, m, map[string]outcome{"explode": {other: 1}, "slow": {successes: 1}})
				if got := m.NodeMetrics("explode").TotalDuration; got != c.took {
					t.Errorf("took %v, want %v", got, c.took)
				}
			})
		})
	}
}

func TestPanicOfANodeWhoseKeyBeginsLikeAnother(t *testing.T) {
	for panics, runs := range map[string]string{"a, b": "a", "a": "a, b"} {
		t.Run(panics, func(t *testing.T) {
			m := watched(t)
			running, goOn := make(chan struct{}), make(chan struct{})
			run := compiled(t, parallel(map[string]*compose.Lambda{
				panics: compose.InvokableLambda(func(context.Context, string) (string, error) { <-running; panic("node") }),
				runs: compose.InvokableLambda(func(_ context.Context, in string) (string, error) {
					close(running)
					<-goOn
					return in, nil
				}),
			}), modes["eager"])
			_, _ = run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
			want(t, m, map[string]outcome{panics: {other: 1}})
			close(goOn)
			want(t, m, map[string]outcome{panics: {other: 1}, runs: {successes: 1}})
			nothingInFlight(t, m)
		})
	}
}

func TestPanicHasAText(t *testing.T) {
	m := watched(t)
	tools, err := compose.NewToolNode(t.Context(), &compose.ToolsNodeConfig{Tools: []tool.BaseTool{fakeTool("a")}})
	if err != nil {
		t.Fatal(err)
	}
	run := compiled(t, func(g *compose.Graph[string, []*schema.Message]) error {
		ask := func(_ context.Context, do string) (*schema.Message, error) {
			if do == "fail" {
				panic("model, \"fail\"")
			}
			return schema.AssistantMessage("", []schema.ToolCall{{Function: schema.FunctionCall{Name: "a", Arguments: do}}}), nil
		}
		return errors.Join(g.AddLambdaNode("ask", compose.InvokableLambda(ask)), g.AddToolsNode("tools", tools),
			g.AddEdge(compose.START, "ask"), g.AddEdge("ask", "tools"), g.AddEdge("tools", compose.END))
	})
	for _, do := range []string{"fail", "panic"} {
		_, _ = run.Invoke(t.Context(), do, compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
	}
	want(t, m, map[string]outcome{"ask": {successes: 1, other: 1}, "tools": {other: 1}, "a": {other: 1}})
	for name, text := range map[string]string{"ask": "panic: model, \"fail\"", "tools": "panic: tool", "a": "panic: tool"} {
		if got := m.Node(name).LastFailure().Text; got != text {
			t.Errorf("%s: text %q, want %q", name, got, text)
		}
	}
}

func TestIgnoreThatPanics(t *testing.T) {
	for name, c := range map[string]struct {
		node   *compose.Lambda
		stream bool
	}{
		"error":  {lambda(0, errors.New("failed")), false},
		"stream": {streaming(errors.New("broken")), true},
	} {
		t.Run(name, func(t *testing.T) {
			m := watched(t)
			run := compiled(t, func(g *compose.Graph[string, string]) error {
				return errors.Join(g.AddLambdaNode("node", c.node), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
			})
			cfg := einowrap.Config{Collector: m, Ignore: func(error) bool { panic("no verdict") }}
			if _, err := call(t, run, c.stream, "in", cfg); err == nil {
				t.Error("no error")
			}
			want(t, m, map[string]outcome{"node": {other: 1}})
			if got := m.Node("node").LastFailure().Text; got != "panic: no verdict" {
				t.Errorf("text %q, want %q", got, "panic: no verdict")
			}
			nothingInFlight(t, m)
		})
	}
}

func TestReaderThatClosesStopsTheNode(t *testing.T) {
	m := watched(t)
	const chunks = 2000
	sent := make(chan int, 1)
	run := compiled(t, func(g *compose.Graph[string, string]) error {
		node := compose.StreamableLambda(func(_ context.Context, in string) (*schema.StreamReader[string], error) {
			out, send := schema.Pipe[string](0)
			go func() {
				defer send.Close()
				n := 0
				for n < chunks && !send.Send(in, nil) {
					n++
				}
				sent <- n
			}()
			return out, nil
		})
		return errors.Join(g.AddLambdaNode("node", node), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
	}, compose.WithGraphName("graph"))
	out, err := run.Stream(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m, EndAtStream: true})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Recv(); err != nil {
		t.Error(err)
	}
	out.Close()
	if n := <-sent; n != 1 {
		t.Errorf("the node has sent %d chunks of %d, want 1", n, chunks)
	}
	want(t, m, map[string]outcome{"node": {successes: 1}, "graph": {successes: 1}})
	nothingInFlight(t, m)
}
