package main

import (
	"errors"
	"fmt"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// account compares the pipeline's own counts with the collector's, node by node
// and figure by figure. The pipeline is at rest, so every figure must be exact.
// The returned line says where the files went.
func (l *pipeline) account(s atomicmetrics.Snapshot, taken int) (string, error) {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("not accounted for: "+format, args...))
	}
	agree := func(what string, fed, kept uint64) {
		if fed != kept {
			refuse("%s: %d by the demo's own count, %d by the collector", what, fed, kept)
		}
	}
	entered, failed := uint64(l.files.Load()), ""
	for i, fed := range l.fed() {
		name := nodes[i]
		m := s.Nodes[name]
		agree("executions of "+name, entered, m.TotalExecutions)
		agree("successes of "+name, fed.succeeded.Load(), m.SuccessCount)
		agree("timeouts of "+name, fed.timeout.Load(), m.TimeoutErrors)
		agree("validation errors of "+name, fed.validation.Load(), m.ValidationErrors)
		agree("network errors of "+name, fed.network.Load(), m.NetworkErrors)
		agree("other errors of "+name, fed.other.Load(), m.OtherErrors)
		agree("retries of "+name, fed.retries.Load(), m.RetryCount)
		if m.FailureCount > 0 {
			failed += fmt.Sprintf(" + %d failed in %s", m.FailureCount, name)
		}
		entered = fed.succeeded.Load() // the next node gets the successes of this node
	}
	if uint64(taken) < entered {
		refuse("%d documents were published, and the server took %d", entered, taken)
	}
	executions, retries := records(s)
	return fmt.Sprintf("accounted for: %d files = %d published%s; the server took %d\n"+
		"               %d executions and %d retries, by the demo's own count and by the collector's",
		l.files.Load(), entered, failed, taken, executions, retries), errors.Join(errs...)
}
