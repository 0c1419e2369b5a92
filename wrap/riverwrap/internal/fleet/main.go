// Command fleet runs jobs of River in several processes on a PostgreSQL of its
// own. It kills one of the processes, and reads the fleet by an
// atomicmetrics.Merger and by SQL alone. It fails if the two differ from each
// other or from River's table of jobs.
//
// Each process writes its snapshot as a row every second. The command prints
// the records that the killed process took with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/nodemetrics/nodemetrics/internal/postgres"
	"github.com/nodemetrics/nodemetrics/internal/subprocess"
)

// The command runs as a worker process with these variables.
const (
	addressVariable  = "NODEMETRICS_FLEET_ADDRESS" // of the PostgreSQL
	instanceVariable = "NODEMETRICS_FLEET_INSTANCE"
)

const (
	processes = 8
	victim    = "w3" // the process that is killed
	newcomer  = "w9" // the process that starts then
	// A job runs at most three times. So all runs of a kind in one process are
	// a window, and a sketch is all samples.
	leastJobs, mostJobs = 400, 3200
)

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt)
	defer restore()
	var err error
	if instance := os.Getenv(instanceVariable); instance != "" {
		err = work(ctx, os.Getenv(addressVariable), instance)
	} else {
		jobs := flag.Int("jobs", mostJobs, fmt.Sprintf("`number` of jobs, from %d to %d", leastJobs, mostJobs))
		flag.Parse()
		if *jobs < leastJobs || *jobs > mostJobs {
			flag.Usage()
			os.Exit(2)
		}
		err = run(ctx, os.Stdout, *jobs/len(kinds))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// run runs a fleet with so many jobs of each kind and checks it.
func run(ctx context.Context, out io.Writer, jobs int) error {
	server, err := postgres.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	db, err := pgxpool.New(ctx, server.Address())
	if err != nil {
		return err
	}
	defer db.Close()
	if err := setUp(ctx, db); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d processes work %d jobs. Each writes a snapshot every %v.\n", processes, jobs*len(kinds), period)
	fleet := map[string]*process{}
	defer func() {
		for _, p := range fleet {
			_ = p.Process.Process.Kill() // it has ended, unless there is an error
		}
	}()
	for i := range processes {
		instance := fmt.Sprintf("w%d", i+1)
		if fleet[instance], err = start(server.Address(), instance); err != nil {
			return err
		}
	}
	if err := insert(ctx, db, jobs); err != nil {
		return err
	}
	if err := await(ctx, db, "SELECT count(*) >= $1 FROM river_job WHERE finalized_at IS NOT NULL", jobs*len(kinds)/4); err != nil {
		return err
	}
	if err := await(ctx, db, "SELECT count(*) > 0 FROM snapshots WHERE instance = $1", victim); err != nil {
		return err
	}
	if err := fleet[victim].kill(); err != nil {
		return err
	}
	killed := time.Now()
	delete(fleet, victim)
	if fleet[newcomer], err = start(server.Address(), newcomer); err != nil {
		return err
	}
	// River gives the jobs of the killed process to another one after an hour.
	if err := await(ctx, db, `SELECT count(*) = 0 FROM river_job
		WHERE finalized_at IS NULL AND NOT (state = 'running' AND attempted_by[cardinality(attempted_by)] = $1)`, victim); err != nil {
		return err
	}
	for _, p := range fleet {
		if err := p.stop(); err != nil {
			return err
		}
	}
	return report(ctx, out, db, killed)
}

// setUp makes the tables.
func setUp(ctx context.Context, db *pgxpool.Pool) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	_, err = db.Exec(ctx, table+";"+newest+";"+pairs)
	return err
}

// insert inserts jobs, so many of each kind, which take turns.
func insert(ctx context.Context, db *pgxpool.Pool, jobs int) error {
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	var all []river.InsertManyParams
	for i := range jobs {
		for kind := range kinds {
			all = append(all, river.InsertManyParams{Args: args{kind, i}})
		}
	}
	_, err = client.InsertManyFast(ctx, all)
	return err
}

// await asks a question until the answer is true.
func await(ctx context.Context, db *pgxpool.Pool, question string, arg any) error {
	for range time.Tick(50 * time.Millisecond) {
		var yes bool
		if err := db.QueryRow(ctx, question, arg).Scan(&yes); yes || err != nil {
			return err
		}
	}
	return nil
}

// process is a worker process.
type process struct{ *subprocess.Process }

// start starts a worker process and waits until it says that it works.
func start(address, instance string) (*process, error) {
	p, err := subprocess.Start(addressVariable+"="+address, instanceVariable+"="+instance)
	if err != nil {
		return nil, err
	}
	if line, err := p.Output.ReadString('\n'); line != ready {
		return nil, errors.Join(fmt.Errorf("%s does not start", instance), err, p.Process.Kill())
	}
	return &process{p}, nil
}

// kill kills the process by SIGKILL.
func (p *process) kill() error {
	err := p.Process.Process.Kill()
	_ = p.Wait() // killed
	return err
}

// stop lets the process end its runs, write its last snapshot and end.
func (p *process) stop() error {
	_, err := io.WriteString(p.Input, stop)
	return errors.Join(err, p.Wait())
}
