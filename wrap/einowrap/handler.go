package einowrap

import (
	"context"
	"io"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where nodes are recorded, under which name, and which errors are left out. Its functions are called by
// whichever goroutine runs a node, so possibly by several at once.
type Config struct {
	// Collector takes the records. With a nil Collector the graph runs the same, unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node that an execution is recorded under, "" to leave it out. It is given the name that nil stands
	// for: of a node in a graph the name that compose.WithNodeName gave it or else its key, of a tool its name, of the run
	// of a graph the name that compose.WithGraphName gave it, and "" if it has none; of a component that a node calls by
	// itself, or that is in no graph, what eino calls it, "OpenAIChatModel". The context is that of the execution, so
	// compose.GetCurrentAddress tells where it is. What eino says of it may be nil.
	Name func(ctx context.Context, name string, info *callbacks.RunInfo) string

	// Ignore reports whether an error is no verdict on the node, so that the execution is not recorded at all. It is asked
	// about the error of the node and, if its context has ended, about that context's Err too. It is not asked about a
	// panic, nor about an interrupt of eino, which never is a verdict. Nil means wrap.Canceled.
	Ignore func(error) bool
}

// Handler returns callbacks that record every node of the graphs they are given to, by compose.WithCallbacks for one run
// or by callbacks.AppendGlobalHandlers for all. Two handlers of one collector record a node once.
func Handler(cfg Config) callbacks.Handler {
	if cfg.Ignore == nil {
		cfg.Ignore = wrap.Canceled
	}
	return &handler{cfg}
}

type handler struct{ cfg Config }

// Needed tells eino that without a collector there is nothing to call.
func (h *handler) Needed(context.Context, *callbacks.RunInfo, callbacks.CallbackTiming) bool {
	return h.cfg.Collector != nil
}

func (h *handler) OnStart(ctx context.Context, info *callbacks.RunInfo, _ callbacks.CallbackInput) context.Context {
	return h.start(ctx, info)
}

// OnStartWithStreamInput closes its copy of the input: otherwise the stream would never count as closed.
func (h *handler) OnStartWithStreamInput(ctx context.Context, info *callbacks.RunInfo,
	input *schema.StreamReader[callbacks.CallbackInput]) context.Context {
	input.Close()
	return h.start(ctx, info)
}

func (h *handler) OnEnd(ctx context.Context, info *callbacks.RunInfo, _ callbacks.CallbackOutput) context.Context {
	if e := h.running(ctx, info); e != nil {
		h.end(ctx, e, nil)
	}
	return ctx
}

func (h *handler) OnError(ctx context.Context, info *callbacks.RunInfo, err error) context.Context {
	if e := h.running(ctx, info); e != nil {
		e.endPanicked(err)
		h.end(ctx, e, err)
	}
	return ctx
}

// OnEndWithStreamOutput reads its copy of the output to the end, which is the only way to learn when that is.
func (h *handler) OnEndWithStreamOutput(ctx context.Context, info *callbacks.RunInfo,
	output *schema.StreamReader[callbacks.CallbackOutput]) context.Context {
	e := h.running(ctx, info)
	if e == nil || !e.take() { // taken, so that it is not among those that a graph that fails has left
		output.Close()
		return ctx
	}
	go func() {
		defer output.Close()
		defer func() {
			if recover() != nil { // a conversion of the stream panicked, here because this copy was read first
				e.recordPanic()
			}
		}()
		h.record(ctx, e, end(output))
	}()
	return ctx
}

// end reads a stream until it ends and returns the error in it.
func end[T any](stream *schema.StreamReader[T]) error {
	for {
		_, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if _, one := schema.GetSourceName(err); err != nil && !one { // one of several merged streams has ended
			return err
		}
	}
}

// start starts an execution, which the context returned carries.
func (h *handler) start(ctx context.Context, info *callbacks.RunInfo) context.Context {
	parent := current(ctx, h.cfg.Collector)
	if info != nil && parent != nil && parent.info == info {
		return ctx // another handler of this collector was first
	}
	e := &execution{info: info, at: compose.GetCurrentAddress(ctx), parent: parent}
	e.name = e.defaultName()
	if h.cfg.Name != nil {
		e.name = h.cfg.Name(ctx, e.name, info)
	}
	if e.name != "" {
		e.node = h.cfg.Collector.Node(e.name)
	}
	e.timer = e.node.Start()
	parent.adopt(e)
	return context.WithValue(ctx, inContext{h.cfg.Collector}, e)
}

// running returns the execution that ctx carries, nil if it is not the one that info is about: then it was not started.
func (h *handler) running(ctx context.Context, info *callbacks.RunInfo) *execution {
	if e := current(ctx, h.cfg.Collector); e != nil && e.info == info {
		return e
	}
	return nil
}

// end records an execution that ends now, if nobody else has.
func (h *handler) end(ctx context.Context, e *execution, err error) {
	if e.take() {
		h.record(ctx, e, err)
	}
}

// record records an execution that ended with err.
func (h *handler) record(ctx context.Context, e *execution, err error) {
	took := e.timer.Elapsed()
	e.timer.Discard()
	switch {
	case err == nil:
		e.node.RecordSuccess(took)
	case interrupted(err) || h.cfg.Ignore(err):
	case ctx.Err() != nil && h.cfg.Ignore(ctx.Err()):
	default:
		e.node.RecordFailure(took, err)
	}
}

// interrupted reports whether err is an interrupt: the node has not failed, it will be run again.
func interrupted(err error) bool {
	if _, ok := compose.IsInterruptRerunError(err); ok {
		return true
	}
	_, ok := compose.ExtractInterruptInfo(err)
	return ok
}
