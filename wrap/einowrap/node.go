package einowrap

import (
	"context"
	"fmt"

	"github.com/nodemetrics/nodemetrics/wrap"
)

// Node is wrap.Node for a function that is a node of a graph, by
// compose.InvokableLambda. A graph may have a Handler of the same collector,
// with cfg.Name as its name for the node. Then the function records in the
// Handler's place, once for each call, retries included. Otherwise Node returns
// the function of wrap.Node.
//
// Node refuses a function that returns a stream. wrap.Node would record the
// execution when the stream begins, and its Timeout would cut the stream off.
// The Handler records such a function.
func Node[In, Out any](cfg wrap.Config, fn wrap.Func[In, Out]) (wrap.Func[In, Out], error) {
	var out Out
	// a *schema.StreamReader
	if _, stream := any(out).(interface{ SetAutomaticClose() }); stream {
		return nil, fmt.Errorf("einowrap: node %q: the function returns a stream, which only a Handler measures", cfg.Name)
	}
	run, err := wrap.Node(cfg, fn)
	if err != nil || cfg.Collector == nil {
		return run, err
	}
	return func(ctx context.Context, in In) (Out, error) {
		if e := current(ctx, cfg.Collector); e != nil && e.name == cfg.Name && e.take() {
			e.Discard()
		}
		return run(ctx, in)
	}, nil
}

// MustNode is shorthand for [Node] that panics with the error. It is for
// package variables and for programs that start up.
func MustNode[In, Out any](cfg wrap.Config, fn wrap.Func[In, Out]) wrap.Func[In, Out] {
	run, err := Node(cfg, fn)
	if err != nil {
		panic(err)
	}
	return run
}
