// Package einowrap records the nodes of a graph of CloudWeGo eino
// (github.com/cloudwego/eino/compose). Each run of a node is one execution.
//
//	handler := einowrap.Handler(einowrap.Config{Collector: metrics})
//	answer, err := graph.Invoke(ctx, question, compose.WithCallbacks(handler))
//
// If a program calls callbacks.AppendGlobalHandlers(handler), the handler
// records every graph. The package is a module of its own, so only its users
// depend on eino.
//
// # One execution
//
// Each run of a node is one execution, and so is each run of a graph. Handler
// records a node under its key in the graph, or the name that
// compose.WithNodeName gave it. Handler records a tool under the tool's name.
// It records the run of a graph under the name that compose.WithGraphName gave.
// It does not record a graph without a name. Config.Name changes that. Two
// graphs with a key in common share one node of the collector. Config.Name can
// put the graph's name in front.
//
// # A retry
//
// eino tells of no retries. If its agents retry a model by
// adk.ModelRetryConfig, each attempt is an execution. A function of [Node] has
// the retries of package wrap.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error                       a success                     none
//	it returned an error                       a failure, by the classifier  none
//	it returned an error, and Config.Ignore
//	    accepts that or the context's error    nothing                       none
//	it was interrupted, so eino runs it again  nothing                       none
//	it returned a stream that ended            a success                     none
//	it returned a stream with an error         a failure, by the classifier  none
//	it panicked, or a conversion of its
//	    stream, a branch of the graph or
//	    Config.Ignore did                      a failure, CategoryOther      none
//	it is a function that Node measures        as package wrap records it    1, 2, … as it starts
//
// If nothing is recorded, the execution counts in
// [atomicmetrics.Snapshot.Ignored].
//
// # What is left out
//
// eino's callbacks do not tell [Handler] everything. If a node panics, eino
// calls nothing at that moment. The error of its graph then names one node that
// panicked. So Handler records a panic with the time until the graph failed,
// which slower nodes of the same step determine. Handler does not see further
// panics in that step. A handler of a single node sees no panic at all. If a
// branch panics in Stream or Transform, eino calls nothing for the outermost
// graph, so Handler does not record its run. If the reader closes a stream,
// eino does not tell. Handler reads a copy of each stream to its end, so the
// node then goes on sending, unless [Config].EndAtStream is set. [Node] and
// [MustNode] see every panic of a function at once.
//
// # Streams
//
// A node that returns a stream takes until the stream ends. Handler measures
// the node and not its reader, so a reader that stops early changes nothing.
// The chunks wait in memory for a reader that is slower than the node. A reader
// may see the end of the stream a moment before Handler records the execution.
// So a program that has read the output of a graph may not find the last nodes
// recorded yet.
//
// A node that takes a stream starts when eino calls it. The time that it waits
// for its input counts.
//
// # What is in flight
//
// With [atomicmetrics.WithInFlight] an execution is in flight as long as eino
// tells of its end even after a panic. So the outermost graph is not in flight
// in Stream and Transform. Neither is anything of a handler of a single node. A
// node that runs on after its graph has ended is no longer in flight.
//
// # Functions
//
// Node makes a function that records itself as package wrap does, with retries
// and a timeout. In a graph that has a Handler the function records in the
// Handler's place.
//
//	fetch := einowrap.MustNode(wrap.Config{
//		Name:      "fetch",
//		Collector: metrics,
//		Retry:     &wrap.Retry{MaxAttempts: 3},
//	}, get)
//	err := graph.AddLambdaNode("fetch", compose.InvokableLambda(fetch))
//
// # Performance
//
// Beside the work of eino's own callbacks, an execution costs a lookup by name,
// a few allocations and one value in its context. A stream costs a goroutine
// while it lasts.
package einowrap
