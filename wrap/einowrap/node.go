package einowrap

import (
	"context"
	"fmt"

	"github.com/nodemetrics/nodemetrics/wrap"
)

// Node is wrap.Node for a function that is a node of a graph, by compose.InvokableLambda: with retries, a timeout for
// each attempt, and a panic recorded at once. Where the graph has a Handler of the same collector and its name for the
// node is cfg.Name, the function records itself in the Handler's place: once, retries included, as cfg says. Anywhere
// else it is what wrap.Node returns.
//
// A function that returns a stream is an error: wrap.Node would record it when the stream begins, and its Timeout would
// cut the stream off. The Handler records it by itself.
func Node[In, Out any](cfg wrap.Config, fn wrap.Func[In, Out]) (wrap.Func[In, Out], error) {
	var out Out
	if _, stream := any(out).(interface{ SetAutomaticClose() }); stream { // *schema.StreamReader of whatever
		return nil, fmt.Errorf("einowrap: node %q: the function returns a stream", cfg.Name)
	}
	run, err := wrap.Node(cfg, fn)
	if err != nil || cfg.Collector == nil {
		return run, err
	}
	return func(ctx context.Context, in In) (Out, error) {
		if e := current(ctx, cfg.Collector); e != nil && e.name == cfg.Name && e.take() {
			e.timer.Discard()
		}
		return run(ctx, in)
	}, nil
}

// MustNode is Node, but panics with the error. It is for nodes that are set up when the program starts.
func MustNode[In, Out any](cfg wrap.Config, fn wrap.Func[In, Out]) wrap.Func[In, Out] {
	run, err := Node(cfg, fn)
	if err != nil {
		panic(err)
	}
	return run
}
