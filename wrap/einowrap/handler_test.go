package einowrap_test

import (
	"context"
	"errors"
	"strings"
	"testing"
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

// compiled compiles a graph that add adds nodes to.
func compiled[In, Out any](t *testing.T, add func(*compose.Graph[In, Out]) error, opts ...compose.GraphCompileOption) compose.Runnable[In, Out] {
	t.Helper()
	g := compose.NewGraph[In, Out]()
	if err := add(g); err != nil {
		t.Fatal(err)
	}
	run, err := g.Compile(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// parallel adds lambdas that run beside each other.
func parallel(nodes map[string]*compose.Lambda) func(*compose.Graph[string, map[string]any]) error {
	return func(g *compose.Graph[string, map[string]any]) error {
		var errs []error
		for key, node := range nodes {
			errs = append(errs, g.AddLambdaNode(key, node, compose.WithOutputKey(key)), g.AddEdge(compose.START, key), g.AddEdge(key, compose.END))
		}
		return errors.Join(errs...)
	}
}

func TestPanicBesideANodeThatRunsOn(t *testing.T) {
	m := newCollector(t)
	running, goOn := make(chan struct{}), make(chan struct{})
	run := compiled(t, parallel(map[string]*compose.Lambda{
		"explode": compose.InvokableLambda(func(context.Context, string) (string, error) {
			<-running
			panic("\nnode path: [runs on]") // eino's own comes after it
		}),
		"runs on": compose.InvokableLambda(func(_ context.Context, in string) (string, error) {
			close(running)
			<-goOn
			return in, nil
		}),
	}), modes["eager"])
	if _, err := run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m}))); err == nil {
		t.Error("no error")
	}
	want(t, m, map[string]outcome{"explode": {other: 1}})
	close(goOn)
	want(t, m, map[string]outcome{"explode": {other: 1}, "runs on": {successes: 1}})
}

func TestTwoPanicsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		wrapped bool
		want    uint64
	}{
		"by the handler": {false, 1}, // the graph's error tells of one
		"by Node":        {true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t, atomicmetrics.WithInFlight())
			nodes := map[string]*compose.Lambda{"a": panicking(0), "b": panicking(0)}
			if c.wrapped {
				for key := range nodes {
					nodes[key] = compose.InvokableLambda(einowrap.MustNode(wrap.Config{Name: key, Collector: m},
						func(context.Context, string) (string, error) { panic("node") }))
				}
			}
			run := compiled(t, parallel(nodes))
			_, err := run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
			a, b := read(m.NodeMetrics("a")), read(m.NodeMetrics("b"))
			if a.other+b.other != c.want || a.successes+b.successes != 0 || err == nil {
				t.Errorf("a %+v, b %+v, error %v; want %d failures", a, b, err, c.want)
			}
			nothingInFlight(t, m)
		})
	}
}

func TestGraphInAGraph(t *testing.T) {
	for kind, c := range map[string]struct {
		node *compose.Lambda
		want map[string]outcome
	}{
		"success": {lambda(0, nil), map[string]outcome{"inner": {successes: 1}, "sub": {successes: 1}, "outer": {successes: 1}}},
		"error":   {lambda(0, errors.New("failed")), map[string]outcome{"inner": {other: 1}, "sub": {other: 1}, "outer": {other: 1}}},
		"panic":   {panicking(0), map[string]outcome{"inner": {other: 1}, "sub": {other: 1}, "outer": {other: 1}}},
	} {
		t.Run(kind, func(t *testing.T) {
			m := newCollector(t)
			inner := compose.NewGraph[string, string]()
			if err := errors.Join(inner.AddLambdaNode("inner", c.node), inner.AddEdge(compose.START, "inner"),
				inner.AddEdge("inner", compose.END)); err != nil {
				t.Fatal(err)
			}
			run := compiled(t, func(g *compose.Graph[string, string]) error {
				return errors.Join(g.AddGraphNode("sub", inner), g.AddEdge(compose.START, "sub"), g.AddEdge("sub", compose.END))
			}, compose.WithGraphName("outer"))
			_, _ = run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
			want(t, m, c.want)
		})
	}
}

// model is a component that calls back by itself, as chat models do.
func model(ctx context.Context) {
	ctx = callbacks.ReuseHandlers(ctx, &callbacks.RunInfo{Type: "Fake", Component: components.ComponentOfChatModel})
	ctx = callbacks.OnStart(ctx, "prompt")
	callbacks.OnEnd(ctx, "answer")
}

func TestNames(t *testing.T) {
	graph := func(g *compose.Graph[string, string]) error {
		return errors.Join(
			g.AddLambdaNode("key", lambda(0, nil)),
			g.AddLambdaNode("other key", lambda(0, nil), compose.WithNodeName("named")),
			g.AddLambdaNode("asks", compose.InvokableLambda(func(ctx context.Context, in string) (string, error) {
				model(ctx)
				return in, nil
			})),
			g.AddEdge(compose.START, "key"), g.AddEdge("key", "other key"), g.AddEdge("other key", "asks"), g.AddEdge("asks", compose.END))
	}
	one := outcome{successes: 1}
	for name, c := range map[string]struct {
		name func(context.Context, string, *callbacks.RunInfo) string
		want map[string]outcome
	}{
		"default": {nil, map[string]outcome{"key": one, "named": one, "asks": one, "FakeChatModel": one}},
		"own": {func(ctx context.Context, name string, info *callbacks.RunInfo) string {
			if info.Component == components.ComponentOfChatModel {
				return ""
			}
			return "my " + name + " at " + compose.GetCurrentAddress(ctx).String()
		}, map[string]outcome{
			"my  at runnable:":                     one, // a graph without a name
			"my key at runnable:;node:key":         one,
			"my asks at runnable:;node:asks":       one,
			"my named at runnable:;node:other key": one,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t)
			run := compiled(t, graph)
			if _, err := run.Invoke(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m, Name: c.name}))); err != nil {
				t.Error(err)
			}
			want(t, m, c.want)
		})
	}
}

func TestHandlerGivenTwiceRecordsOnce(t *testing.T) {
	m, other := newCollector(t), newCollector(t)
	run := build(t, map[string]*compose.Lambda{"plain": lambda(0, nil), "explode": panicking(0), "stream": streaming(nil)})
	cfg := einowrap.Config{Collector: m}
	for _, in := range []string{"plain", "explode", "stream"} {
		_, _ = drain(run.Stream(t.Context(), in, compose.WithCallbacks(einowrap.Handler(cfg), einowrap.Handler(cfg)),
			compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: other}))))
	}
	table := map[string]outcome{"route": {successes: 3}, "plain": {successes: 1}, "explode": {other: 1}, "stream": {successes: 1}, "finish": {successes: 2}}
	want(t, m, table)
	want(t, other, table)
}

func TestWithoutACollectorTheGraphRunsTheSame(t *testing.T) {
	run := build(t, map[string]*compose.Lambda{
		"plain": compose.InvokableLambda(einowrap.MustNode(wrap.Config{Name: "plain"}, flaky(0))),
		"retry": compose.InvokableLambda(einowrap.MustNode(retrying("retry", nil, 0), flaky(0))),
	})
	handler := compose.WithCallbacks(einowrap.Handler(einowrap.Config{}))
	if out, err := run.Invoke(t.Context(), "retry", handler); out != "RETRY" || err != nil {
		t.Errorf("%q, error %v", out, err)
	}
	if out, err := run.Invoke(t.Context(), "plain", handler); err == nil {
		t.Errorf("%q, no error", out)
	}
}

func TestNoVerdict(t *testing.T) {
	nothing := func(error) bool { return false }
	for name, c := range map[string]struct {
		err    error
		cancel bool
		ignore func(error) bool
		want   map[string]outcome
	}{
		"canceled":         {context.Canceled, false, nil, map[string]outcome{}},
		"cause of its own": {errors.New("hung up"), true, nil, map[string]outcome{}},
		"nothing ignored":  {context.Canceled, false, nothing, map[string]outcome{"node": {other: 1}}},
		"deadline":         {context.DeadlineExceeded, false, nil, map[string]outcome{"node": {timeouts: 1}}},
		"interrupt":        {nil, false, nothing, map[string]outcome{}},
		"panic, cancelled": {errPanic, true, nil, map[string]outcome{"node": {other: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			run := compiled(t, func(g *compose.Graph[string, string]) error {
				return errors.Join(g.AddLambdaNode("node", compose.InvokableLambda(func(ctx context.Context, in string) (string, error) {
					if c.cancel {
						cancel()
					}
					switch c.err {
					case nil:
						return "", compose.Interrupt(ctx, "question")
					case errPanic:
						panic(errPanic)
					}
					return "", c.err
				})), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
			})
			_, err := run.Invoke(ctx, "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m, Ignore: c.ignore})))
			if err == nil {
				t.Error("no error")
			}
			want(t, m, c.want)
			if got := m.Node("node").Ignored(); got != uint64(1-len(c.want)) {
				t.Errorf("%d ignored executions", got)
			}
		})
	}
}

var errPanic = errors.New("panic")

// fakeTool is a tool that does what its argument says.
type fakeTool string

func (f fakeTool) Info(context.Context) (*schema.ToolInfo, error) {
	return &schema.ToolInfo{Name: string(f)}, nil
}

func (f fakeTool) InvokableRun(_ context.Context, do string, _ ...tool.Option) (string, error) {
	switch do {
	case "panic":
		panic("tool")
	case "fail":
		return "", errors.New("tool failed")
	}
	return do, nil
}

func TestTools(t *testing.T) {
	for name, c := range map[string]struct {
		calls string // one letter of the tool, then what it does
		want  map[string]outcome
	}{
		"one that succeeds":        {"a:work", map[string]outcome{"tools": {successes: 1}, "a": {successes: 1}}},
		"one that fails":           {"a:fail", map[string]outcome{"tools": {other: 1}, "a": {other: 1}}},
		"one that panics":          {"a:panic", map[string]outcome{"tools": {other: 1}, "a": {other: 1}}},
		"a second one that panics": {"a:work b:panic", map[string]outcome{"tools": {other: 1}, "a": {successes: 1}, "b": {other: 1}}},
		"two that panic":           {"a:work b:panic b:panic", map[string]outcome{"tools": {other: 1}, "a": {successes: 1}, "b": {other: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t)
			tools, err := compose.NewToolNode(t.Context(), &compose.ToolsNodeConfig{Tools: []tool.BaseTool{fakeTool("a"), fakeTool("b")}})
			if err != nil {
				t.Fatal(err)
			}
			run := compiled(t, func(g *compose.Graph[*schema.Message, []*schema.Message]) error {
				return errors.Join(g.AddToolsNode("tools", tools), g.AddEdge(compose.START, "tools"), g.AddEdge("tools", compose.END))
			})
			var calls []schema.ToolCall
			for _, call := range strings.Fields(c.calls) {
				name, do, _ := strings.Cut(call, ":")
				calls = append(calls, schema.ToolCall{ID: call, Function: schema.FunctionCall{Name: name, Arguments: do}})
			}
			_, err = run.Invoke(t.Context(), schema.AssistantMessage("", calls), compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
			if (err != nil) != (c.want["tools"].other == 1) {
				t.Errorf("error %v", err)
			}
			want(t, m, c.want)
		})
	}
}

func TestPanicInTheConversionOfAStream(t *testing.T) {
	m := newCollector(t)
	run := compiled(t, func(g *compose.Graph[string, string]) error {
		return errors.Join(g.AddLambdaNode("node", compose.StreamableLambda(func(context.Context, string) (*schema.StreamReader[string], error) {
			return schema.StreamReaderWithConvert(schema.StreamReaderFromArray([]int{1, 2}), func(i int) (string, error) {
				panic("conversion")
			}), nil
		})), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
	})
	out, err := run.Stream(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
	if err != nil {
		t.Fatal(err)
	}
	want(t, m, map[string]outcome{"node": {other: 1}}) // nobody else has read: it was the handler that met the panic
	out.Close()
}

func TestMergedStreamsEndOneByOne(t *testing.T) {
	m := newCollector(t)
	run := compiled(t, func(g *compose.Graph[string, string]) error {
		return errors.Join(g.AddLambdaNode("node", compose.StreamableLambda(func(context.Context, string) (*schema.StreamReader[string], error) {
			return schema.MergeNamedStreamReaders(map[string]*schema.StreamReader[string]{
				"a": schema.StreamReaderFromArray([]string{"1"}), "b": schema.StreamReaderFromArray([]string{"2", "3"}),
			}), nil
		})), g.AddEdge(compose.START, "node"), g.AddEdge("node", compose.END))
	})
	out, err := run.Stream(t.Context(), "in", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m})))
	if err != nil {
		t.Fatal(err)
	}
	want(t, m, map[string]outcome{"node": {successes: 1}})
	out.Close()
}

func TestNodeOutsideOfAGraphIsWrapNode(t *testing.T) {
	m := newCollector(t)
	node := einowrap.MustNode(retrying("node", m, 0), flaky(0))
	if out, err := node(t.Context(), "in"); out != "in" || err != nil {
		t.Errorf("%q, error %v", out, err)
	}
	want(t, m, map[string]outcome{"node": {successes: 1, retries: 2}})
}

func TestNodeOfAnotherNameIsRecordedAlongside(t *testing.T) {
	m := newCollector(t)
	step := einowrap.MustNode(wrap.Config{Name: "step", Collector: m}, func(_ context.Context, in string) (string, error) { return in, nil })
	run := build(t, map[string]*compose.Lambda{"node": compose.InvokableLambda(func(ctx context.Context, in string) (string, error) {
		_, _ = step(ctx, in)
		return step(ctx, in)
	})})
	if _, err := run.Invoke(t.Context(), "node", compose.WithCallbacks(einowrap.Handler(einowrap.Config{Collector: m}))); err != nil {
		t.Error(err)
	}
	want(t, m, map[string]outcome{"route": {successes: 1}, "node": {successes: 1}, "step": {successes: 2}, "finish": {successes: 1}})
}

func TestNodeRefusesWhatItCannotMeasure(t *testing.T) {
	_, err := einowrap.Node(wrap.Config{Name: "node"}, func(context.Context, string) (*schema.StreamReader[string], error) { return nil, nil })
	if err == nil || !strings.Contains(err.Error(), `"node"`) {
		t.Errorf("a stream: error %v", err)
	}
	if _, err = einowrap.Node[int, int](wrap.Config{Timeout: -time.Second}, nil); err == nil {
		t.Error("no function, no name and a negative timeout: no error")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustNode did not panic")
		}
	}()
	einowrap.MustNode[int, int](wrap.Config{}, nil)
}
