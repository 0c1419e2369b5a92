package riverwrap_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/subprocess"
	"github.com/nodemetrics/nodemetrics/wrap/riverwrap"
)

// A worker process is the test binary with these variables.
const (
	addressVariable = "NODEMETRICS_RIVER_ADDRESS" // of the PostgreSQL
	queuesVariable  = "NODEMETRICS_RIVER_QUEUES"  // that the process works, separated by commas
)

func TestMain(m *testing.M) {
	if os.Getenv(addressVariable) == "" {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv(addressVariable), strings.Split(os.Getenv(queuesVariable), ",")); err != nil {
		panic(err)
	}
}

// work works queues until it reads stop, and then prints a snapshot.
// It ends its client by StopAndCancel. A client of the queue startQueue ends
// because the context of its Start ends.
func work(address string, queues []string) error {
	ctx := context.Background()
	db, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer db.Close()
	metrics, err := atomicmetrics.New(atomicmetrics.WithSketches())
	if err != nil {
		return err
	}
	workers := river.NewWorkers()
	for kind, s := range scenarios {
		river.AddWorkerArgs(workers, args{kind}, &worker{scenario: s, db: db})
	}
	served := map[string]river.QueueConfig{}
	for _, queue := range queues {
		served[queue] = river.QueueConfig{MaxWorkers: 20}
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Queues:                 served,
		Workers:                workers,
		Middleware:             []rivertype.Middleware{riverwrap.Middleware(riverwrap.Config{Collector: metrics})},
		Logger:                 slog.New(slog.DiscardHandler),
		LeaderElectionDisabled: len(queues) == 1, // a process that is stopped or killed leads nobody
		TestOnly:               true,
	})
	if err != nil {
		return err
	}
	startCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := client.Start(startCtx); err != nil {
		return err
	}
	if line, err := bufio.NewReader(os.Stdin).ReadString('\n'); line != stop {
		return err // the test has died, and the database with it
	}
	if queues[0] == startQueue {
		cancel()
		<-client.Stopped()
	} else if err := client.StopAndCancel(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(metrics)
}

// stop is a line that ends a worker process.
const stop = "stop\n"

// process is a worker process.
type process struct{ *subprocess.Process }

func startProcess(t *testing.T, address string, queues ...string) *process {
	t.Helper()
	return &process{subprocess.ForTest(t, addressVariable+"="+address, queuesVariable+"="+strings.Join(queues, ","))}
}

// awaitRun waits until a job of the process says that it runs.
func (p *process) awaitRun(t *testing.T) {
	t.Helper()
	if line, err := p.Output.ReadString('\n'); line != begun+"\n" {
		t.Fatalf("the process printed %q: %v", line, err)
	}
}

// stop ends the process and returns its snapshot.
func (p *process) stop(t *testing.T) atomicmetrics.Snapshot {
	t.Helper()
	_, err := io.WriteString(p.Input, stop)
	text, err2 := io.ReadAll(p.Output)
	if err := errors.Join(err, err2, p.Wait()); err != nil {
		t.Fatal(err)
	}
	s, err := atomicmetrics.ParseSnapshot(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kill kills the process by SIGKILL.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // killed
}

// connect returns a connection that ends with the test.
func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
