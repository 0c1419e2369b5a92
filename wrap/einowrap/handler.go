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

// Config says where a handler records nodes, under which name, and which errors
// the handler leaves out. Several goroutines may call its functions at once.
type Config struct {
	// Collector takes the records. With a nil Collector the graph runs the
	// same, unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node of an execution, or "" to leave the execution out.
	// Its argument name is the name that nil stands for.
	//
	//   - For a node of a graph that is its name by compose.WithNodeName, or
	//     else its key.
	//   - For a tool that is its name.
	//   - For the run of a graph that is its name by compose.WithGraphName, or
	//     else "".
	//   - If a component runs outside a graph, or a node calls it, eino gives
	//     the component's own name, such as "OpenAIChatModel".
	//
	// The context is that of the execution, so compose.GetCurrentAddress tells
	// where the node is. The info may be nil.
	Name func(ctx context.Context, name string, info *callbacks.RunInfo) string

	// Ignore reports whether an error is no verdict on the node. The handler
	// then records no execution. The handler asks Ignore about the error of the
	// node. If the context has ended, the handler asks about the context's Err
	// too. The handler asks neither about a panic nor about an interrupt, which
	// is never a verdict. Nil means wrap.Canceled.
	Ignore func(error) bool

	// EndAtStream ends an execution when its node returns a stream. The handler
	// then does not read the stream, so a reader that closes the stream stops
	// the node. But the handler then sees neither the end of the stream nor its
	// errors.
	EndAtStream bool
}

// Handler returns callbacks that record every node of a graph. Callers give the
// callbacks to a run by compose.WithCallbacks, or to all runs by
// callbacks.AppendGlobalHandlers. Two handlers of one collector record a node
// once.
func Handler(cfg Config) callbacks.Handler {
	if cfg.Ignore == nil {
		cfg.Ignore = wrap.Canceled
	}
	return &handler{cfg}
}

type handler struct{ cfg Config }

// Needed reports whether there is a collector.
func (h *handler) Needed(context.Context, *callbacks.RunInfo, callbacks.CallbackTiming) bool {
	return h.cfg.Collector != nil
}

func (h *handler) OnStart(ctx context.Context, info *callbacks.RunInfo, _ callbacks.CallbackInput) context.Context {
	return h.start(ctx, info, false)
}

// OnStartWithStreamInput closes its copy of the input, because eino closes the
// input when all copies are closed.
func (h *handler) OnStartWithStreamInput(ctx context.Context, info *callbacks.RunInfo,
	input *schema.StreamReader[callbacks.CallbackInput]) context.Context {
	input.Close()
	return h.start(ctx, info, true)
}

func (h *handler) OnEnd(ctx context.Context, info *callbacks.RunInfo, output callbacks.CallbackOutput) context.Context {
	if e := h.running(ctx, info); e != nil && e.take() {
		if output == nil && panicking() {
			e.Panicked("in the graph") // eino does not tell the value
		} else {
			e.End(nil, nil)
		}
	}
	return ctx
}

func (h *handler) OnError(ctx context.Context, info *callbacks.RunInfo, err error) context.Context {
	if e := h.running(ctx, info); e != nil {
		e.endPanicked(err)
		if e.take() {
			e.End(err, h.ignore(ctx))
		}
	}
	return ctx
}

// OnEndWithStreamOutput records the execution when the stream ends. The handler
// learns of the end by reading its copy of the stream. It takes the execution
// first, so a graph that fails meanwhile leaves the execution alone.
func (h *handler) OnEndWithStreamOutput(ctx context.Context, info *callbacks.RunInfo,
	output *schema.StreamReader[callbacks.CallbackOutput]) context.Context {
	e := h.running(ctx, info)
	switch {
	case e == nil || !e.take():
		output.Close()
	case h.cfg.EndAtStream:
		output.Close()
		e.End(nil, nil)
	default:
		go func() {
			defer output.Close()
			// Ignore's, recorded, which would end the process here
			defer func() { _ = recover() }()
			if value, err := end(output); value != nil {
				e.Panicked(value)
			} else {
				e.End(err, h.ignore(ctx))
			}
		}()
	}
	return ctx
}

// end reads a stream to its end and returns the stream's error. If a conversion
// of the stream panics, end returns the value of the panic.
func end[T any](stream *schema.StreamReader[T]) (value any, err error) {
	defer func() { value = recover() }()
	for {
		_, err := stream.Recv()
		if err == io.EOF {
			return nil, nil
		}
		// only a part of a merged stream has ended
		if _, one := schema.GetSourceName(err); err != nil && !one {
			return nil, err
		}
	}
}

// start starts an execution, which the context returned carries.
func (h *handler) start(ctx context.Context, info *callbacks.RunInfo, stream bool) context.Context {
	parent := current(ctx, h.cfg.Collector)
	if info != nil && parent != nil && parent.id == info {
		return ctx // another handler of this collector was first
	}
	e := newExecution(ctx, info, parent)
	e.name = e.defaultName()
	if h.cfg.Name != nil {
		e.name = h.cfg.Name(ctx, e.name, info)
	}
	e.start(h.cfg.Collector, stream)
	return context.WithValue(ctx, inContext{h.cfg.Collector}, e)
}

// running returns the execution of info that ctx carries. It returns nil if the
// handler has not started one.
func (h *handler) running(ctx context.Context, info *callbacks.RunInfo) *execution {
	if e := current(ctx, h.cfg.Collector); e != nil && e.id == info {
		return e
	}
	return nil
}

// ignore returns a function that reports whether an error is no verdict.
func (h *handler) ignore(ctx context.Context) func(error) bool {
	return func(err error) bool {
		return interrupted(err) || h.cfg.Ignore(err) || ctx.Err() != nil && h.cfg.Ignore(ctx.Err())
	}
}

// interrupted reports whether err is an interrupt, after which eino runs the
// node again.
func interrupted(err error) bool {
	if _, ok := compose.IsInterruptRerunError(err); ok {
		return true
	}
	_, ok := compose.ExtractInterruptInfo(err)
	return ok
}
