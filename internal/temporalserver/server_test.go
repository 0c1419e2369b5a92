package temporalserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/temporaltest"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/subprocess"
	"github.com/nodemetrics/nodemetrics/wrap/temporalwrap"
)

// role is the environment variable that makes this binary a worker. It has the
// worker's number, the server's address and the namespace.
const role = "NODEMETRICS_TEMPORAL_WORKER"

const queue = "outcomes"

func TestMain(m *testing.M) {
	if part := strings.Fields(os.Getenv(role)); len(part) == 3 {
		work(part[0], part[1], part[2])
		return
	}
	os.Exit(m.Run())
}

// must ends a worker's process. The tests show its standard error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// silent is a logger for workers whose activities fail on purpose.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

var _ log.Logger = silent{}

// work is a worker's process. It works until its standard input is closed, and
// then writes its snapshot. The kernel closes the input also if the tests are
// killed. Every other worker has no cache, so it replays a workflow for each of
// its tasks.
func work(number, address, namespace string) {
	if n, err := strconv.Atoi(number); err != nil || n%2 == 0 {
		must(err)
		worker.SetStickyWorkflowCacheSize(0)
	}
	c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: silent{}})
	must(err)
	metrics := atomicmetrics.MustNew(atomicmetrics.WithSketches(), atomicmetrics.WithInFlight())
	var running outermost
	w := worker.New(c, queue, worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&running, temporalwrap.Interceptor(temporalwrap.Config{
			Collector: metrics, WorkflowPanicPolicy: worker.FailWorkflow})},
		WorkflowPanicPolicy: worker.FailWorkflow,
		WorkerStopTimeout:   time.Minute,
	})
	register(w)
	must(w.Start())
	fmt.Println("started")
	_, err = io.Copy(io.Discard, os.Stdin)
	must(err)
	w.Stop()
	running.Wait() // a worker does not wait for a local activity whose deadline has passed
	c.Close()
	must(json.NewEncoder(os.Stdout).Encode(metrics.Snapshot()))
}

// outermost is an interceptor that waits for activities. It is around that of
// temporalwrap, so it ends after the record.
type outermost struct {
	interceptor.WorkerInterceptorBase
	sync.WaitGroup
}

func (o *outermost) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &waiting{interceptor.ActivityInboundInterceptorBase{Next: next}, o}
}

type waiting struct {
	interceptor.ActivityInboundInterceptorBase
	all *outermost
}

func (w *waiting) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	w.all.Add(1)
	defer w.all.Done()
	return w.Next.ExecuteActivity(ctx, in)
}

// process is a worker.
type process struct{ *subprocess.Process }

// startWorker starts a worker and waits until it polls.
func startWorker(t *testing.T, number int, server *temporaltest.TestServer) *process {
	t.Helper()
	p := &process{subprocess.ForTest(t, fmt.Sprintf("%s=%d %s %s",
		role, number, server.GetFrontendHostPort(), server.GetDefaultNamespace()))}
	if _, err := p.Output.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return p
}

// end waits for a worker whose input is closed, and returns its snapshot.
func (p *process) end(t *testing.T) (s atomicmetrics.Snapshot) {
	t.Helper()
	if err := json.NewDecoder(p.Output).Decode(&s); err != nil {
		t.Error(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return s
}

// histories are the counts of activities and workflows by type, from the
// histories of the server.
type histories struct {
	client              client.Client
	activity, workflows map[string]*counts
}

func of(by map[string]*counts, name string) *counts {
	if by[name] == nil {
		by[name] = &counts{}
	}
	return by[name]
}

// add reads the history of a run, and of the runs that follow it.
func (h *histories) add(t *testing.T, id, run string) {
	t.Helper()
	var name string
	scheduled, attempts := map[int64]string{}, map[int64]uint64{} // by the event that scheduled it
	events := h.client.GetWorkflowHistory(t.Context(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	next := ""
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if a := event.GetWorkflowExecutionStartedEventAttributes(); a != nil {
			name = a.WorkflowType.Name
			of(h.workflows, name).attempts++
		}
		if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
			scheduled[event.EventId] = a.ActivityType.Name
		}
		if a := event.GetActivityTaskStartedEventAttributes(); a != nil {
			attempts[a.ScheduledEventId] = uint64(a.Attempt)
		}
		if a := event.GetMarkerRecordedEventAttributes(); a != nil {
			h.local(t, a)
		}
		switch {
		case strings.HasPrefix(event.EventType.String(), "WorkflowExecution"):
			of(h.workflows, name).close(event.EventType)
		case closed(event) != 0:
			of(h.activity, scheduled[closed(event)]).close(event.EventType)
		}
		for _, a := range []interface{ GetNewExecutionRunId() string }{
			event.GetWorkflowExecutionContinuedAsNewEventAttributes(), event.GetWorkflowExecutionFailedEventAttributes()} {
			if a.GetNewExecutionRunId() != "" {
				next = a.GetNewExecutionRunId()
			}
		}
	}
	for event, n := range attempts {
		of(h.activity, scheduled[event]).attempts += n
	}
	if next != "" {
		h.add(t, id, next)
	}
}

// closed returns the event that scheduled the activity which this event closes,
// 0 if it closes none.
func closed(event *historypb.HistoryEvent) int64 {
	for _, a := range []interface{ GetScheduledEventId() int64 }{
		event.GetActivityTaskCompletedEventAttributes(), event.GetActivityTaskFailedEventAttributes(),
		event.GetActivityTaskTimedOutEventAttributes(), event.GetActivityTaskCanceledEventAttributes()} {
		if id := a.GetScheduledEventId(); id != 0 {
			return id
		}
	}
	return 0
}

// local counts a local activity, of which the history has a marker.
func (h *histories) local(t *testing.T, marker *historypb.MarkerRecordedEventAttributes) {
	t.Helper()
	var data struct {
		ActivityType string
		Attempt      uint64
	}
	if err := json.Unmarshal(marker.Details["data"].Payloads[0].Data, &data); err != nil {
		t.Fatal(err)
	}
	c := of(h.activity, data.ActivityType)
	c.attempts += data.Attempt
	switch {
	case marker.Failure.GetTimeoutFailureInfo() != nil:
		c.timedOut++
	case marker.Failure != nil:
		c.failed++
	default:
		c.completed++
	}
}

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors, m.RetryCount}
}

func (o outcome) times(n uint64) outcome {
	return outcome{o.successes * n, o.timeouts * n, o.validation * n, o.network * n, o.other * n, o.retries * n}
}

func (c counts) times(n uint64) counts {
	return counts{c.attempts * n, c.completed * n, c.failed * n, c.timedOut * n, c.canceled * n, c.continued * n, c.terminated * n}
}

func TestOutcomesOnARealServer(t *testing.T) {
	const workers, each = 3, 4
	server := temporaltest.NewServer(temporaltest.WithT(t), temporaltest.WithBaseClientOptions(client.Options{Logger: silent{}}))
	var processes []*process
	for number := range workers {
		processes = append(processes, startWorker(t, number, server))
	}
	c := server.GetDefaultClient()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	type start struct{ name, id, run string }
	var starts []start
	begin := func(name string, options client.StartWorkflowOptions) client.WorkflowRun {
		options.TaskQueue = queue
		run, err := c.ExecuteWorkflow(ctx, options, name)
		if err != nil {
			t.Fatal(err)
		}
		starts = append(starts, start{name, run.GetID(), run.GetRunID()})
		return run
	}
	var runs []client.WorkflowRun
	for range each {
		for name := range activities {
			runs = append(runs, begin("calls "+name, client.StartWorkflowOptions{}))
			if name == "async" {
				complete(t, ctx, c, server.GetDefaultNamespace(), runs[len(runs)-1].GetID())
			}
		}
		for name, s := range workflows {
			run := begin(name, s.options)
			runs = append(runs, run)
			var err error
			switch name {
			case "workflowCanceled":
				err = c.CancelWorkflow(ctx, run.GetID(), run.GetRunID())
			case "workflowTerminated":
				err = c.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "on purpose")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, run := range runs {
		_ = run.Get(ctx, nil) // how it ended is in its history
		if ctx.Err() != nil {
			t.Fatalf("%s has not ended", starts[i].name)
		}
	}
	// A query replays the whole of a workflow that has ended.
	for _, s := range starts {
		if value, err := c.QueryWorkflow(ctx, s.id, s.run, "state"); err == nil {
			var answer string
			if err := value.Get(&answer); err != nil || answer != "answered" {
				t.Errorf("query: %q, error %v", answer, err)
			}
		}
	}
	h := histories{c, map[string]*counts{}, map[string]*counts{}}
	for _, s := range starts {
		h.add(t, s.id, s.run)
	}
	for _, p := range processes {
		p.Input.Close()
	}
	var snapshots []atomicmetrics.Snapshot
	for _, p := range processes {
		snapshots = append(snapshots, p.end(t))
	}
	all, err := atomicmetrics.Merge(snapshots...)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(name string, theirs, wantTheirs counts, wantOurs outcome) {
		ours := read(all.Nodes[name])
		t.Logf("%-24s | server %+v | node %+v", name, theirs, ours)
		if want := wantTheirs.times(each); theirs != want {
			t.Errorf("%s: the server counts %+v, want %+v", name, theirs, want)
		}
		if want := wantOurs.times(each); ours != want {
			t.Errorf("%s: the workers recorded %+v, want %+v", name, ours, want)
		}
	}
	for name, s := range activities {
		compare(name, *of(h.activity, name), s.server, s.ours)
		compare("calls "+name, *of(h.workflows, "calls "+name), counts{attempts: 1, completed: 1}, outcome{successes: 1})
	}
	for name, s := range workflows {
		compare(name, *of(h.workflows, name), s.server, s.ours)
	}
	for name, running := range all.InFlight {
		if running.Running != 0 {
			t.Errorf("%s: %d in flight afterwards", name, running.Running)
		}
	}
}

// complete completes the activity of a workflow of async. The server refuses
// that until the activity has started.
func complete(t *testing.T, ctx context.Context, c client.Client, namespace, workflowID string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.CompleteActivityByID(ctx, namespace, workflowID, "", "async", nil, nil)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}
