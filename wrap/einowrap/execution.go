package einowrap

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/compose"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/internal/record"
)

// inContext is the key of the innermost execution of a collector.
type inContext struct{ *atomicmetrics.Collector }

func current(ctx context.Context, c *atomicmetrics.Collector) *execution {
	e, _ := ctx.Value(inContext{c}).(*execution)
	return e
}

// execution is one execution of a node or of a whole graph. The caller that
// takes the execution records it.
type execution struct {
	id     *callbacks.RunInfo // tells executions apart; may be nil
	info   callbacks.RunInfo
	parent *execution // the graph or other caller; nil at the top
	depth  int        // how many steps its address in the graphs has
	key    string     // the last step: a node's key in its graph, or a tool's name
	name   string
	*record.Execution

	mu    *sync.Mutex // of the outermost execution; guards the fields below
	taken bool
	// Eino may not tell of a panic, so nothing from here on is in flight.
	landed bool
	// The executions that this execution called and nobody has taken.
	below map[*execution]struct{}
}

// newExecution returns an execution without a name.
func newExecution(ctx context.Context, id *callbacks.RunInfo, parent *execution) *execution {
	e := &execution{id: id, parent: parent, below: map[*execution]struct{}{}}
	if id != nil {
		e.info = *id
	}
	at := compose.GetCurrentAddress(ctx)
	if e.depth = len(at); e.depth > 0 {
		e.key = at[e.depth-1].ID
	}
	return e
}

// defaultName returns the name that Config.Name describes.
func (e *execution) defaultName() string {
	switch {
	case e.info.Name != "":
		return e.info.Name
	case e.depth > 0 && (e.parent == nil || e.depth > e.parent.depth):
		return e.key
	}
	return e.info.Type + string(e.info.Component)
}

func (e *execution) isGraph() bool {
	k := e.info.Component
	return k == compose.ComponentOfGraph || k == compose.ComponentOfChain || k == compose.ComponentOfWorkflow
}

// start starts the timer. The execution is in flight if eino tells of its end
// even after a panic. The graph around it tells, and a graph itself tells
// unless it streams.
func (e *execution) start(c *atomicmetrics.Collector, stream bool) {
	e.Execution = record.Start(record.Node(c, e.name))
	if e.parent == nil {
		e.mu = new(sync.Mutex)
		if e.landed = !e.isGraph(); e.landed || stream {
			e.Discard()
		}
		return
	}
	e.mu = e.parent.mu
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.landed = e.parent.landed; e.landed {
		e.Discard()
	}
	e.parent.below[e] = struct{}{}
}

// take reports whether nobody has taken the execution before. Executions below
// that still run are no longer in flight, because eino may never tell of their
// end.
func (e *execution) take() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken {
		return false
	}
	e.taken = true
	if e.parent != nil {
		delete(e.parent.below, e)
	}
	e.landBelow()
	return true
}

func (e *execution) landBelow() {
	for child := range e.below {
		child.landed = true
		child.Discard()
		child.landBelow()
	}
}

// endPanicked ends the executions below that have panicked. eino tells of them
// by err alone, the error of e. A graph may fail while some of its nodes run,
// but its error ends with the key of the node that panicked. A ToolsNode has
// waited for all its tools.
func (e *execution) endPanicked(err error) {
	for _, child := range e.open() {
		if e.info.Component == compose.ComponentOfToolsNode || strings.HasSuffix(err.Error(), "\nnode path: ["+child.key+"]") {
			_, value, _ := strings.Cut(err.Error(), "panic error: ")
			value, _, _ = strings.Cut(value, ", \nstack: ")
			child.unwind(value)
		}
	}
}

// open returns the executions below that nobody has taken.
func (e *execution) open() []*execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.below))
}

// unwind ends an execution that has panicked, and the execution below it that
// the panic came from. If several are open below, one has panicked and the
// others may run, so unwind ends none of them. It ends no node of a graph,
// because eino recovers from the panics of those.
func (e *execution) unwind(value string) {
	if open := e.open(); len(open) == 1 && !e.isGraph() {
		open[0].unwind(value)
	}
	if e.take() {
		e.Panicked(value)
	}
}

// panicking reports whether a panic, or runtime.Goexit, called the callback of
// a graph's end. The output tells nothing, because eino passes nil then, and a
// graph may return a nil interface.
func panicking() bool {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic" || frame.Function == "runtime.Goexit":
			return true
		case !more || strings.HasSuffix(frame.Function, "compose.(*runner).run"):
			return false
		}
	}
}
