package asynqwrap_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/subprocess"
	"github.com/nodemetrics/nodemetrics/wrap/asynqwrap"
)

var _, errInvalid = strconv.Atoi("x")

type runs = []func(context.Context) error

// killed is the scenario whose first run is in a process that is killed.
const killed = "killed"

// scenarios are by type of task, and by queue.
var scenarios = map[string]struct {
	runs    runs // of one task, in turn
	max     int  // retries
	want    outcome
	retries []uint64 // first, second, …
	absent  int      // runs that asynq counts as failures, but Ignore accepts, or that died
}{
	"success":           {runs{returns(nil)}, 3, outcome{successes: 1}, nil, 0},
	"failure":           {runs{returns(errFailed)}, 0, outcome{other: 1}, nil, 0},
	"invalid":           {runs{returns(fmt.Errorf("task: %w", errInvalid))}, 0, outcome{validation: 1}, nil, 0},
	"own timeout":       {runs{returns(context.DeadlineExceeded)}, 0, outcome{timeouts: 1}, nil, 0},
	"own cancel":        {runs{returns(context.Canceled)}, 0, outcome{}, nil, 1},
	"fails, succeeds":   {runs{returns(errFailed), returns(errFailed), returns(nil)}, 3, outcome{other: 2, successes: 1}, []uint64{1, 1}, 0},
	"fails to the end":  {runs{returns(errFailed), returns(errFailed), returns(errInvalid)}, 2, outcome{other: 2, validation: 1}, []uint64{1, 1}, 0},
	"skip":              {runs{returns(fmt.Errorf("no use: %w", asynq.SkipRetry))}, 3, outcome{other: 1}, nil, 0},
	"fails, skip":       {runs{returns(errFailed), returns(asynq.SkipRetry)}, 3, outcome{other: 2}, []uint64{1}, 0},
	"revoke":            {runs{returns(fmt.Errorf("not needed: %w", asynq.RevokeTask))}, 3, outcome{successes: 1}, nil, 0},
	"fails, revoke":     {runs{returns(errFailed), returns(asynq.RevokeTask)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
	"panic":             {runs{panics}, 0, outcome{other: 1}, nil, 0},
	"panics, succeeds":  {runs{panics, returns(nil)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
	"late":              {runs{late(nil)}, 0, outcome{timeouts: 1}, nil, 0},
	"late, succeeds":    {runs{late(nil), returns(nil)}, 3, outcome{timeouts: 1, successes: 1}, []uint64{1}, 0},
	"late error":        {runs{late(errFailed)}, 0, outcome{timeouts: 1}, nil, 0},
	"late revoke":       {runs{late(asynq.RevokeTask)}, 0, outcome{timeouts: 1}, nil, 0},
	"late busy":         {runs{late(errBusy)}, 0, outcome{timeouts: 1}, nil, 0},
	"busy":              {runs{returns(errBusy), returns(errBusy), returns(nil)}, 3, outcome{successes: 1}, nil, 0},
	"fails, busy":       {runs{returns(errFailed), returns(errBusy), returns(errBusy), returns(nil)}, 3, outcome{other: 1, successes: 1}, []uint64{1}, 0},
	"busy, fails, busy": {runs{returns(errBusy), returns(errFailed), returns(errBusy), returns(errFailed), returns(nil)}, 3, outcome{other: 2, successes: 1}, []uint64{1, 1}, 0},
	"busy, no retry":    {runs{returns(errBusy)}, 0, outcome{}, nil, 1},
	"called off":        {runs{calledOff}, 0, outcome{}, nil, 1},
	killed:              {runs{waits, returns(nil)}, 3, outcome{successes: 1}, []uint64{1}, 1},
}

const began, ended = "began", "ended" // a worker process prints them

// waits is a run that says that it runs, and never ends.
func waits(context.Context) error {
	fmt.Println(began)
	select {}
}

// calledOff is a run whose task is canceled by a client.
func calledOff(ctx context.Context) error {
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: os.Getenv(addressVariable)})
	defer inspector.Close()
	id, _ := asynq.GetTaskID(ctx)
	for ctx.Err() == nil { // the server may not listen for cancellations yet
		if err := inspector.CancelProcessing(id); err != nil {
			return err
		}
	}
	return nil
}

// A worker process is the test binary with these variables.
const (
	addressVariable = "NODEMETRICS_ASYNQ_ADDRESS" // of the Redis
	queueVariable   = "NODEMETRICS_ASYNQ_QUEUE"   // the only one that the process works; empty for all
)

func TestMain(m *testing.M) {
	if os.Getenv(addressVariable) == "" {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv(addressVariable), os.Getenv(queueVariable)); err != nil {
		panic(err)
	}
}

// work works queues until it reads stop, and then prints a snapshot.
func work(address, only string) error {
	metrics, err := atomicmetrics.New(atomicmetrics.WithSketches())
	if err != nil {
		return err
	}
	// A retry would count a run twice.
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1, ReadTimeout: -1, WriteTimeout: -1})
	defer client.Close()
	queues := map[string]int{}
	mux := asynq.NewServeMux()
	mux.Use(asynqwrap.Middleware(asynqwrap.Config{Collector: metrics, Ignore: ignore}))
	for kind, s := range scenarios {
		if only == "" || only == kind {
			queues[kind] = 1
		}
		mux.HandleFunc(kind, func(ctx context.Context, _ *asynq.Task) error {
			defer fmt.Println(ended)
			id, _ := asynq.GetTaskID(ctx)
			// A run may be in another process than the run before.
			n, err := client.Incr(context.WithoutCancel(ctx), "runs:"+id).Result()
			if err != nil {
				return err
			}
			return s.runs[n-1](ctx)
		})
	}
	server := newServer(asynq.RedisClientOpt{Addr: address}, queues, 0)
	if err := server.Start(mux); err != nil {
		return err
	}
	if line, err := bufio.NewReader(os.Stdin).ReadString('\n'); line != stop {
		return err // the test has died, and the Redis with it
	}
	server.Shutdown()
	return json.NewEncoder(os.Stdout).Encode(metrics)
}

// stop is a line that ends a worker process.
const stop = "stop\n"

// startProcess starts a worker process, which sends the lines of its output.
func startProcess(t *testing.T, lines chan<- string, address, queue string) *subprocess.Process {
	t.Helper()
	p := subprocess.ForTest(t, addressVariable+"="+address, queueVariable+"="+queue)
	go func() {
		for {
			line, err := p.Output.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSpace(line)
		}
	}()
	return p
}

// Three processes work the tasks. One is killed before the others start.
func TestRunsOfManyProcessesAreCountedAsAsynqCountsThem(t *testing.T) {
	address := startRedis(t)
	inspector, client := asynq.NewInspector(address), asynq.NewClient(address)
	defer inspector.Close()
	defer client.Close()
	lines := make(chan string)
	first := startProcess(t, lines, address.Addr, killed)
	total := 0
	for kind, s := range scenarios {
		total += tasks(kind) * len(s.runs)
		limit := time.Hour
		if strings.HasPrefix(kind, "late") {
			limit = time.Second // the shortest that asynq has
		}
		for i := range tasks(kind) {
			if _, err := client.Enqueue(asynq.NewTask(kind, nil), asynq.Queue(kind), asynq.TaskID(taskID(kind, i)),
				asynq.MaxRetry(s.max), asynq.Timeout(limit), asynq.Retention(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if line := <-lines; line != began {
		t.Fatalf("the process printed %q", line)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	// The lease of the killed run has ended long ago.
	db := redis.NewClient(&redis.Options{Addr: address.Addr})
	defer db.Close()
	leases := "asynq:{" + killed + "}:lease"
	if n, err := db.ZAddXX(t.Context(), leases, redis.Z{Member: taskID(killed, 0)}).Result(); err != nil {
		t.Fatal(n, err)
	}

	processes := []*subprocess.Process{startProcess(t, lines, address.Addr, ""), startProcess(t, lines, address.Addr, "")}
	for range total - 1 {
		if line := <-lines; line != ended {
			t.Fatalf("a process printed %q", line)
		}
	}
	var snapshots []atomicmetrics.Snapshot
	for _, p := range processes {
		_, err := io.WriteString(p.Input, stop)
		s, err2 := atomicmetrics.ParseSnapshot([]byte(<-lines))
		if err := errors.Join(err, err2, p.Wait()); err != nil {
			t.Fatal(err)
		}
		snapshots = append(snapshots, s)
	}
	fleet, err := atomicmetrics.Merge(snapshots...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-18s %28s %28s", "", "asynq: runs failed retries", "ours: runs failed retries")
	for _, kind := range slices.Sorted(maps.Keys(scenarios)) {
		s, got := scenarios[kind], fleet.Nodes[kind]
		tasks := tasks(kind)
		want, byAttempt := one(s.want, s.retries...)
		for _, count := range []*uint64{&want.successes, &want.timeouts, &want.network, &want.validation, &want.other, &want.retries} {
			*count *= uint64(tasks)
		}
		for i := range byAttempt {
			byAttempt[i] *= uint64(tasks)
		}
		if read(got) != want || got.RetriesByAttempt != byAttempt {
			t.Errorf("%s: %+v, retries %v; want %+v, %v", kind, read(got), got.RetriesByAttempt, want, byAttempt)
		}
		died := 0
		if kind == killed {
			died = 1
		}
		if runs := int(got.TotalExecutions+fleet.Ignored[kind]) + died; runs != tasks*len(s.runs) {
			t.Errorf("%s: %d executions, %d ignored and %d that died, want %d in all",
				kind, got.TotalExecutions, fleet.Ignored[kind], died, tasks*len(s.runs))
		}
		var ids []string
		for i := range tasks {
			ids = append(ids, taskID(kind, i))
		}
		compare(t, inspector, kind, got, tasks*s.absent, ids...)
	}
}

// tasks returns how many tasks there are of a kind.
func tasks(kind string) int {
	if kind == killed {
		return 1
	}
	return 5
}

// taskID returns the identifier of a task. CancelProcessing takes no queue, so
// it differs from those of other kinds.
func taskID(kind string, i int) string { return kind + strconv.Itoa(i) }

// compare compares the counts of a node with asynq's own of the queue of that
// name and of its tasks. Absent are the failures that no node has. A task that
// was revoked has gone, and its retries with it.
func compare(t *testing.T, inspector *asynq.Inspector, name string, got atomicmetrics.NodeMetrics, absent int, ids ...string) {
	t.Helper()
	queue, err := inspector.GetQueueInfo(name)
	if err != nil {
		t.Fatal(err)
	}
	retried, gone := 0, ""
	for _, id := range ids {
		task, err := inspector.GetTaskInfo(name, id)
		switch {
		case errors.Is(err, asynq.ErrTaskNotFound):
			gone = "its tasks have gone"
		case err != nil:
			t.Error(err)
		default:
			retried += task.Retried
		}
	}
	note := gone
	switch {
	case name == killed:
		note = "it died with its process"
	case absent > 0:
		note = "Ignore accepts it"
	}
	t.Logf("%-18s %14d %6d %6d %14d %6d %6d  %s", name, queue.ProcessedTotal, queue.FailedTotal, retried,
		got.TotalExecutions, got.FailureCount, got.RetryCount, note)
	if executions, failures := int(got.TotalExecutions)+absent, int(got.FailureCount)+absent; executions != queue.ProcessedTotal ||
		failures != queue.FailedTotal {
		t.Errorf("%s: %d of %d runs failed, %d of them absent; asynq counts %d of %d", name,
			failures, executions, absent, queue.FailedTotal, queue.ProcessedTotal)
	}
	if gone == "" && int(got.RetryCount) != retried {
		t.Errorf("%s: %d retries; asynq counts %d", name, got.RetryCount, retried)
	}
}
