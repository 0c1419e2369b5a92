package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/riverwrap"
)

const (
	ready  = "ready\n"   // a worker process prints it
	stop   = "stop\n"    // a worker process reads it
	period = time.Second // of the snapshots
)

// kinds are the kinds of jobs, with the least duration of each.
var kinds = map[string]time.Duration{
	"fetch":  20 * time.Millisecond,
	"parse":  5 * time.Millisecond,
	"resize": 40 * time.Millisecond,
	"mail":   10 * time.Millisecond,
}

// args are those of a job.
type args struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
}

func (a args) Kind() string { return a.Name }

// worker runs the jobs of a kind. The outcome of a run depends on the job's
// number and on its runs before.
type worker struct{ river.WorkerDefaults[args] }

// Work runs for up to eleven times the least duration of the kind. One job of
// forty is snoozed, one of ten fails once, and one of fifty fails twice.
func (*worker) Work(ctx context.Context, job *river.Job[args]) error {
	w := ctx.Value(witnessKey{}).(*witness)
	begin := time.Now()
	defer func() { w.Inside = time.Since(begin) }()
	n := job.Args.Number
	long := float64(n*37%100) / 100
	time.Sleep(kinds[job.Kind] + time.Duration(10*long*long*long*float64(kinds[job.Kind])))
	switch {
	case n%40 == 7 && w.snoozes == 0:
		return river.JobSnooze(0)
	case n%50 == 0 && job.Attempt <= 2, n%20 == 0 && job.Attempt == 1:
		return fmt.Errorf("%s %d: %w", job.Kind, n, context.DeadlineExceeded)
	case n%10 == 0 && job.Attempt == 1:
		return errors.New("busy")
	}
	return nil
}

func (*worker) NextRetry(*river.Job[args]) time.Time { return time.Now() }

// witness is the part of a run that River's table of jobs keeps, in the job's
// metadata. The duration that a collector records is between Inside and
// Outside.
type witness struct {
	Instance        string
	Inside, Outside time.Duration
	Ended           time.Time // after the record
	Failed, Retry   bool
	snoozes         int
}

type witnessKey struct{}

// metadata is the part of a job's metadata that the fleet reads.
type metadata struct {
	Output  []witness
	Snoozes int
}

// observe returns a middleware that adds a witness of each run to its job.
func observe(instance string) river.WorkerMiddlewareFunc {
	return func(ctx context.Context, job *rivertype.JobRow, run func(context.Context) error) error {
		var before metadata
		if err := json.Unmarshal(job.Metadata, &before); err != nil {
			return err
		}
		w := witness{Instance: instance, Retry: job.Attempt > 1, snoozes: before.Snoozes}
		begin := time.Now()
		err := run(context.WithValue(ctx, witnessKey{}, &w))
		w.Outside, w.Ended, w.Failed = time.Since(begin), time.Now(), err != nil
		if snooze := new(river.JobSnoozeError); errors.As(err, &snooze) {
			return err // no execution
		}
		return errors.Join(err, river.RecordOutput(ctx, append(before.Output, w)))
	}
}

// work works jobs and writes snapshots until it reads stop.
func work(ctx context.Context, address, instance string) error {
	db, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer db.Close()
	metrics, err := atomicmetrics.New(
		atomicmetrics.WithInstance(instance), atomicmetrics.WithSketches(), atomicmetrics.WithWindowSize(1024))
	if err != nil {
		return err
	}
	workers := river.NewWorkers()
	for kind := range kinds {
		river.AddWorkerArgs(workers, args{Name: kind}, &worker{})
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		ID:     instance,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 3}},
		Middleware: []rivertype.Middleware{
			observe(instance),
			riverwrap.Middleware(riverwrap.Config{Collector: metrics}),
		},
		Workers:       workers,
		Logger:        slog.New(slog.DiscardHandler),
		FetchCooldown: 20 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	fmt.Print(ready)
	stopped := make(chan struct{})
	go func() {
		if line, _ := bufio.NewReader(os.Stdin).ReadString('\n'); line != stop {
			os.Exit(1) // the process that started this one has died, and the database with it
		}
		close(stopped)
	}()
	for tick := time.Tick(period); ; {
		select {
		case <-tick:
			err = write(ctx, db, instance, metrics)
		case <-stopped:
			return errors.Join(client.Stop(ctx), write(ctx, db, instance, metrics))
		}
		if err != nil {
			return err
		}
	}
}

// write writes a snapshot as a row.
func write(ctx context.Context, db *pgxpool.Pool, instance string, metrics *atomicmetrics.Collector) error {
	s := metrics.Snapshot()
	document, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, "INSERT INTO snapshots VALUES ($1, $2, $3)", instance, s.TakenAt, document)
	return err
}
