package einowrap

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cloudwego/eino/callbacks"
	"github.com/cloudwego/eino/components"
	"github.com/cloudwego/eino/compose"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// inContext is the key of the innermost execution that is recorded in a collector.
type inContext struct{ *atomicmetrics.Collector }

func current(ctx context.Context, c *atomicmetrics.Collector) *execution {
	e, _ := ctx.Value(inContext{c}).(*execution)
	return e
}

// execution is one execution of a node, or of a whole graph. It ends once: whoever takes it records it.
type execution struct {
	info   *callbacks.RunInfo // may be nil
	at     compose.Address    // where in the graphs it is; empty outside
	parent *execution         // the graph, or what else called it; nil at the top
	name   string
	node   *atomicmetrics.Node // nil if it is not to be recorded
	timer  atomicmetrics.Timer // runs until the record is made, or somebody else's timer takes over

	mu    sync.Mutex
	taken bool
	below map[*execution]struct{} // those that this one called and nobody has taken
}

// adopt makes an execution, which has all its fields, one of those below e, if there is an e.
func (e *execution) adopt(child *execution) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.below == nil {
		e.below = map[*execution]struct{}{}
	}
	e.below[child] = struct{}{}
}

// key is the key of a node in its graph, the name of a tool or of a graph.
func (e *execution) key() string {
	if len(e.at) == 0 {
		return ""
	}
	return e.at[len(e.at)-1].ID
}

func (e *execution) kind() components.Component {
	if e.info == nil {
		return ""
	}
	return e.info.Component
}

// defaultName is the name as Config.Name describes it.
func (e *execution) defaultName() string {
	above := 0
	if e.parent != nil {
		above = len(e.parent.at)
	}
	switch {
	case e.info == nil:
		return ""
	case e.info.Name != "":
		return e.info.Name
	case len(e.at) > above:
		return e.key()
	}
	return e.info.Type + string(e.info.Component)
}

// take reports whether the execution had not been taken. Then the caller records it.
func (e *execution) take() bool {
	e.mu.Lock()
	first := !e.taken
	e.taken = true
	e.mu.Unlock()
	if first && e.parent != nil {
		e.parent.mu.Lock()
		delete(e.parent.below, e)
		e.parent.mu.Unlock()
	}
	return first
}

// recordPanic records the execution as wrap records a panic.
func (e *execution) recordPanic() {
	e.timer.Discard()
	e.node.RecordFailureAs(e.timer.Elapsed(), atomicmetrics.CategoryOther)
}

// endPanicked ends those below that have panicked, of which eino tells nothing but the error of e. A graph may fail
// while other nodes of it are running, but its error has the path of the node that failed. A ToolsNode has waited for
// all its tools.
func (e *execution) endPanicked(err error) {
	open := e.open()
	if len(open) == 0 {
		return
	}
	path := failedPath(err)
	for _, child := range open {
		if e.kind() == compose.ComponentOfToolsNode || path.beginsWith(child.key()) {
			child.unwind()
		}
	}
}

// unwind ends an execution that has panicked, and what it called and the panic came from. If several are open one of
// them has panicked and the others may be running: then none is ended.
func (e *execution) unwind() {
	if open := e.open(); len(open) == 1 {
		open[0].unwind()
	}
	if e.take() {
		e.recordPanic()
	}
}

// open returns the executions below that nobody has taken.
func (e *execution) open() []*execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.below))
}

// path is what eino says of where a graph has failed: "[key, key of a node in the graph that this one is, …]".
type path string

// failedPath returns the path in the error of a graph, "" if there is none. eino tells it in the text alone, at its end.
func failedPath(err error) path {
	const before = "\nnode path: "
	text := err.Error()
	if i := strings.LastIndex(text, before); i >= 0 {
		return path(text[i+len(before):])
	}
	return ""
}

// beginsWith reports whether a path begins with the key of a node.
func (p path) beginsWith(key string) bool {
	rest, ok := strings.CutPrefix(string(p), "["+key)
	return ok && (strings.HasPrefix(rest, ", ") || strings.HasPrefix(rest, "]"))
}
