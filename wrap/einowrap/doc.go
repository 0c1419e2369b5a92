// Package einowrap records the nodes of a graph of CloudWeGo eino (github.com/cloudwego/eino/compose), each run of a
// node as one execution.
//
//	handler := einowrap.Handler(einowrap.Config{Collector: metrics})
//	answer, err := graph.Invoke(ctx, question, compose.WithCallbacks(handler))
//
// callbacks.AppendGlobalHandlers(handler) does so for every graph of the program. It is a module of its own, so that
// nobody else gets eino's modules.
//
// # Names
//
// A node is recorded under its key in the graph, or the name that compose.WithNodeName gave it; a tool that a ToolsNode
// calls under its name; the run of a graph under the name that compose.WithGraphName gave it, and not at all without
// one. Config.Name changes that. Two graphs that have keys in common need it, for one key is one node of the collector:
// a handler for each graph that puts the graph's name in front.
//
// # What is recorded
//
//	a node                                              execution
//	returns                                             a success
//	returns an error                                    a failure, by the classifier
//	    and Config.Ignore says true, or it is an
//	    interrupt, after which eino runs it again       nothing
//	returns a stream that ends                          a success
//	returns a stream with an error in it                a failure, by the classifier
//	panics, or the conversion of its stream does        a failure, CategoryOther
//
// # Streams
//
// A node that returns a stream takes until the stream ends. The handler learns of the end as every callback does that
// looks into a stream: it reads a copy. So it is the node that is measured, not its reader; one that stops early changes
// nothing, the node's stream is read to its end by the handler. (As with every such callback the node is then not told
// that its reader has gone, other than by its context, and what it has sent waits in memory for a reader that is slower.)
// The record is made a moment after the end, which others may see first: a program that has read the graph's output to
// its end may find the last nodes not recorded yet.
//
// A node that is given a stream starts when eino calls it, and waits for its input in its own time.
//
// # Panics
//
// eino recovers from the panic of a node and makes an error of it, which it gives to the graph's callbacks; the node's
// own callbacks are not called. Handler keeps account of the nodes that have started. When a graph fails by a node that
// has not ended, it records that node as a panic, at that moment. Of a ToolsNode it records all tools that have not
// ended, or, when that panicked itself, the one tool that has not ended. This finds one panic in each failure of a
// graph, as eino tells of one, in its error's text. A second node that panics in the same step, or while the graph ends
// already, is not seen by Handler; with atomicmetrics.WithInFlight it stays in flight.
//
// Node is for functions where that is not enough, and for retries: it makes a function that records itself, panics at
// once, as package wrap does. In a graph that has a Handler it does so in the Handler's place.
//
//	fetch := einowrap.MustNode(wrap.Config{Name: "fetch", Collector: metrics, Retry: &wrap.Retry{MaxAttempts: 3}}, get)
//	err := graph.AddLambdaNode("fetch", compose.InvokableLambda(fetch))
//
// The retries of eino's own agents (adk.ModelRetryConfig) call back for each attempt, so each is an execution.
//
// # Performance
//
// An execution costs a lookup by name, a few allocations and one value in its context, beside what eino itself does for
// callbacks; a stream costs a goroutine while it lasts.
package einowrap
